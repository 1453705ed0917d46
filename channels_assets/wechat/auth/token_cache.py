"""Cache for one access token: one fetch serves all threads, also when it fails."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from channels_assets.wechat.errors import TokenRejected, Transient, WeChatError

_RENEW_EARLY_SECONDS = 300
"""Old and new token both work for that long after a renewal."""
_FAILURE_SECONDS = 30.0
_TRANSIENT_FAILURE_SECONDS = 0.5


@dataclass(frozen=True)
class IssuedToken:
    """A token and its lifetime in seconds, from the request on."""

    token: str = field(repr=False)
    lifetime: float


Fetch = Callable[[], IssuedToken]


class CachedFailure:
    """The failure of the last fetch: callers share it for a while instead of a call each."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failure: WeChatError | None = None
        self._until = -math.inf

    def check(self) -> None:
        """Raises the cached failure, if there is one."""
        if self._failure is not None and self._clock() < self._until:
            raise self._failure.again()

    def store(self, failure: WeChatError) -> NoReturn:
        """Caches the failure and raises it."""
        is_transient = isinstance(failure, Transient)
        seconds = _TRANSIENT_FAILURE_SECONDS if is_transient else _FAILURE_SECONDS
        self._failure = failure
        self._until = self._clock() + seconds
        raise failure.again() from None


class TokenCache:
    """`fetch` gets a token, or raises WeChatError. Safe for many threads."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._failure = CachedFailure(clock)
        self._token = self._rejected = ""
        self._renew_at = self._expires_at = -math.inf

    def __repr__(self) -> str:
        return "TokenCache()"

    def token(self) -> str:
        with self._lock:
            try:
                self._failure.check()
                if not self._token or self._clock() >= self._renew_at:
                    self._refetch(self._fetch)
            except WeChatError:
                # The renewal comes before the end: until then, the token still works.
                if self._token == self._rejected or self._clock() >= self._expires_at:
                    raise
            return self._token

    def renew(
        self,
        rejected: str,
        error: TokenRejected,
        last_resort: Callable[[], IssuedToken | None] | None = None,
    ) -> str:
        """A token other than `rejected`; raises `error` when there is none.

        `last_resort` is tried when a fetch returns the rejected token again; it returns None where it
        must not be used now.
        """
        with self._lock:
            if self._token == rejected:
                self._rejected = rejected
            self._failure.check()
            if self._token == rejected:
                self._refetch(self._fetch)
            if self._token == rejected and last_resort is not None:
                self._refetch(last_resort)
            if self._token == rejected:
                self._failure.store(error)
            return self._token

    def _refetch(self, fetch: Callable[[], IssuedToken | None]) -> None:
        requested_at = self._clock()
        try:
            issued = fetch()
        except WeChatError as error:
            self._failure.store(error)
        if issued is not None:
            self._token = issued.token
            early = min(_RENEW_EARLY_SECONDS, issued.lifetime / 2)
            self._expires_at = requested_at + issued.lifetime
            self._renew_at = self._expires_at - early
