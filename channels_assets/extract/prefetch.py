"""Iterate in a thread, while the caller works on earlier items."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class _End:
    """Comes after the last item; `error` is what ended the iterator early."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(items: Generator[T], stop: threading.Event) -> Generator[T]:
    """The items, made in another thread while this thread works on earlier items.

    What ends the iterator early is raised here, after the items before it. Closing this generator
    sets `stop`, at which `items` must end, and waits for the thread, which closes `items`.
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

    thread = threading.Thread(target=work, name="prefetch")
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
