"""What all calls that give a token have in common: their answers are secret."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from channels_assets.wechat.auth.token_cache import Issued
from channels_assets.wechat.decode import Fields, JsonObject
from channels_assets.wechat.errcodes import RULES
from channels_assets.wechat.errors import (
    PermissionDenied,
    UnexpectedResponse,
    WeChatError,
)
from channels_assets.wechat.redaction import scrubbed_errors
from channels_assets.wechat.request import post_json
from channels_assets.wechat.transport import Transport


def token_call(
    transport: Transport,
    url: str,
    query: Mapping[str, str],
    body: Mapping[str, object],
    endpoint: str,
    secrets: Sequence[str],
) -> JsonObject:
    """The answer to a token call. No error shows `secrets`, nor anything of the answer."""
    payload = json.dumps(body).encode()
    with scrubbed_errors(*secrets):
        answer = post_json(transport, url, query, payload, endpoint, secrets, secret_answer=True)
    return answer.value


def issued(answer: JsonObject, field: str, endpoint: str, secrets: Sequence[str]) -> Issued:
    """The token in `field` of a token call's answer."""
    with scrubbed_errors(*secrets):
        token, life = answer.get(field), Fields(answer, endpoint).integer("expires_in")
        if not isinstance(token, str) or not token or not life or life < 0:
            # Its values may be half of what was asked for: only its keys are shown.
            raise UnexpectedResponse(
                f"The token answer lacks {field} or expires_in; it has {sorted(answer)}.",
                endpoint=endpoint,
            )
    return Issued(token, float(life))


def wrong_secret(error: WeChatError, who: str) -> PermissionDenied:
    """On a call that sends a secret, 40001 is about the secret."""
    rule = RULES[40125]
    return PermissionDenied(
        f"{rule.meaning} ({who})",
        endpoint=error.endpoint,
        errcode=error.errcode,
        errmsg=error.errmsg,
        rid=error.rid,
        remedy=rule.remedies,
    )


def naming(error: PermissionDenied, who: str) -> PermissionDenied:
    """The same error, saying whose it is."""
    return PermissionDenied(
        f"{error.reason} ({who})",
        endpoint=error.endpoint,
        errcode=error.errcode,
        errmsg=error.errmsg,
        rid=error.rid,
        remedy=error.remedy,
    )
