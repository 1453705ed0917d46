"""One POST of JSON, its HTTP status and errcode checked. Shared by token calls and data calls."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from channels_assets.wechat.decode import Fields, JsonObject, excerpt, parse_object
from channels_assets.wechat.errcodes import error_for
from channels_assets.wechat.errors import (
    BadRequest,
    PermissionDenied,
    RateLimited,
    Transient,
    UnexpectedResponse,
    WeChatError,
)
from channels_assets.wechat.redaction import repeats_secret
from channels_assets.wechat.transport import Reply, Transport

_MAY_PASS = (408, 425)
_ASK_TO_WAIT = (429, 503)
_BETWEEN = (
    "It is not from WeChat: what stands between this machine and the API, such as a proxy, a gateway or a "
    "sidecar? Look there, at HTTPS_PROXY, and at `base_url` in channels.toml. "
    "应答不是来自微信，而是途中的代理、网关或边车：请检查它们，以及 HTTPS_PROXY 和 channels.toml 中的 base_url。"
)


@dataclass(frozen=True)
class Answer:
    """A successful answer: the parsed object and its bytes as they came."""

    value: JsonObject
    raw: bytes


def post_json(
    transport: Transport,
    url: str,
    query: Mapping[str, str],
    body: bytes,
    endpoint: str,
    secrets: Sequence[str],
    *,
    fields: Collection[str] = (),
    secret_answer: bool = False,
) -> Answer:
    """Raises the error of the HTTP status or of the errcode; no errcode means success.

    `fields`: a success that has other fields, but none of these, is not from WeChat. `secrets` are
    removed from what is shown of the answer; of a `secret_answer` nothing is shown.
    """
    reply = transport.post(url, query, body, endpoint)
    shown = None if secret_answer else secrets
    if reply.status != 200:
        raise _error_of_status(reply, endpoint, shown)
    value = parse_object(reply.body, endpoint, shown)
    answer = Fields(value, endpoint)
    errcode = answer.integer("errcode") or 0
    if errcode != 0:
        raise error_for(errcode, answer.text("errmsg") or "", endpoint, secrets)
    if value and not any(name in value for name in ("errcode", "errmsg", *fields)):
        raise UnexpectedResponse(
            f"The answer is JSON, but not WeChat's{excerpt(reply.body, shown)}",
            endpoint=endpoint,
            remedy=_BETWEEN,
        )
    if not secret_answer and repeats_secret(reply.body, secrets):
        # Whatever is odd in an item is stored as it was sent.
        raise UnexpectedResponse(
            "The answer repeats the access token, so nothing of it is kept.",
            endpoint=endpoint,
            remedy="Check `base_url` in channels.toml and the proxy between. "
            "应答中出现了 access_token，已弃用，请检查 base_url 和中间代理。",
        )
    return Answer(value, reply.body)


def _error_of_status(reply: Reply, endpoint: str, secrets: Sequence[str] | None) -> WeChatError:
    """`secrets`: as parse_object() takes them."""
    status = reply.status
    if 300 <= status < 400:
        return UnexpectedResponse(
            f"HTTP {status}: a redirect, which is not followed, because it would carry the token away.",
            endpoint=endpoint,
            remedy="Correct `base_url` in channels.toml, or check the proxy between.",
        )
    is_json = reply.body.lstrip()[:1] == b"{"
    reason = f"HTTP {status} instead of an answer"
    reason += f", with JSON{excerpt(reply.body, secrets)}" if is_json else "."
    kind = _kind_of_status(status)
    remedy = _BETWEEN if is_json or kind is PermissionDenied else ""
    error = kind(reason, endpoint=endpoint, remedy=remedy)
    if status in _ASK_TO_WAIT:
        error.retry_after = reply.retry_after
    return error


def _kind_of_status(status: int) -> type[WeChatError]:
    if status >= 500 or status in _MAY_PASS:
        return Transient
    if status == 429:
        return RateLimited
    if status == 412:
        return BadRequest
    return PermissionDenied if status >= 400 else UnexpectedResponse
