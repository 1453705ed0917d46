"""Where access tokens come from, and stable_token, which gives them for an appid and its secret.

Source: https://developers.weixin.qq.com/doc/channels/api/basic/api_getstableaccesstoken
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from channels_assets.wechat.auth.force_refresh import Forcing
from channels_assets.wechat.auth.token_cache import HeldToken, Issued
from channels_assets.wechat.auth.token_request import issued, token_call, wrong_secret
from channels_assets.wechat.errcodes import RULES
from channels_assets.wechat.errors import TokenRejected
from channels_assets.wechat.transport import Transport

STABLE_TOKEN_PATH = "/cgi-bin/stable_token"  # noqa: S105 (a path)
_ENDPOINT = "stable_token"


class TokenSource(Protocol):
    """Gives access tokens; safe for many threads. Neither `repr` nor errors show one."""

    @property
    def paths(self) -> frozenset[str] | None:
        """The only paths of the API that may be called with its tokens; None: all."""
        ...

    def token(self) -> str: ...

    def renew(self, rejected: str) -> str:
        """A token other than `rejected`, if there is one: fetched once however many threads ask."""
        ...

    def query(self, token: str) -> Mapping[str, str]:
        """How the token travels: the query of a call that carries it."""
        ...


class StableToken:
    """Tokens of one appid by stable_token, which many processes may call side by side.

    `secret` is asked for when a token is fetched, and not kept. Raises PermissionDenied when appid,
    secret or IP address are refused, and the transient errors of `post_json`. `forcing` is what all
    programs that use this appid share.
    """

    paths: frozenset[str] | None = None

    def __init__(
        self,
        transport: Transport,
        base_url: str,
        appid: str,
        secret: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
        forcing: Forcing | None = None,
    ) -> None:
        self._transport = transport
        self._url = base_url + STABLE_TOKEN_PATH
        self._appid = appid
        self._secret = secret
        self._forcing = forcing or Forcing()
        self._asked_at = 0.0
        self._held = HeldToken(self._fetch, clock)

    def __repr__(self) -> str:
        return f"StableToken(appid={self._appid!r})"

    def query(self, token: str) -> Mapping[str, str]:
        return {"access_token": token}

    def token(self) -> str:
        return self._held.token()

    def renew(self, rejected: str) -> str:
        refused = TokenRejected(
            f"{RULES[40001].meaning} (appid {self._appid})",
            endpoint=_ENDPOINT,
            remedy=RULES[40001].remedies,
        )
        return self._held.renew(rejected, refused, self._force)

    def _fetch(self) -> Issued:
        self._asked_at = self._forcing.now()
        return self._ask(force_refresh=False)

    def _force(self, rejected: str) -> Issued | None:
        # WeChat still hands out what it refuses. Forcing takes the token away from every other
        # program of this account, and is allowed 20 times a day: one program does it for all.
        with self._forcing.turn():
            if self._asked_at <= self._forcing.last() <= self._forcing.now():
                return self._ask(force_refresh=False)
            if not self._forcing.is_due():
                return None
            self._forcing.note()
            return self._ask(force_refresh=True)

    def _ask(self, *, force_refresh: bool) -> Issued:
        secret = self._secret()
        body = {
            "grant_type": "client_credential",
            "appid": self._appid,
            "secret": secret,
            "force_refresh": force_refresh,
        }
        try:
            answer = token_call(self._transport, self._url, {}, body, _ENDPOINT, [secret])
        except TokenRejected as error:
            raise wrong_secret(error, f"appid {self._appid}") from None
        return issued(answer, "access_token", _ENDPOINT, [secret])
