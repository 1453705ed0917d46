"""The two calls that give an access token for an appid and its secret."""

from channels_assets.sandbox.endpoints import STABLE_TOKEN
from channels_assets.sandbox.records import Json
from channels_assets.sandbox.refusals import Refusal
from channels_assets.sandbox.tokens import TokenDesk


def give_token(path: str, fields: Json, secrets: dict[str, str], desk: TokenDesk) -> Json:
    """Answer a token call; `fields` come from its body or its query. Success has no errcode."""
    appid = _authenticate(fields, secrets)
    if path == STABLE_TOKEN:
        token, expires_in = desk.stable(appid, force=fields.get("force_refresh") is True)
    else:
        token, expires_in = desk.plain(appid)
    return {"access_token": token, "expires_in": expires_in}


def _authenticate(fields: Json, secrets: dict[str, str]) -> str:
    appid, secret = fields.get("appid"), fields.get("secret")
    if fields.get("grant_type") != "client_credential":
        raise Refusal(40002)
    if not appid:
        raise Refusal(41002)
    if not secret:
        raise Refusal(41004)
    if not isinstance(appid, str) or appid not in secrets:
        raise Refusal(40013)
    if secrets[appid] != secret:
        raise Refusal(40125)
    return appid
