"""Many lists at once, a bounded number of calls in flight over all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from channels_assets.extract.lanes import Lanes
from channels_assets.extract.pull import Pulled, PullTask, Staging, pull
from channels_assets.wechat.client import Stopped

_LOOK_FOR_STOP_SECONDS = 0.2
_GATHER_SECONDS = 0.1

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Outcome(Generic[Key]):
    """What became of one list: pages to load, or why there are none."""

    key: Key
    result: Pulled | Exception


def pull_all(
    tasks: Mapping[Key, PullTask],
    staging: Staging,
    max_in_flight: int,
    stop: threading.Event,
) -> Generator[list[Outcome[Key]]]:
    """Pulls the lists side by side and yields those that have ended since, good or bad, in batches.

    At most `max_in_flight` calls are under way; an account that must call slowly keeps none of the
    others waiting. Pulling never runs more than a few lists ahead of its reader. Once `stop` is set
    it raises Stopped, and closing the generator stops the walks between two calls: a reader that may
    fail must close it.
    """
    if not tasks:
        return
    done: SimpleQueue[Outcome[Key]] = SimpleQueue()
    room = threading.Semaphore(16 * max_in_flight)
    lanes = Lanes(max_in_flight)

    def work(key: Key, task: PullTask) -> None:
        room.acquire()
        try:
            result: Pulled | Exception = pull(task, staging, stop, lanes)
        except Exception as error:
            result = error
        done.put(Outcome(key, result))

    try:
        for key, task in tasks.items():
            lanes.walk(task.account, partial(work, key, task))
        waiting = len(tasks)
        while waiting:
            batch = [_next(done, stop)]
            # What ends soon after is loaded with it: a load costs about as much for one as for many.
            until = time.monotonic() + _GATHER_SECONDS
            while len(batch) < waiting and (left := until - time.monotonic()) > 0:
                with suppress(Empty):
                    batch.append(done.get(timeout=left))
            yield batch
            waiting -= len(batch)
            room.release(len(batch))
    finally:
        stop.set()
        room.release(len(tasks))
        lanes.close()
        while not done.empty():
            result = done.get().result
            if isinstance(result, Pulled):
                result.staged.keep()


def _next(done: SimpleQueue[Outcome[Key]], stop: threading.Event) -> Outcome[Key]:
    while True:
        if stop.is_set():
            raise Stopped
        with suppress(Empty):
            return done.get(timeout=_LOOK_FOR_STOP_SECONDS)
