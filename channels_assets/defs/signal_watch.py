"""Each Ctrl-C and SIGTERM of the process, whoever handles it; what happens when a second one comes."""

from __future__ import annotations

import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ONE_AND_THE_SAME_SECONDS = 0.2
"""make and others pass on to us what the terminal has sent us already."""
_SAY_SO_SECONDS = 2


def nothing() -> None:
    """For a watch whose owner has nothing to do then."""


class SignalWatch:
    """Notes signals from `start` on; `close` gives the wake-up descriptor back.

    `still_there` is called when the process has not ended some seconds after the first signal,
    `at_second` when another one comes; both in a thread, since the main thread may wait where no
    handler runs.
    """

    def __init__(
        self, still_there: Callable[[], None] = nothing, at_second: Callable[[], None] = nothing
    ) -> None:
        self._still_there = still_there
        self._at_second = at_second
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self._writing.setblocking(False)
        self._lock = threading.Lock()
        self._first: float | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True, name="signals")

    def start(self) -> None:
        """For the main thread."""
        self._before = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._thread.start()

    def close(self) -> None:
        signal.set_wakeup_fd(self._before)
        self._writing.close()
        self._thread.join()
        self._reading.close()

    def asked(self) -> bool:
        """Whether Ctrl-C or SIGTERM has come."""
        self._read()
        return self._first is not None

    def _watch(self) -> None:
        said = False
        while True:
            waits = self._first is not None and not said
            if not select.select([self._reading], [], [], _SAY_SO_SECONDS if waits else None)[0]:
                said = True
                self._still_there()
            elif not self._read():
                return

    def _read(self) -> bool:
        """Whether there may be more."""
        with self._lock, suppress(BlockingIOError):
            while numbers := self._reading.recv(1024):
                if not set(SIGNALS).isdisjoint(numbers):
                    self._note()
            return False
        return True

    def _note(self) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
        elif now - self._first > _ONE_AND_THE_SAME_SECONDS:
            self._at_second()


_watches: list[SignalWatch] = []
"""The one of this process, which has but one wake-up descriptor."""


def watch_signals(still_there: Callable[[], None], at_second: Callable[[], None]) -> None:
    """Begins the watch of this process, for the rest of its life."""
    watch = SignalWatch(still_there, at_second)
    watch.start()
    _watches.append(watch)


@contextmanager
def signal_watch() -> Generator[SignalWatch]:
    """The watch of this process; one for the time being where there is none."""
    if _watches:
        yield _watches[0]
        return
    watch = SignalWatch()
    watch.start()
    try:
        yield watch
    finally:
        watch.close()
