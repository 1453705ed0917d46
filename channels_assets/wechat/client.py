"""Calls with one credential: token, rate limit, request, decoding, and retries where they can help."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from channels_assets.wechat.auth import TokenSource
from channels_assets.wechat.errors import (
    PermissionDenied,
    QuotaExhausted,
    RateLimited,
    TokenRejected,
)
from channels_assets.wechat.outage import Outage
from channels_assets.wechat.rate_limit import RateLimiter, SendTime
from channels_assets.wechat.redaction import scrubbed_errors
from channels_assets.wechat.request import Answer, post_json
from channels_assets.wechat.retry import Retries, RetryPolicy
from channels_assets.wechat.transport import Transport

T = TypeVar("T")


class Stopped(Exception):
    """The caller asked to stop, between two calls."""


class Calls:
    """The calls of one caller: how many were sent, failed ones too, and whether to stop.

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
        self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        """Raises Stopped once `stop` is set."""
        if self._stop.is_set():
            raise Stopped


class Client:
    """The API as one account sees it. Safe for many threads.

    Errors are those of `errors.py`. A call that ends in a Transient one was tried `retry.tries` times;
    after one QuotaExhausted, no further call is spent on that path. Clients of one address share an
    `outage`.
    """

    def __init__(
        self,
        transport: Transport,
        base_url: str,
        tokens: TokenSource,
        limiter: RateLimiter | None = None,
        retry: RetryPolicy | None = None,
        outage: Outage | None = None,
    ) -> None:
        self._transport = transport
        self._base_url = base_url
        self._tokens = tokens
        self._limiter = limiter or RateLimiter()
        self._retries = Retries(retry or RetryPolicy(), outage or Outage())

    def call(
        self,
        path: str,
        endpoint: str,
        body: Mapping[str, Any],
        decode: Callable[[Answer], T],
        calls: Calls,
        fields: Collection[str] = (),
    ) -> T:
        """POSTs `body`, returns `decode(answer)`; a call whose answer `decode` refuses is retried.

        `fields`: a success has one of these at least.
        """
        self._require_allowed_path(path, endpoint)
        payload = json.dumps(body, ensure_ascii=False).encode("utf-8")
        return self._retries.call(
            lambda: self._try_call(path, endpoint, payload, decode, calls, fields), calls.wait
        )

    def _require_allowed_path(self, path: str, endpoint: str) -> None:
        if self._tokens.paths is not None and path not in self._tokens.paths:
            raise PermissionDenied(
                "Accounts with this `auth` may not call this API; no call was made.",
                endpoint=endpoint,
                remedy='Use auth = "stable_token" for it. 该调用方式不支持此接口，请改用 stable_token。',
            )

    def _try_call(
        self,
        path: str,
        endpoint: str,
        payload: bytes,
        decode: Callable[[Answer], T],
        calls: Calls,
        fields: Collection[str],
    ) -> T:
        token = self._tokens.token()
        try:
            return self._send(path, endpoint, payload, token, decode, calls, fields)
        except TokenRejected:
            renewed = self._tokens.renew(token)
            return self._send(path, endpoint, payload, renewed, decode, calls, fields)

    def _send(
        self,
        path: str,
        endpoint: str,
        payload: bytes,
        token: str,
        decode: Callable[[Answer], T],
        calls: Calls,
        fields: Collection[str],
    ) -> T:
        while True:
            self._refuse_if_exhausted(path)
            calls.raise_if_stopped()
            send_time = self._limiter.acquire(calls.wait)
            with calls.slot:
                # The account may have been refused while this call waited for the slot.
                self._refuse_if_exhausted(path)
                calls.raise_if_stopped()
                if self._limiter.is_current(send_time):
                    calls.sent += 1
                    return self._post(path, endpoint, payload, token, decode, send_time, fields)

    def _post(
        self,
        path: str,
        endpoint: str,
        payload: bytes,
        token: str,
        decode: Callable[[Answer], T],
        send_time: SendTime,
        fields: Collection[str],
    ) -> T:
        try:
            with scrubbed_errors(token):
                answer = post_json(
                    self._transport,
                    self._base_url + path,
                    self._tokens.query(token),
                    payload,
                    endpoint,
                    [token],
                    fields=fields,
                )
                self._limiter.accepted(send_time)
                return decode(answer)
        except RateLimited as error:
            self._limiter.refused(send_time, error.retry_after)
            raise
        except QuotaExhausted as error:
            self._limiter.exhaust(path, error)
            raise

    def _refuse_if_exhausted(self, path: str) -> None:
        if exhausted := self._limiter.exhausted(path):
            raise _not_tried(exhausted)


def _not_tried(error: QuotaExhausted) -> QuotaExhausted:
    return QuotaExhausted(
        f"Not tried: {error.reason[0].lower()}{error.reason[1:]}",
        endpoint=error.endpoint,
        errcode=error.errcode,
        errmsg=error.errmsg,
        rid=error.rid,
        remedy=error.remedy,
    )
