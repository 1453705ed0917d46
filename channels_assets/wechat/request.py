"""One POST of JSON, its HTTP status and errcode checked. Shared by token calls and data calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from channels_assets.wechat.decode import Fields, JsonObject, parse_object
from channels_assets.wechat.errcodes import error_for
from channels_assets.wechat.errors import (
    BadRequest,
    RateLimited,
    Transient,
    UnexpectedResponse,
)
from channels_assets.wechat.redaction import repeats_secret
from channels_assets.wechat.transport import Reply, Transport


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
    secret_answer: bool = False,
) -> Answer:
    """Raises the error of the HTTP status or of the errcode; no errcode means success.

    `secrets` are removed from what is shown of the answer; of a `secret_answer` nothing is shown.
    """
    reply = transport.post(url, query, body, endpoint)
    _check_status(reply, endpoint)
    value = parse_object(reply.body, endpoint, None if secret_answer else secrets)
    fields = Fields(value, endpoint)
    errcode = fields.integer("errcode") or 0
    if errcode != 0:
        raise error_for(errcode, fields.text("errmsg") or "", endpoint, secrets)
    if not secret_answer and repeats_secret(reply.body, secrets):
        # Whatever is odd in an item is stored as it was sent.
        raise UnexpectedResponse(
            "The answer repeats the access token, so nothing of it is kept.",
            endpoint=endpoint,
            remedy="Check `base_url` in channels.toml and the proxy between. "
            "应答中出现了 access_token，已弃用，请检查 base_url 和中间代理。",
        )
    return Answer(value, reply.body)


def _check_status(reply: Reply, endpoint: str) -> None:
    if reply.status == 200:
        return
    reason = f"HTTP {reply.status} instead of an answer."
    if reply.status >= 500:
        raise Transient(reason, endpoint=endpoint)
    if reply.status == 429:
        raise RateLimited(reason, endpoint=endpoint)
    if 300 <= reply.status < 400:
        raise UnexpectedResponse(
            f"HTTP {reply.status}: a redirect, which is not followed, because it would carry the token away.",
            endpoint=endpoint,
            remedy="Correct `base_url` in channels.toml, or check the proxy between.",
        )
    if reply.status == 412:
        raise BadRequest(reason, endpoint=endpoint)
    raise UnexpectedResponse(reason, endpoint=endpoint)
