"""Limits of one credential that hold over all workers, behind the interface of wechat's RateLimiter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import psycopg

from channels_assets.cluster.leases import LEASE_SECONDS, Lease, Leases
from channels_assets.wechat.errors import QuotaExhausted, Transient
from channels_assets.wechat.rate_limit import RateLimiter, SendTime

_RENEW_SECONDS = 1.0
_IDLE_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.05
_PATIENCE_SECONDS = 60.0


class SharedLimiter(RateLimiter):
    """At most `max_in_flight` calls under way with this credential, whichever worker makes them.

    What one worker learns, that it calls too fast (45011) or that a quota is used up (45009), the
    others know a second later: each then slows down as if it had been refused itself. While
    PostgreSQL can't be reached no call is made once the lease has run out.
    """

    def __init__(self, leases: Leases, credential: str, max_in_flight: int) -> None:
        super().__init__()
        self._leases = leases
        self._credential = credential
        self._total = max_in_flight
        self._state = threading.Lock()
        self._lease = Lease(0)
        self._until = float("-inf")
        self._busy = 0
        self._refusals: int | None = None
        self._used_at = 0.0
        self._renewing: threading.Thread | None = None
        self._over = threading.Event()

    def give_back(self) -> None:
        """All is called: others need not wait until the lease runs out."""
        with self._state:
            renewing = self._renewing
        if renewing is not None:
            self._over.set()
            renewing.join(_IDLE_SECONDS)

    def acquire(self, sleep: Callable[[float], None]) -> SendTime:
        """Raises Transient when there was no free slot to be had because PostgreSQL is away."""
        asked = time.monotonic()
        while not self._take_slot():
            if time.monotonic() > self._until and time.monotonic() - asked > _PATIENCE_SECONDS:
                raise Transient("The database of the shared limits (limits_env) can't be reached.")
            sleep(_LOOK_AGAIN_SECONDS)
        try:
            return super().acquire(sleep)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        with self._state:
            self._busy -= 1

    def refused(self, turn: SendTime) -> None:
        news = self._rate.is_current(turn)
        super().refused(turn)
        if news:
            with suppress(psycopg.Error):
                self._refusals = self._leases.refused(self._credential)

    def exhaust(self, path: str, error: QuotaExhausted) -> None:
        super().exhaust(path, error)
        with suppress(psycopg.Error):
            self._leases.exhaust(self._credential, path, error)

    def exhausted(self, path: str) -> QuotaExhausted | None:
        return self._lease.exhausted.get(path) or super().exhausted(path)

    def _take_slot(self) -> bool:
        with self._state:
            self._used_at = time.monotonic()
            if self._renewing is None:
                self._renewing = threading.Thread(target=self._keep, name="limits", daemon=True)
                self._renewing.start()
            if self._busy < self._lease.slots and time.monotonic() < self._until:
                self._busy += 1
                return True
        return False

    def _keep(self) -> None:
        """Renews the lease while there is something to call, then drops it."""
        while True:
            with suppress(psycopg.Error):
                self._renew()
            over = self._over.wait(_RENEW_SECONDS)
            self._over.clear()
            with self._state:
                idle = time.monotonic() - self._used_at > _IDLE_SECONDS
                if self._busy == 0 and (over or idle):
                    self._renewing = None
                    self._until = float("-inf")
                    break
        with suppress(psycopg.Error):
            self._leases.give_back(self._credential)

    def _renew(self) -> None:
        asked = time.monotonic()
        with self._state:
            before, busy = self._lease, self._busy
            # Nobody takes a further slot while PostgreSQL is told how many are taken.
            self._lease = replace(before, slots=busy)
        lease = before
        try:
            lease = self._leases.renew(self._credential, self._total, busy)
            with self._state:
                self._until = asked + LEASE_SECONDS - _RENEW_SECONDS
        finally:
            with self._state:
                self._lease = lease
        self._heed(lease.refusals)

    def _heed(self, refusals: int) -> None:
        """Slow down for what other workers were told since; not for what was before this one."""
        if self._refusals is not None and refusals > self._refusals:
            with self._lock:
                now = self._clock()
                self._rate.refused(self._rate.turn(now), now)
        self._refusals = max(refusals, self._refusals or 0)
