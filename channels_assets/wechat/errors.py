"""What can go wrong with a call, named by what the caller must do.

    WeChatError                 its text: what happened, what to do, errcode, errmsg, rid, endpoint
    ├── Transient               call again later (system busy, HTTP 5xx, connection lost, time-out)
    │   ├── RateLimited         call again later, and slower from now on (45011 and its kin)
    │   └── UnexpectedResponse  not the API's language (HTML, cut JSON, a field of the wrong type)
    ├── TokenRejected           fetch a new token once, send again once
    ├── QuotaExhausted          leave this API alone until its quota is reset
    ├── PermissionDenied        a person must act: account, secret, IP list, capability, binding
    ├── BadRequest              the request was wrong: our bug, or a stale cursor
    └── UnprovenEnd             the list ended without proof that it was complete

No error holds a token or a secret: requests' own exceptions carry the URL, so they never leave
`transport.py`; excerpts and errmsg pass through `redact`, and `hiding` strikes out exact values.
Which errcode is which error stands in `errcodes.py`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Self
from urllib.parse import quote, quote_plus

_QUOTE = r"(?:\\*[\"']|&quot;|&#34;|%22|%27)?"
_PIECE = 12
_TOKEN_LIKE = re.compile(
    r"((?:access_token|secret|refresh_token|verify_ticket)"
    rf"{_QUOTE}\s*(?:=|:|%3[ADad])\s*{_QUOTE})[^&\s\"',}}\\%]+",
    re.IGNORECASE,
)


class WeChatError(Exception):
    """A call that did not give what was asked for. `str(error)` is fit for users and logs.

    `api_calls`: how many calls were spent on the list, where the error ended its walk.
    """

    api_calls = 0

    def __init__(
        self,
        what: str,
        *,
        endpoint: str = "",
        errcode: int | None = None,
        errmsg: str = "",
        rid: str = "",
        advice: str = "",
    ) -> None:
        self.what = what
        self.endpoint = endpoint
        self.errcode = errcode
        self.errmsg = errmsg
        self.rid = rid
        self.advice = advice
        facts = [
            f"errcode {errcode}" if errcode is not None else "",
            f"errmsg {errmsg!r}" if errmsg else "",
            f"rid {rid}" if rid else "",
            f"endpoint {endpoint}" if endpoint else "",
        ]
        told = ", ".join(fact for fact in facts if fact)
        super().__init__(
            " ".join(part for part in (what, advice, f"[{told}]" if told else "") if part)
        )

    def again(self) -> Self:
        """The same error to be raised once more, in another thread."""
        return type(self)(
            self.what,
            endpoint=self.endpoint,
            errcode=self.errcode,
            errmsg=self.errmsg,
            rid=self.rid,
            advice=self.advice,
        )


class Transient(WeChatError):
    """Call again later."""


class RateLimited(Transient):
    """Call again later, and slower from now on."""


class UnexpectedResponse(Transient):
    """The answer is not the API's language, or a field has a value that can't be stored exactly."""


class TokenRejected(WeChatError):
    """The access token is not (or no longer) valid."""


class QuotaExhausted(WeChatError):
    """The daily quota of this API is used up."""


class PermissionDenied(WeChatError):
    """A person must act before this call can succeed."""


class BadRequest(WeChatError):
    """The request is wrong."""


class UnprovenEnd(WeChatError):
    """The list ended without proof that it was read whole; nothing of it may be loaded."""


def redact(text: str) -> str:
    """Text without the values of anything that looks like a token or a secret."""
    return _TOKEN_LIKE.sub(r"\1***", text)


def strike(text: str, secrets: Sequence[str]) -> str:
    """Text without `secrets`, raw or URL-encoded, nor any piece of them that is long enough to tell.

    Strike before cutting: what is left of a cut may be too short to be known.
    """
    pieces = {
        form[start : start + _PIECE]
        for one in secrets
        if one
        for form in (one, quote(one, safe=""), quote_plus(one))
        for start in range(max(1, len(form) - _PIECE + 1))
    }
    lengths = {len(piece) for piece in pieces}
    kept: list[str] = []
    shown = struck = 0
    for at in range(len(text)):
        end = max((at + n for n in lengths if text[at : at + n] in pieces), default=0)
        if end > struck:
            if at > struck or not struck:
                kept += [text[shown:at], "***"]
            shown = struck = end
    return "".join(kept) + text[shown:]


@contextmanager
def hiding(*secrets: str) -> Generator[None]:
    """Strikes `secrets` out of any WeChatError that is raised inside."""
    try:
        yield
    except WeChatError as error:
        if strike(str(error), secrets) == str(error):
            raise
        raise type(error)(
            strike(error.what, secrets),
            endpoint=error.endpoint,
            errcode=error.errcode,
            errmsg=strike(error.errmsg, secrets),
            rid=strike(error.rid, secrets),
            advice=error.advice,
        ) from None
