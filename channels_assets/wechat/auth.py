"""Where access tokens come from.

Source: https://developers.weixin.qq.com/doc/channels/api/basic/api_getstableaccesstoken
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable
from typing import NoReturn, Protocol

from channels_assets.wechat.decode import Fields
from channels_assets.wechat.errcodes import RULES
from channels_assets.wechat.errors import (
    PermissionDenied,
    TokenRejected,
    Transient,
    UnexpectedResponse,
    WeChatError,
    hiding,
)
from channels_assets.wechat.exchange import exchange
from channels_assets.wechat.transport import Transport

STABLE_TOKEN_PATH = "/cgi-bin/stable_token"  # noqa: S105 (a path)
_ENDPOINT = "stable_token"
# Until this long before its end everybody gets the same token; after that, old and new both work.
_OVERLAP_SECONDS = 300
_FORCE_EVERY_SECONDS = 300.0
# How long a failed fetch answers for all who ask.
_LASTING_SECONDS = 30.0
_PASSING_SECONDS = 0.5


class TokenSource(Protocol):
    """Gives access tokens; safe for many threads. Neither `repr` nor errors show one."""

    def token(self) -> str: ...

    def renew(self, rejected: str) -> str:
        """A token other than `rejected`, if there is one: fetched once however many threads ask."""
        ...


class StableToken:
    """Tokens of one appid by stable_token, which many processes may call side by side.

    `secret` is asked for when a token is fetched, and not kept. Raises PermissionDenied when appid,
    secret or IP address are refused, and the transient errors of `exchange`.
    """

    def __init__(
        self,
        transport: Transport,
        base_url: str,
        appid: str,
        secret: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._url = base_url + STABLE_TOKEN_PATH
        self._appid = appid
        self._secret = secret
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._forced_at = -math.inf
        self._failure: WeChatError | None = None
        self._failed_until = -math.inf

    def __repr__(self) -> str:
        return f"StableToken(appid={self._appid!r})"

    def token(self) -> str:
        with self._lock:
            self._share_failure()
            if not self._token or self._clock() >= self._renew_at:
                self._fetch(force_refresh=False)
            return self._token

    def renew(self, rejected: str) -> str:
        with self._lock:
            self._share_failure()
            if self._token == rejected:
                self._fetch(force_refresh=False)
            if self._token == rejected and self._clock() - self._forced_at >= _FORCE_EVERY_SECONDS:
                # WeChat still hands out what it refuses. Forcing takes the token away from every
                # other program of this account, and is allowed 20 times a day.
                self._forced_at = self._clock()
                self._fetch(force_refresh=True)
            if self._token == rejected:
                self._remember(
                    TokenRejected(
                        f"{RULES[40001].meaning} (appid {self._appid})",
                        endpoint=_ENDPOINT,
                        advice=RULES[40001].told,
                    )
                )
            return self._token

    def _share_failure(self) -> None:
        # Lists that wait for a token while it can't be had share one failure, not one call each.
        if self._failure is not None and self._clock() < self._failed_until:
            raise self._failure.again()

    def _remember(self, failure: WeChatError) -> NoReturn:
        lasting = not isinstance(failure, Transient)
        self._failure = failure
        self._failed_until = self._clock() + (_LASTING_SECONDS if lasting else _PASSING_SECONDS)
        raise failure.again() from None

    def _fetch(self, *, force_refresh: bool) -> None:
        try:
            self._fetch_now(force_refresh=force_refresh)
        except WeChatError as error:
            self._remember(error)

    def _fetch_now(self, *, force_refresh: bool) -> None:
        asked_at = self._clock()
        secret = self._secret()
        body = json.dumps(
            {
                "grant_type": "client_credential",
                "appid": self._appid,
                "secret": secret,
                "force_refresh": force_refresh,
            }
        ).encode()
        try:
            with hiding(secret):
                answer = exchange(
                    self._transport, self._url, {}, body, _ENDPOINT, [secret], secret_answer=True
                ).value
        except TokenRejected as error:
            # On a token call 40001 is about the secret.
            raise PermissionDenied(
                f"{RULES[40125].meaning} (appid {self._appid})",
                endpoint=_ENDPOINT,
                errcode=error.errcode,
                errmsg=error.errmsg,
                rid=error.rid,
                advice=RULES[40125].told,
            ) from None
        with hiding(secret):
            fields = Fields(answer, _ENDPOINT)
            token, life = fields.value.get("access_token"), fields.integer("expires_in")
            if not isinstance(token, str) or not token or not life or life < 0:
                # Its values may be half of what was asked for: only its keys are shown.
                raise UnexpectedResponse(
                    f"The token answer lacks access_token or expires_in; it has {sorted(answer)}.",
                    endpoint=_ENDPOINT,
                )
        self._token = token
        self._renew_at = asked_at + max(life - _OVERLAP_SECONDS, life / 2)
