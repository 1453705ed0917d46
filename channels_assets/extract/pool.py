"""Pull many lists at once, with a bounded number of calls on the wire over all of them."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Generator, Hashable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from channels_assets.extract.call_slots import WalkThreads
from channels_assets.extract.pull import PageFolder, Pulled, PullTask, pull
from channels_assets.wechat.client import Stopped

_STOP_POLL_SECONDS = 0.2
_BATCH_WAIT_SECONDS = 0.1
_BATCH_WAITS_BELOW = 32
"""A batch with fewer lists waits for more of them."""
_MAX_BATCH = 512
"""Lists in a batch: when one can't be loaded, each of them is loaded alone."""
_WANTED_OPEN_FILES = 4096
_OPEN_FILES_PER_LIST = 8
"""Each list that was pulled and is not loaded has an open file; so have connections and databases."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Outcome(Generic[Key]):
    """The result of one list: pages to load, or why there are none."""

    key: Key
    result: Pulled | Exception


class _Pool(Generic[Key]):
    """Pulls lists side by side, from `batches` until `close`."""

    def __init__(
        self,
        tasks: Mapping[Key, PullTask],
        folder: PageFolder,
        max_in_flight: int,
        stop: threading.Event,
    ) -> None:
        self._tasks = tasks
        self._folder = folder
        self._stop = stop
        self._done: SimpleQueue[Outcome[Key]] = SimpleQueue()
        self._unread = 0
        self._max_unread = min(_MAX_BATCH, _allowed_open_files() // _OPEN_FILES_PER_LIST)
        self._read = threading.Condition()
        # A walk has an open file as well.
        self._threads = WalkThreads(max_in_flight, len(tasks), self._max_unread)

    def batches(self) -> Generator[list[Outcome[Key]]]:
        """The lists that ended since the last batch, pulled or failed, until all have ended."""
        walks: dict[str, list[Callable[[], object]]] = {}
        for key, task in self._tasks.items():
            walks.setdefault(task.account, []).append(partial(self._pull, key, task))
        self._threads.start(walks)
        waiting = len(self._tasks)
        while waiting:
            batch = [self._next()]
            # Lists that end soon after are loaded with it: a load costs about as much for one list as
            # for some.
            deadline = time.monotonic() + _BATCH_WAIT_SECONDS
            size = min(waiting, self._max_unread)
            with suppress(Empty):
                while len(batch) < size:
                    seconds = deadline - time.monotonic()
                    if len(batch) >= _BATCH_WAITS_BELOW:
                        seconds = 0
                    batch.append(self._done.get(seconds > 0, max(0, seconds)))
            waiting -= len(batch)
            with self._read:
                self._unread -= len(batch)
                self._read.notify_all()
            yield batch

    def _pull(self, key: Key, task: PullTask) -> None:
        with self._read:
            self._read.wait_for(lambda: self._unread < self._max_unread or self._stop.is_set())
        try:
            result: Pulled | Exception = pull(task, self._folder, self._stop, self._threads)
        except Stopped:
            # The list has not failed; `batches` raises Stopped for all of them.
            return
        except Exception as error:
            result = error
        with self._read:
            self._unread += 1
        self._done.put(Outcome(key, result))

    def _next(self) -> Outcome[Key]:
        while True:
            if self._stop.is_set():
                raise Stopped
            with suppress(Empty):
                return self._done.get(timeout=_STOP_POLL_SECONDS)

    def close(self) -> None:
        """Stops the walks and waits for them; page files that were not read can be resumed."""
        self._stop.set()
        with self._read:
            self._read.notify_all()
        try:
            self._threads.close()
        finally:
            while not self._done.empty():
                result = self._done.get().result
                if isinstance(result, Pulled):
                    result.page_file.keep()


def pull_all(
    tasks: Mapping[Key, PullTask],
    folder: PageFolder,
    max_in_flight: int,
    stop: threading.Event,
) -> Generator[list[Outcome[Key]]]:
    """Pulls the lists side by side and yields them in batches. A reader that may fail must close it.

    At most `max_in_flight` calls are on the wire; an account that must call slowly keeps none of the
    others waiting. While some hundreds of lists wait for the reader (fewer where few files may be
    open), no further list is begun. Once `stop` is set, no further call is sent, and Stopped is raised.
    """
    with closing(_Pool(tasks, folder, max_in_flight, stop)) as pool:
        yield from pool.batches()


def _allowed_open_files() -> int:
    """Asks the system for some thousands where it gives fewer at first, as macOS does (256)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < _WANTED_OPEN_FILES:
        wanted = _WANTED_OPEN_FILES
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if 0 <= soft < _WANTED_OPEN_FILES else _WANTED_OPEN_FILES
