"""Calls to the token endpoints: their answers are secret, and their errors name the account."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from channels_assets.wechat.auth.token_cache import IssuedToken
from channels_assets.wechat.decode import Fields, JsonObject
from channels_assets.wechat.errcodes import RULES
from channels_assets.wechat.errors import (
    PermissionDenied,
    TokenRejected,
    UnexpectedResponse,
    WeChatError,
)
from channels_assets.wechat.redaction import scrubbed_errors
from channels_assets.wechat.request import post_json
from channels_assets.wechat.transport import Transport

E = TypeVar("E", bound=WeChatError)

_TOKEN_REJECTED, _WRONG_SECRET = 40001, 40125


def request_token(
    transport: Transport,
    url: str,
    body: Mapping[str, object],
    *,
    endpoint: str,
    field: str,
    secrets: Sequence[str],
    account: str,
) -> IssuedToken:
    """The token in `field` of the answer to a call that `secrets` authenticate."""
    try:
        answer = token_call(transport, url, {}, body, endpoint, secrets, (field, "expires_in"))
    except TokenRejected as error:
        # No token was sent: here 40001 is about the secret.
        rule = RULES[_WRONG_SECRET]
        what = f"{rule.meaning} ({account})"
        raise _copy_of(error, PermissionDenied, what, rule.remedies) from None
    except PermissionDenied as error:
        raise with_account(error, account) from None
    return issued_token(answer, field, endpoint, secrets)


def token_call(
    transport: Transport,
    url: str,
    query: Mapping[str, str],
    body: Mapping[str, object],
    endpoint: str,
    secrets: Sequence[str],
    fields: Collection[str],
) -> JsonObject:
    """The answer to a token call. Errors show neither `secrets` nor anything of the answer."""
    payload = json.dumps(body).encode()
    with scrubbed_errors(*secrets):
        answer = post_json(
            transport, url, query, payload, endpoint, secrets, fields=fields, secret_answer=True
        )
    return answer.value


def issued_token(
    answer: JsonObject, field: str, endpoint: str, secrets: Sequence[str]
) -> IssuedToken:
    """The token in `field` of a token call's answer."""
    with scrubbed_errors(*secrets):
        token, lifetime = answer.get(field), Fields(answer, endpoint).integer("expires_in")
        if not isinstance(token, str) or not token or not lifetime or lifetime < 0:
            # Its values may be parts of a token: the message shows the keys alone.
            raise UnexpectedResponse(
                f"The token answer lacks {field} or expires_in; it has {sorted(answer)}.",
                endpoint=endpoint,
            )
    return IssuedToken(token, float(lifetime))


def token_rejected(
    endpoint: str, account: str, error: TokenRejected | None = None
) -> TokenRejected:
    """The error for an account whose new tokens are rejected as well; `error`: WeChat's answer."""
    rule = RULES[_TOKEN_REJECTED]
    what = f"{rule.meaning} ({account})"
    cause = error or TokenRejected("", endpoint=endpoint)
    return _copy_of(cause, TokenRejected, what, rule.remedies)


def with_account(error: PermissionDenied, account: str) -> PermissionDenied:
    """The same error, naming the account."""
    return _copy_of(error, PermissionDenied, f"{error.reason} ({account})", error.remedy)


def _copy_of(error: WeChatError, kind: type[E], what: str, remedy: str) -> E:
    return kind(
        what,
        endpoint=error.endpoint,
        errcode=error.errcode,
        errmsg=error.errmsg,
        rid=error.rid,
        remedy=remedy,
    ).with_facts_of(error)
