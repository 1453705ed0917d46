"""Many lists at once, a bounded number of calls in flight over all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Hashable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from channels_assets.extract.call_slots import WalkThreads
from channels_assets.extract.open_files import allowed_open_files
from channels_assets.extract.pull import Pulled, PullTask, Staging, pull
from channels_assets.wechat.client import Stopped

_LOOK_FOR_STOP_SECONDS = 0.2
_GATHER_SECONDS = 0.1
_ENOUGH_TOGETHER = 32
"""Lists in a batch that waits for no more of them."""
_MOST_TOGETHER = 512
"""Lists in a batch: when one can't be loaded, each of them is loaded alone."""
_SHARE_OF_OPEN_FILES = 8
"""One of so many is a list that waits; there are connections, databases and further lists, too."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Outcome(Generic[Key]):
    """What became of one list: pages to load, or why there are none."""

    key: Key
    result: Pulled | Exception


class _Pulling(Generic[Key]):
    """Lists that are pulled side by side, from `batches` until `close`."""

    def __init__(
        self,
        tasks: Mapping[Key, PullTask],
        staging: Staging,
        max_in_flight: int,
        stop: threading.Event,
    ) -> None:
        self._tasks = tasks
        self._staging = staging
        self._stop = stop
        self._done: SimpleQueue[Outcome[Key]] = SimpleQueue()
        self._unread = 0
        self._most_together = min(_MOST_TOGETHER, allowed_open_files() // _SHARE_OF_OPEN_FILES)
        self._read = threading.Condition()
        # A walk has an open file as well.
        self._threads = WalkThreads(max_in_flight, len(tasks), self._most_together)

    def batches(self) -> Generator[list[Outcome[Key]]]:
        """Those that have ended since, good or bad, until all have."""
        walks: dict[str, list[Callable[[], object]]] = {}
        for key, task in self._tasks.items():
            walks.setdefault(task.account, []).append(partial(self._pull, key, task))
        self._threads.start(walks)
        waiting = len(self._tasks)
        while waiting:
            batch = [self._next()]
            # What ends soon after is loaded with it: a load costs about as much for one as for some.
            until = time.monotonic() + _GATHER_SECONDS
            most = min(waiting, self._most_together)
            with suppress(Empty):
                while len(batch) < most:
                    left = until - time.monotonic() if len(batch) < _ENOUGH_TOGETHER else 0
                    batch.append(self._done.get(left > 0, max(0, left)))
            waiting -= len(batch)
            with self._read:
                self._unread -= len(batch)
                self._read.notify_all()
            yield batch

    def _pull(self, key: Key, task: PullTask) -> None:
        with self._read:
            self._read.wait_for(lambda: self._unread < self._most_together or self._stop.is_set())
        try:
            result: Pulled | Exception = pull(task, self._staging, self._stop, self._threads)
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
                return self._done.get(timeout=_LOOK_FOR_STOP_SECONDS)

    def close(self) -> None:
        """Waits for the walks to stop; what was pulled and not read can be resumed."""
        self._stop.set()
        with self._read:
            self._read.notify_all()
        try:
            self._threads.close()
        finally:
            while not self._done.empty():
                result = self._done.get().result
                if isinstance(result, Pulled):
                    result.staged.keep()


def pull_all(
    tasks: Mapping[Key, PullTask],
    staging: Staging,
    max_in_flight: int,
    stop: threading.Event,
) -> Generator[list[Outcome[Key]]]:
    """Pulls the lists side by side and yields them in batches. A reader that may fail must close it.

    At most `max_in_flight` calls are on the wire; an account that must call slowly keeps none of the
    others waiting. While some hundreds of lists wait for the reader (fewer where few files may be
    open), no other is begun. Once `stop` is set, no further call is sent, and Stopped is raised.
    """
    with closing(_Pulling(tasks, staging, max_in_flight, stop)) as pulling:
        yield from pulling.batches()
