"""Keeps tokens and secrets out of error messages, logs and whatever else is shown.

`redact` works by pattern, where the secret itself isn't known; `scrub` and `scrubbed_errors` remove
exact values. Remove before cutting a text: the rest of a secret that was cut may be too short to be
recognised.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from urllib.parse import quote, quote_plus

from channels_assets.wechat.errors import WeChatError

_MASK = "***"
_QUOTE = r"(?:\\*[\"']|&quot;|&#34;|%22|%27)?"
_PIECE = 12
"""Characters of a secret in a row that must not be shown."""
_TOKEN_LIKE = re.compile(
    r"((?:access_token|secret|refresh_token|verify_ticket)"
    rf"{_QUOTE}\s*(?:=|:|%3[ADad])\s*{_QUOTE})[^&\s\"',}}\\%]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text without the values of anything that looks like a token or a secret."""
    return _TOKEN_LIKE.sub(rf"\1{_MASK}", text)


def scrub(text: str, secrets: Sequence[str]) -> str:
    """The text without `secrets`, raw or URL-encoded, and without any long enough piece of them."""
    pieces = {
        form[start : start + _PIECE]
        for secret in secrets
        if secret
        for form in (secret, quote(secret, safe=""), quote_plus(secret))
        for start in range(max(1, len(form) - _PIECE + 1))
    }
    lengths = {len(piece) for piece in pieces}
    kept: list[str] = []
    shown = masked = 0
    for at in range(len(text)):
        end = max((at + n for n in lengths if text[at : at + n] in pieces), default=0)
        if end > masked:
            if at > masked or not masked:
                kept += [text[shown:at], _MASK]
            shown = masked = end
    return "".join(kept) + text[shown:]


def repeats_secret(body: bytes, secrets: Sequence[str]) -> bool:
    """Whether `body` has the beginning or the end of a secret, which is what an echo has. It is quick."""
    pieces = {piece for secret in secrets for piece in (secret[:_PIECE], secret[-_PIECE:])}
    return any(piece.encode() in body for piece in pieces if len(piece) == _PIECE)


@contextmanager
def scrubbed_errors(*secrets: str) -> Generator[None]:
    """Removes `secrets` from any WeChatError that is raised inside."""
    try:
        yield
    except WeChatError as error:
        if scrub(str(error), secrets) == str(error):
            raise
        raise type(error)(
            scrub(error.reason, secrets),
            endpoint=error.endpoint,
            errcode=error.errcode,
            errmsg=scrub(error.errmsg, secrets),
            rid=scrub(error.rid, secrets),
            remedy=error.remedy,
        ).with_facts_of(error) from None
