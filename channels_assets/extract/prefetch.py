"""An iterator that runs ahead in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class _End:
    """Behind the last item; `error` is what ended it early."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def in_background(items: Generator[T], stop: threading.Event) -> Generator[T]:
    """The items, made in another thread while this one works on earlier ones.

    What ends the iterator early is raised here, behind the items before it. Closing this generator
    sets `stop`, which `items` must heed, and waits for the thread; that closes `items`.
    """
    ready: SimpleQueue[T | _End] = SimpleQueue()

    def work() -> None:
        error: BaseException | None = None
        try:
            with closing(items):
                for item in items:
                    ready.put(item)
        except BaseException as raised:
            error = raised
        ready.put(_End(error))

    thread = threading.Thread(target=work, name="background")
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stop.set()
        thread.join()
