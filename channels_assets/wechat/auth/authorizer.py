"""Tokens of windows whose accounts have authorised a third-party platform (第三方平台).

Sources: https://developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/api_getauthorizeraccesstoken.html
and .../Third-party_Platforms/2.0/api/ThirdParty/token/component_access_token.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from channels_assets.wechat.auth.refresh_token_store import RefreshToken
from channels_assets.wechat.auth.secret_readers import Reader
from channels_assets.wechat.auth.token_cache import HeldToken, Issued
from channels_assets.wechat.auth.token_request import issued, naming, token_call, wrong_secret
from channels_assets.wechat.decode import JsonObject
from channels_assets.wechat.errcodes import RULES
from channels_assets.wechat.errors import PermissionDenied, TokenRejected
from channels_assets.wechat.quota import QUOTA_PATH
from channels_assets.wechat.transport import Transport
from channels_assets.wechat.window import WINDOW_PRODUCTS

COMPONENT_TOKEN_PATH = "/cgi-bin/component/api_component_token"  # noqa: S105 (a path)
AUTHORIZER_TOKEN_PATH = "/cgi-bin/component/api_authorizer_token"  # noqa: S105 (a path)
_COMPONENT, _AUTHORIZER = "api_component_token", "api_authorizer_token"
_NO_TOKEN = 41001


class Component:
    """The platform itself: one token for all windows that have authorised it.

    `secret` and `ticket` are asked for when a token is fetched, and not kept: the ticket is replaced
    every ten minutes.
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
        self._transport = transport
        self._base_url = base_url
        self._secret = secret
        self._ticket = ticket
        self._held = HeldToken(self._fetch, clock)
        # The old page of the API spells it so; the new one `access_token`.
        self._parameter = "component_access_token"

    def __repr__(self) -> str:
        return f"Component(appid={self.appid!r})"

    def token(self) -> str:
        return self._held.token()

    def authorizer_token(self, appid: str, refresh_token: str) -> JsonObject:
        """The answer of api_authorizer_token for the account `appid`."""
        token = self._held.token()
        try:
            return self._ask_for(appid, refresh_token, token)
        except TokenRejected as error:
            refused = TokenRejected(
                f"{RULES[40001].meaning} (component_appid {self.appid})",
                endpoint=_AUTHORIZER,
                errcode=error.errcode,
                errmsg=error.errmsg,
                rid=error.rid,
                remedy=RULES[40001].remedies,
            )
            return self._ask_for(appid, refresh_token, self._held.renew(token, refused))

    def _ask_for(self, appid: str, refresh_token: str, token: str) -> JsonObject:
        body = {
            "component_appid": self.appid,
            "authorizer_appid": appid,
            "authorizer_refresh_token": refresh_token,
        }
        url, secrets = self._base_url + AUTHORIZER_TOKEN_PATH, [token, refresh_token]
        query = {self._parameter: token}
        try:
            return token_call(self._transport, url, query, body, _AUTHORIZER, secrets)
        except PermissionDenied as error:
            if error.errcode != _NO_TOKEN or self._parameter == "access_token":
                raise naming(error, f"appid {appid}") from None
        self._parameter = "access_token"
        return self._ask_for(appid, refresh_token, token)

    def _fetch(self) -> Issued:
        secret, ticket = self._secret(), self._ticket()
        body = {
            "component_appid": self.appid,
            "component_appsecret": secret,
            "component_verify_ticket": ticket,
        }
        url, who = self._base_url + COMPONENT_TOKEN_PATH, f"component_appid {self.appid}"
        try:
            answer = token_call(self._transport, url, {}, body, _COMPONENT, [secret, ticket])
        except TokenRejected as error:
            raise wrong_secret(error, who) from None
        except PermissionDenied as error:
            raise naming(error, who) from None
        return issued(answer, "component_access_token", _COMPONENT, [secret, ticket])


class AuthorizerToken:
    """Tokens of one authorised window; `quota/get` and the window list alone take them."""

    paths: frozenset[str] | None = frozenset({WINDOW_PRODUCTS.path, QUOTA_PATH})

    def __init__(
        self,
        component: Component,
        appid: str,
        refresh_token: RefreshToken,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._component = component
        self._appid = appid
        self._refresh_token = refresh_token
        self._held = HeldToken(self._fetch, clock)

    def __repr__(self) -> str:
        return f"AuthorizerToken(appid={self._appid!r}, {self._component!r})"

    def query(self, token: str) -> Mapping[str, str]:
        return {"access_token": token}

    def token(self) -> str:
        return self._held.token()

    def renew(self, rejected: str) -> str:
        refused = TokenRejected(
            f"{RULES[40001].meaning} (appid {self._appid})",
            endpoint=_AUTHORIZER,
            remedy=RULES[40001].remedies,
        )
        return self._held.renew(rejected, refused)

    def _fetch(self) -> Issued:
        with self._refresh_token.turn():
            old = self._refresh_token.current()
            answer = self._component.authorizer_token(self._appid, old)
            successor = answer.get("authorizer_refresh_token")
            # Before anything else can go wrong: what was sent may work for 5 more minutes only.
            if isinstance(successor, str) and successor not in ("", old):
                self._refresh_token.replace(successor)
        secrets = [old, *([successor] if isinstance(successor, str) else [])]
        return issued(answer, "authorizer_access_token", _AUTHORIZER, secrets)
