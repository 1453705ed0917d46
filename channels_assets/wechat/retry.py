"""When a call is tried again, how long it waits before, and what people are told of a long wait."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from channels_assets.wechat.errors import Transient, WeChatError
from channels_assets.wechat.outage import Outage

T = TypeVar("T")
Wait = Callable[[float], None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """How often a call is tried; the waits between grow: 1, 2, 4 ... times `backoff_seconds`.

    A server may ask for longer ones, up to `max_backoff_seconds`. Where a connection fails, no try
    begins later than `connection_seconds` after the first. A wait that lasts longer than
    `silent_seconds` is logged as a warning.
    """

    tries: int = 5
    backoff_seconds: float = 1.0
    max_backoff_seconds: float = 30.0
    connection_seconds: float = 45.0
    silent_seconds: float = 10.0


class Retries:
    """The retries of calls to one address."""

    def __init__(
        self,
        policy: RetryPolicy,
        outage: Outage,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._outage = outage
        self._clock = clock

    def call(self, send: Callable[[], T], wait: Wait) -> T:
        """`send()`, as often as the policy says while it raises Transient; the last error comes out."""
        self._outage.raise_if_given_up()
        began = self._clock()
        # Most calls need no retry: tenacity is set up only for those that do.
        try:
            return self._send(send)
        except Transient as error:
            first = error
        return self._retry(first, began, send, wait)

    def _send(self, send: Callable[[], T]) -> T:
        try:
            result = send()
        except WeChatError as error:
            if not error.connection:
                self._outage.answered()
            raise
        self._outage.answered()
        return result

    def _retry(self, first: Transient, began: float, send: Callable[[], T], wait: Wait) -> T:
        failed = [first]

        def send_again() -> T:
            if failed:
                # The first try counts.
                raise failed.pop()
            return self._send(send)

        def seconds(state: tenacity.RetryCallState) -> float:
            policy, error = self._policy, _error(state)
            base = policy.backoff_seconds
            growing = min(base * 2 ** (state.attempt_number - 1), policy.max_backoff_seconds)
            asked = min(error.retry_after, policy.max_backoff_seconds)
            return max(growing + random.uniform(0, base), asked)

        def ends(state: tenacity.RetryCallState) -> bool:
            error = _error(state)
            error.tries = state.attempt_number
            since = self._outage.began(began) if error.connection == "none" else began
            too_late = (
                self._clock() + state.upcoming_sleep - since > self._policy.connection_seconds
            )
            is_last = state.attempt_number >= self._policy.tries
            is_last |= bool(error.connection) and (too_late or self._outage.given_up)
            if is_last and error.connection == "none":
                self._outage.give_up(error)
            return is_last

        def notice(state: tenacity.RetryCallState) -> None:
            waited = self._clock() - began
            long = waited + state.upcoming_sleep >= self._policy.silent_seconds
            if long and self._outage.may_notice():
                error = _error(state)
                _log.warning(
                    "Still trying, %.0f s so far (try %d of %d): %s 仍在重试。",
                    *(waited, state.attempt_number + 1, self._policy.tries, error),
                )

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Transient),
            stop=ends,
            wait=seconds,
            before_sleep=notice,
            sleep=wait,
            reraise=True,
        )
        return retrying(send_again)


def _error(state: tenacity.RetryCallState) -> Transient:
    outcome = state.outcome
    error = outcome.exception() if outcome is not None else None
    assert isinstance(error, Transient)  # noqa: S101 (the others are not retried)
    return error
