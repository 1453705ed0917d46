"""The two calls that give an access token for an appid and its secret."""

from collections.abc import Callable

from channels_assets.sandbox.endpoints import STABLE_TOKEN
from channels_assets.sandbox.http_messages import Refusal
from channels_assets.sandbox.models import Json
from channels_assets.sandbox.tokens import TokenDesk

SecretOf = Callable[[str], str | None]


def give_token(path: str, fields: Json, secret_of: SecretOf, desk: TokenDesk) -> Json:
    """Answer a token call; `fields` come from its body or its query. Success has no errcode."""
    appid = _authenticate(fields, secret_of)
    if path == STABLE_TOKEN:
        token, expires_in = desk.stable(appid, force=fields.get("force_refresh") is True)
    else:
        token, expires_in = desk.plain(appid)
    return {"access_token": token, "expires_in": expires_in}


def _authenticate(fields: Json, secret_of: SecretOf) -> str:
    appid, secret = fields.get("appid"), fields.get("secret")
    if fields.get("grant_type") != "client_credential":
        raise Refusal(40002)
    if not appid:
        raise Refusal(41002)
    if not secret:
        raise Refusal(41004)
    known = secret_of(appid) if isinstance(appid, str) else None
    if known is None:
        raise Refusal(40013)
    if known != secret:
        raise Refusal(40125)
    return appid
