"""What can go wrong with a call, named by what the caller must do.

    WeChatError                 its text: reason, remedy, errcode, errmsg, rid, endpoint
    ├── Transient               call again later (system busy, HTTP 5xx, connection lost, time-out)
    │   ├── RateLimited         call again later, and slower from now on (45011 and similar)
    │   └── UnexpectedResponse  not the API's language (HTML, cut JSON, a field of the wrong type)
    ├── TokenRejected           fetch a new token once, send again once
    ├── QuotaExhausted          leave this API alone until its quota is reset
    ├── PermissionDenied        a person must act: account, secret, IP list, capability, binding
    ├── BadRequest              the request was wrong: our bug, or a stale cursor
    └── UnprovenEnd             the list ended without proof that it was complete
        └── UnconfirmedEnd      the list would lose rows: refresh again, a second such end is believed

No error holds a token or a secret: requests' own exceptions carry the URL, so they never leave
`transport.py`; excerpts and errmsg pass through `redaction.py`. Which errcode is which error:
`errcodes.py`.
"""

from __future__ import annotations

from typing import Literal, Self


class WeChatError(Exception):
    """A call that did not give what was asked for. `str(error)` is fit for users and logs.

    `reason` says why, `remedy` what a person can do, in English and Chinese. `api_calls`: how many
    calls were spent on the list, where the error ended its walk. `tries`: how often the call was tried.
    `retry_after`: the seconds that the server asks to wait. `connection`: "none" if there was none to
    the API, "lost" if no whole answer came through it.
    """

    api_calls = 0
    tries = 1
    retry_after = 0.0
    connection: Literal["", "none", "lost"] = ""

    def __init__(
        self,
        reason: str,
        *,
        endpoint: str = "",
        errcode: int | None = None,
        errmsg: str = "",
        rid: str = "",
        remedy: str = "",
    ) -> None:
        self.reason = reason
        self.endpoint = endpoint
        self.errcode = errcode
        self.errmsg = errmsg
        self.rid = rid
        self.remedy = remedy
        facts = [
            f"errcode {errcode}" if errcode is not None else "",
            f"errmsg {errmsg!r}" if errmsg else "",
            f"rid {rid}" if rid else "",
            f"endpoint {endpoint}" if endpoint else "",
        ]
        details = ", ".join(fact for fact in facts if fact)
        parts = (reason, remedy, f"[{details}]" if details else "")
        super().__init__(" ".join(part for part in parts if part))

    def again(self) -> Self:
        """The same error to be raised once more, in another thread."""
        copied = type(self)(
            self.reason,
            endpoint=self.endpoint,
            errcode=self.errcode,
            errmsg=self.errmsg,
            rid=self.rid,
            remedy=self.remedy,
        )
        return copied.with_facts_of(self)

    def with_facts_of(self, error: WeChatError) -> Self:
        """This error, with what is not in the text of `error`."""
        self.tries, self.retry_after = error.tries, error.retry_after
        self.connection = error.connection
        return self


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


class UnconfirmedEnd(UnprovenEnd):
    """The list would lose rows by an end that is doubtful; a second refresh must say the same."""
