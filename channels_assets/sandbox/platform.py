"""Calls through others: the tokens of a third-party platform (第三方平台), and cloud hosting (云托管)."""

import base64
import secrets
from collections.abc import Callable

from channels_assets.sandbox.http_messages import ApiError, Request
from channels_assets.sandbox.lists import CLOUD_PATHS
from channels_assets.sandbox.models import Authorisation, Json, Platform
from channels_assets.sandbox.tokens import AccessTokens

_REFRESH_TOKEN_OVERLAP = 300.0
_CLOUD_TOKEN_LIFE = 1800.0
_REFRESH_TOKEN_INVALID = 61023
_UNKNOWN_PLATFORM, _WRONG_SECRET, _APPID_MISSING = 61011, 40125, 41002
_TICKET_EXPIRED, _TICKET_INVALID, _NOT_AUTHORISED = 61005, 61006, 61003
_CLOUD_TOKEN_UNKNOWN, _CLOUD_TOKEN_EXPIRED, _NO_CLOUD_CALL = 40001, 42001, 48001


class RefreshTokens:
    """Refresh tokens of authorised accounts, replaced at each use. Not thread safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._replaced: dict[str, tuple[Authorisation, float]] = {}

    def use(self, authorisation: Authorisation, text: object) -> str:
        """The new refresh token; raises ApiError for an invalid token.

        A token replaced less than 5 minutes ago gives the new token again: the client may not have
        received the answer.
        """
        if text == authorisation.refresh_token:
            until = self._clock() + _REFRESH_TOKEN_OVERLAP
            self._replaced[authorisation.refresh_token] = (authorisation, until)
            random = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
            authorisation.refresh_token = f"refreshtoken@@@{random}"
            return authorisation.refresh_token
        owner, until = self._replaced.get(str(text), (None, 0.0))
        if owner is not authorisation or self._clock() >= until:
            raise ApiError(_REFRESH_TOKEN_INVALID)
        return authorisation.refresh_token

    def replaced(self) -> set[str]:
        """All refresh tokens that were replaced."""
        return set(self._replaced)


def issue_component_token(body: Json, platform: Platform, tokens: AccessTokens) -> Json:
    """Answer api_component_token. A success has no errcode."""
    _check_platform(body, platform)
    if body.get("component_appsecret") != platform.secret:
        raise ApiError(_WRONG_SECRET)
    ticket = body.get("component_verify_ticket")
    if ticket in platform.expired_tickets:
        raise ApiError(_TICKET_EXPIRED)
    if ticket != platform.ticket:
        raise ApiError(_TICKET_INVALID)
    token, expires_in = tokens.plain(platform.appid)
    return {"component_access_token": token, "expires_in": expires_in}


def issue_authorizer_token(
    body: Json, caller: str, platform: Platform, tokens: AccessTokens, refresh: RefreshTokens
) -> Json:
    """Answer api_authorizer_token, called with the platform's own token. A success has no errcode."""
    _check_platform(body, platform)
    if caller != platform.appid:
        raise ApiError(_UNKNOWN_PLATFORM)
    appid = body.get("authorizer_appid")
    authorisation = platform.authorisations.get(str(appid))
    if authorisation is None:
        raise ApiError(_NOT_AUTHORISED)
    new = refresh.use(authorisation, body.get("authorizer_refresh_token"))
    token, expires_in = tokens.plain(str(appid), platform=platform.appid)
    return {
        "authorizer_access_token": token,
        "expires_in": expires_in,
        "authorizer_refresh_token": new,
    }


def _check_platform(body: Json, platform: Platform) -> None:
    if not body.get("component_appid"):
        raise ApiError(_APPID_MISSING)
    if body["component_appid"] != platform.appid:
        raise ApiError(_UNKNOWN_PLATFORM)


class CloudHosting:
    """Calls from cloud hosting: with a token that it puts into the container, or with none (开放接口服务).

    `open_api_for` is the account of calls without a token; empty when 开放接口服务 is off.
    """

    def __init__(self, clock: Callable[[], float], open_api_for: str) -> None:
        self._clock = clock
        self._open_api_for = open_api_for
        self._issued: dict[str, tuple[str, float]] = {}

    def push(self, appid: str) -> str:
        """A new token for the container of this account, valid for 30 minutes."""
        text = f"{90 + len(self._issued) % 10}_{secrets.token_urlsafe(102)}"
        self._issued[text] = (appid, self._clock() + _CLOUD_TOKEN_LIFE)
        return text

    def owner(self, request: Request) -> str:
        """The calling account, its token valid or not; empty if this is no cloud call."""
        if self.is_open_api(request):
            return self._open_api_for
        return self._issued.get(request.cloud_token, ("", 0.0))[0]

    def is_open_api(self, request: Request) -> bool:
        """Whether this is a call without a token, allowed by 开放接口服务."""
        without_token = not request.token and not request.cloud_token
        return bool(self._open_api_for) and without_token and request.path in CLOUD_PATHS

    def check(self, request: Request) -> str:
        """The account of a cloud token that is valid for this path; raises ApiError for any other."""
        appid, expires_at = self._issued.get(request.cloud_token, ("", 0.0))
        if not appid:
            raise ApiError(_CLOUD_TOKEN_UNKNOWN)
        if self._clock() >= expires_at:
            raise ApiError(_CLOUD_TOKEN_EXPIRED)
        if request.path not in CLOUD_PATHS:
            raise ApiError(_NO_CLOUD_CALL)
        return appid

    def expire_all(self) -> None:
        """Expire all tokens issued so far."""
        self._issued = {text: (appid, 0.0) for text, (appid, _) in self._issued.items()}

    def issued(self) -> set[str]:
        """All tokens ever issued."""
        return set(self._issued)
