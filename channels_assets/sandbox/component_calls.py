"""The two token calls of a third-party platform."""

from channels_assets.sandbox.http_messages import Refusal
from channels_assets.sandbox.models import Json, Platform
from channels_assets.sandbox.refresh_tokens import RefreshTokens
from channels_assets.sandbox.tokens import TokenDesk

_NO_SUCH_PLATFORM, _WRONG_SECRET, _MISSING = 61011, 40125, 41002
_TICKET_EXPIRED, _TICKET_INVALID, _NOT_AUTHORISED = 61005, 61006, 61003


def give_component_token(body: Json, platform: Platform, desk: TokenDesk) -> Json:
    """Answer api_component_token. Success has no errcode."""
    _check_platform(body, platform)
    if body.get("component_appsecret") != platform.secret:
        raise Refusal(_WRONG_SECRET)
    ticket = body.get("component_verify_ticket")
    if ticket in platform.expired_tickets:
        raise Refusal(_TICKET_EXPIRED)
    if ticket != platform.ticket:
        raise Refusal(_TICKET_INVALID)
    token, expires_in = desk.plain(platform.appid)
    return {"component_access_token": token, "expires_in": expires_in}


def give_authorizer_token(
    body: Json, caller: str, platform: Platform, desk: TokenDesk, refresh: RefreshTokens
) -> Json:
    """Answer api_authorizer_token, called with the platform's own token. Success has no errcode."""
    _check_platform(body, platform)
    if caller != platform.appid:
        raise Refusal(_NO_SUCH_PLATFORM)
    appid = body.get("authorizer_appid")
    granted = platform.authorisations.get(str(appid))
    if granted is None:
        raise Refusal(_NOT_AUTHORISED)
    new = refresh.use(granted, body.get("authorizer_refresh_token"))
    token, expires_in = desk.plain(str(appid), via=platform.appid)
    return {
        "authorizer_access_token": token,
        "expires_in": expires_in,
        "authorizer_refresh_token": new,
    }


def _check_platform(body: Json, platform: Platform) -> None:
    if not body.get("component_appid"):
        raise Refusal(_MISSING)
    if body["component_appid"] != platform.appid:
        raise Refusal(_NO_SUCH_PLATFORM)
