"""A token that this process holds: fetched once however many threads ask, renewed before it ends."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from channels_assets.wechat.errors import TokenRejected, Transient, WeChatError

# Until this long before its end everybody gets the same token; after that, old and new both work.
_OVERLAP_SECONDS = 300
# How long a failed fetch answers for all who ask.
_LASTING_SECONDS = 30.0
_PASSING_SECONDS = 0.5


@dataclass(frozen=True)
class Issued:
    """A token and how many seconds it works from now on."""

    token: str = field(repr=False)
    life: float


Fetch = Callable[[], Issued]


class SharedFailure:
    """Lists that wait for a token while it can't be had share one failure, not one call each."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failure: WeChatError | None = None
        self._until = -math.inf

    def share(self) -> None:
        """Raises the failure while it is fresh."""
        if self._failure is not None and self._clock() < self._until:
            raise self._failure.again()

    def remember(self, failure: WeChatError) -> NoReturn:
        lasting = not isinstance(failure, Transient)
        self._failure = failure
        self._until = self._clock() + (_LASTING_SECONDS if lasting else _PASSING_SECONDS)
        raise failure.again() from None


class HeldToken:
    """`fetch` asks for a token, or raises WeChatError. Safe for many threads."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._failure = SharedFailure(clock)
        self._token = ""
        self._renew_at = -math.inf

    def __repr__(self) -> str:
        return "HeldToken()"

    def token(self) -> str:
        with self._lock:
            self._failure.share()
            if not self._token or self._clock() >= self._renew_at:
                self._refetch(self._fetch)
            return self._token

    def renew(
        self,
        rejected: str,
        refused: TokenRejected,
        last_resort: Callable[[str], Issued | None] | None = None,
    ) -> str:
        """A token other than `rejected`; raises `refused` when there is none.

        `last_resort` is tried where a fetch gives what was rejected; None means that it must not be.
        """
        with self._lock:
            self._failure.share()
            if self._token == rejected:
                self._refetch(self._fetch)
            if self._token == rejected and last_resort is not None:
                self._refetch(lambda: last_resort(rejected))
            if self._token == rejected:
                self._failure.remember(refused)
            return self._token

    def _refetch(self, fetch: Callable[[], Issued | None]) -> None:
        asked_at = self._clock()
        try:
            issued = fetch()
        except WeChatError as error:
            self._failure.remember(error)
        if issued is not None:
            self._token = issued.token
            self._renew_at = asked_at + max(issued.life - _OVERLAP_SECONDS, issued.life / 2)
