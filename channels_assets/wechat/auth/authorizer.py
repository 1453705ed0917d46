"""Tokens of windows whose accounts have authorised a third-party platform (第三方平台).

Sources: https://developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/api_getauthorizeraccesstoken.html
and .../Third-party_Platforms/2.0/api/ThirdParty/token/component_access_token.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from channels_assets.wechat.auth.refresh_token_store import RefreshTokenStore
from channels_assets.wechat.auth.secret_readers import Reader
from channels_assets.wechat.auth.token_cache import IssuedToken, TokenCache
from channels_assets.wechat.auth.token_request import (
    issued_token,
    request_token,
    token_call,
    token_rejected,
    with_account,
)
from channels_assets.wechat.decode import JsonObject
from channels_assets.wechat.errors import PermissionDenied, TokenRejected
from channels_assets.wechat.transport import Transport

COMPONENT_TOKEN_PATH = "/cgi-bin/component/api_component_token"  # noqa: S105 (a path)
AUTHORIZER_TOKEN_PATH = "/cgi-bin/component/api_authorizer_token"  # noqa: S105 (a path)
_COMPONENT, _AUTHORIZER = "api_component_token", "api_authorizer_token"
_NO_TOKEN = 41001


class Component:
    """The platform itself: one token for all windows that have authorised it.

    `secret` and `ticket` are called when a token is fetched, and their values are not kept: the ticket
    is replaced every ten minutes.
    """

    def __init__(
        self,
        transport: Transport,
        base_url: str,
        appid: str,
        secret: Callable[[], str],
        ticket: Reader,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.appid = appid
        self._account = f"component_appid {appid}"
        self._transport = transport
        self._base_url = base_url
        self._secret = secret
        self._ticket = ticket
        self._cache = TokenCache(self._fetch, clock)
        # The name in the old documentation; the new one says `access_token`.
        self._parameter = "component_access_token"

    def __repr__(self) -> str:
        return f"Component(appid={self.appid!r})"

    def token(self) -> str:
        return self._cache.token()

    def authorizer_token(self, appid: str, refresh_token: str) -> JsonObject:
        """The answer of api_authorizer_token for the account `appid`."""
        token = self._cache.token()
        try:
            return self._request_for(appid, refresh_token, token)
        except TokenRejected as answer:
            error = token_rejected(_AUTHORIZER, self._account, answer)
            renewed = self._cache.renew(token, error)
            return self._request_for(appid, refresh_token, renewed)

    def _request_for(self, appid: str, refresh_token: str, token: str) -> JsonObject:
        body = {
            "component_appid": self.appid,
            "authorizer_appid": appid,
            "authorizer_refresh_token": refresh_token,
        }
        url, secrets = self._base_url + AUTHORIZER_TOKEN_PATH, [token, refresh_token]
        query = {self._parameter: token}
        try:
            fields = ("authorizer_access_token", "authorizer_refresh_token", "expires_in")
            return token_call(self._transport, url, query, body, _AUTHORIZER, secrets, fields)
        except PermissionDenied as error:
            if error.errcode != _NO_TOKEN or self._parameter == "access_token":
                raise with_account(error, f"appid {appid}") from None
        self._parameter = "access_token"
        return self._request_for(appid, refresh_token, token)

    def _fetch(self) -> IssuedToken:
        secret, ticket = self._secret(), self._ticket()
        body = {
            "component_appid": self.appid,
            "component_appsecret": secret,
            "component_verify_ticket": ticket,
        }
        return request_token(
            self._transport,
            self._base_url + COMPONENT_TOKEN_PATH,
            body,
            endpoint=_COMPONENT,
            field="component_access_token",
            secrets=[secret, ticket],
            account=self._account,
        )


class AuthorizerToken:
    """Tokens of one authorised window, for the calls in `paths` alone."""

    def __init__(
        self,
        component: Component,
        appid: str,
        store: RefreshTokenStore,
        paths: frozenset[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.paths: frozenset[str] | None = paths
        self._component = component
        self._appid = appid
        self._store = store
        self._cache = TokenCache(self._fetch, clock)

    def __repr__(self) -> str:
        return f"AuthorizerToken(appid={self._appid!r}, {self._component!r})"

    def query(self, token: str) -> Mapping[str, str]:
        return {"access_token": token}

    def token(self) -> str:
        return self._cache.token()

    def renew(self, rejected: str) -> str:
        return self._cache.renew(rejected, token_rejected(_AUTHORIZER, f"appid {self._appid}"))

    def _fetch(self) -> IssuedToken:
        with self._store.lock():
            old = self._store.current()
            answer = self._component.authorizer_token(self._appid, old)
            successor = answer.get("authorizer_refresh_token")
            # Before anything can fail: the token that was sent may work for 5 more minutes only.
            if isinstance(successor, str) and successor not in ("", old):
                self._store.replace(successor)
        secrets = [old, *([successor] if isinstance(successor, str) else [])]
        return issued_token(answer, "authorizer_access_token", _AUTHORIZER, secrets)
