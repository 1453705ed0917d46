"""An address that can't be reached: waited for once, however many lists need it.

Lists call side by side and one after the other. Were each to wait for its own retries, a refresh of many
lists would last for hours where the network is down.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from channels_assets.wechat.errors import Transient

_REFUSE_SECONDS = 30.0
"""For so long no call is tried after retries were given up."""
_NOTICE_SECONDS = 30.0
"""One notice in so many seconds is enough for all lists together."""


class Outage:
    """What all clients of one address share. Safe for many threads.

    An outage begins with the first call that finds no connection and ends with the first answer. Once
    its retries are given up, calls fail at once for a while.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began: float | None = None
        self._error: Transient | None = None
        self._refuse_until = 0.0
        self._notice_after = 0.0

    def answered(self) -> None:
        if self._began is not None:
            with self._lock:
                self._began = self._error = None

    def began(self, call_began: float) -> float:
        """When the outage began; by a call that has found no connection."""
        with self._lock:
            if self._began is None:
                self._began = call_began
            return min(self._began, call_began)

    def give_up(self, error: Transient) -> None:
        """After this error nothing is tried for a while."""
        with self._lock:
            if self._began is not None:
                self._error = error
                self._refuse_until = self._clock() + _REFUSE_SECONDS

    @property
    def given_up(self) -> bool:
        return self._error is not None

    def raise_if_given_up(self) -> None:
        """Raises the error of the call that was given up."""
        error = self._error
        if error is None:
            return
        if self._clock() < self._refuse_until:
            raise error.again()
        # A new outage begins if the address still can't be reached.
        self.answered()

    def may_notice(self) -> bool:
        """Whether people should be told now that a call waits; true once in a while."""
        with self._lock:
            if self._clock() < self._notice_after:
                return False
            self._notice_after = self._clock() + _NOTICE_SECONDS
            return True


@lru_cache(maxsize=64)
def outage_of(url: str, folder: Path) -> Outage:
    """The same object for the same address and data folder, however many runs this process has."""
    del url, folder
    return Outage()
