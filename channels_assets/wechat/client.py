"""Calls with one credential: token, limit, send, judge, decode, and again where that can help."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import tenacity

from channels_assets.wechat.auth import TokenSource
from channels_assets.wechat.errors import (
    PermissionDenied,
    QuotaExhausted,
    RateLimited,
    TokenRejected,
    Transient,
    hiding,
)
from channels_assets.wechat.pace import Turn
from channels_assets.wechat.rate_limit import Limiter
from channels_assets.wechat.request import Answer, exchange
from channels_assets.wechat.transport import Transport

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How often a call is tried; the waits between grow: base, 2 x base, 4 x base ... seconds."""

    tries: int = 5
    base_seconds: float = 1.0
    longest_seconds: float = 30.0


class Stopped(Exception):
    """The caller asked to stop, between two calls."""


class Calls:
    """The calls of one caller: how many were sent, failed ones too, and whether to go on.

    Once `stop` is set, waits end and no further call is sent. Each call holds `slot` while it is on
    the wire, and not while it waits for its account's rate limit or for a retry.
    """

    def __init__(
        self,
        stop: threading.Event | None = None,
        sleep: Callable[[float], None] | None = None,
        slot: AbstractContextManager[object] | None = None,
    ) -> None:
        self.sent = 0
        self.slot = slot or nullcontext()
        self._stop = stop or threading.Event()
        self._sleep = sleep or self._stop.wait

    def wait(self, seconds: float) -> None:
        self._sleep(seconds)
        self.go_on()

    def go_on(self) -> None:
        """Raises Stopped once `stop` is set."""
        if self._stop.is_set():
            raise Stopped


class Client:
    """The API as one account sees it. Safe for many threads.

    Errors are those of `errors.py`. Transient ones were tried `patience.tries` times before they
    come out; after one QuotaExhausted, no further call is spent on that path.
    """

    def __init__(
        self,
        transport: Transport,
        base_url: str,
        tokens: TokenSource,
        limiter: Limiter | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._transport = transport
        self._base_url = base_url
        self._tokens = tokens
        self._limiter = limiter or Limiter()
        self._patience = patience or Patience()

    def call(
        self,
        path: str,
        endpoint: str,
        body: Mapping[str, Any],
        decode: Callable[[Answer], T],
        calls: Calls,
    ) -> T:
        """POSTs `body`, returns `decode(answer)`; what `decode` refuses is asked for again."""
        self._refuse_if_closed(path, endpoint)
        payload = json.dumps(body, ensure_ascii=False).encode("utf-8")
        try:
            return self._once(path, endpoint, payload, decode, calls)
        except Transient:
            if self._patience.tries == 1:
                raise
        base = self._patience.base_seconds
        calls.wait(base + random.uniform(0, base))
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Transient),
            stop=tenacity.stop_after_attempt(self._patience.tries - 1),
            wait=tenacity.wait_exponential(multiplier=2 * base, max=self._patience.longest_seconds)
            + tenacity.wait_random(0, base),
            sleep=calls.wait,
            reraise=True,
        )
        return retrying(self._once, path, endpoint, payload, decode, calls)

    def _refuse_if_closed(self, path: str, endpoint: str) -> None:
        if self._tokens.paths is not None and path not in self._tokens.paths:
            raise PermissionDenied(
                "This API is not open to this account's `auth`; no call was made.",
                endpoint=endpoint,
                advice='Use auth = "stable_token" for it. 该调用方式不支持此接口，请改用 stable_token。',
            )

    def _once(
        self,
        path: str,
        endpoint: str,
        payload: bytes,
        decode: Callable[[Answer], T],
        calls: Calls,
    ) -> T:
        token = self._tokens.token()
        try:
            return self._send(path, endpoint, payload, token, decode, calls)
        except TokenRejected:
            renewed = self._tokens.renew(token)
            return self._send(path, endpoint, payload, renewed, decode, calls)

    def _send(
        self,
        path: str,
        endpoint: str,
        payload: bytes,
        token: str,
        decode: Callable[[Answer], T],
        calls: Calls,
    ) -> T:
        while True:
            self._refuse_if_exhausted(path)
            calls.go_on()
            turn = self._limiter.acquire(calls.wait)
            try:
                with calls.slot:
                    # Much may have happened while it waited for the slot.
                    self._refuse_if_exhausted(path)
                    calls.go_on()
                    if self._limiter.holds(turn):
                        calls.sent += 1
                        return self._post(path, endpoint, payload, token, decode, turn)
            finally:
                self._limiter.release()

    def _post(
        self,
        path: str,
        endpoint: str,
        payload: bytes,
        token: str,
        decode: Callable[[Answer], T],
        turn: Turn,
    ) -> T:
        try:
            with hiding(token):
                answer = exchange(
                    self._transport,
                    self._base_url + path,
                    self._tokens.query(token),
                    payload,
                    endpoint,
                    [token],
                )
                self._limiter.accepted(turn)
                return decode(answer)
        except RateLimited:
            self._limiter.refused(turn)
            raise
        except QuotaExhausted as error:
            self._limiter.exhaust(path, error)
            raise

    def _refuse_if_exhausted(self, path: str) -> None:
        if exhausted := self._limiter.exhausted(path):
            raise _not_tried(exhausted)


def _not_tried(error: QuotaExhausted) -> QuotaExhausted:
    return QuotaExhausted(
        f"Not tried: {error.what[0].lower()}{error.what[1:]}",
        endpoint=error.endpoint,
        errcode=error.errcode,
        errmsg=error.errmsg,
        rid=error.rid,
        advice=error.advice,
    )
