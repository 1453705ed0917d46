"""The table of all kinds of faults: what each does, and to which calls by default."""

from collections.abc import Callable
from dataclasses import dataclass

from channels_assets.sandbox import answer_faults, page_faults, reply_faults
from channels_assets.sandbox.endpoints import (
    DATA_PATHS,
    SHOP_ARTICLES,
    TOKEN_PATHS,
    WINDOW_PRODUCTS,
)
from channels_assets.sandbox.http_messages import Reply
from channels_assets.sandbox.models import Json
from channels_assets.sandbox.pages import PageFault


@dataclass(frozen=True)
class Kind:
    """One kind of fault. It refuses the call, or spoils page, JSON object or bytes."""

    doc: str
    code: int | None = None
    bad_parameter: bool = False
    """Refuse with the code that this list uses for a bad parameter."""
    page: PageFault | None = None
    answer: Callable[[Json], Json] | None = None
    reply: Callable[[Reply], Reply] | None = None
    paths: tuple[str, ...] = DATA_PATHS
    only_with_cursor: bool = False

    @property
    def for_lists(self) -> bool:
        """Whether it means nothing for a call that does not page through a list."""
        return self.bad_parameter or self.page is not None


_A = (WINDOW_PRODUCTS.path,)

KINDS: dict[str, Kind] = {
    # Refusals: HTTP 200 and an errcode.
    "system_busy": Kind("errcode -1", code=-1),
    "rate_minute": Kind("errcode 45011: too many calls in this minute", code=45011),
    "quota_day": Kind("errcode 45009: no calls left today", code=45009),
    "token_expired": Kind("errcode 42001", code=42001),
    "token_replaced": Kind("errcode 40001", code=40001),
    "wrong_account": Kind("errcode 48001: the wrong type of account", code=48001),
    "capability_off": Kind("errcode 48001 on windows only", code=48001, paths=_A),
    "window_banned": Kind("errcode 10022002 on windows", code=10022002, paths=_A),
    "sharer_unbound": Kind(
        "errcode 10071029 on article lists", code=10071029, paths=(SHOP_ARTICLES.path,)
    ),
    "cursor_rejected": Kind(
        "the list's code for a bad parameter, for calls that send a cursor",
        bad_parameter=True,
        only_with_cursor=True,
    ),
    "ip_not_allowed": Kind("errcode 40164 on token calls", code=40164, paths=TOKEN_PATHS),
    "secret_frozen": Kind("errcode 40243 on token calls", code=40243, paths=TOKEN_PATHS),
    "unknown_errcode": Kind("an errcode that no document lists", code=987654),
    "hint_rid": Kind(
        "errcode -1 with ` hint: [...]` instead of ` rid: ...`",
        code=-1,
        answer=answer_faults.hint_for_rid,
    ),
    # Wrong paging: a well-formed page that misleads.
    "missing_cursor": Kind("no cursor field although more remains", page=page_faults.no_cursor),
    "empty_cursor_has_more": Kind(
        'has_more true with the cursor ""', page=page_faults.empty_cursor_has_more
    ),
    "frozen_cursor": Kind(
        "the cursor after the first page, for ever, with has_more", page=page_faults.frozen_cursor
    ),
    "cycling_cursor": Kind(
        "cursors that go round: a, b, a, b, with has_more", page=page_faults.cycling_cursor
    ),
    "short_pages": Kind("half a page at a time though more remains", page=page_faults.short_page),
    "repeat_over_break": Kind(
        "each page but the first begins with the last item of the page before",
        page=page_faults.repeat_over_break,
    ),
    "total_off_by_one": Kind(
        "total_num is one too high", page=page_faults.total_off_by_one, paths=_A
    ),
    # Wrong JSON objects.
    "errcode_string": Kind("errcode as a string", answer=answer_faults.errcode_as_string),
    "errcode_missing": Kind("no errcode and no errmsg", answer=answer_faults.no_errcode),
    "missing_list": Kind("the list field is left out", answer=answer_faults.no_list),
    "nan": Kind("NaN for a number of the first item", answer=answer_faults.nan),
    # Wrong bytes.
    "bom": Kind("a byte order mark before the JSON", reply=reply_faults.bom),
    "duplicate_keys": Kind(
        "the list field twice, empty the second time", reply=reply_faults.duplicate_keys
    ),
    "latin1": Kind("an errmsg that is not UTF-8", reply=reply_faults.latin1),
    "truncated_json": Kind("a complete answer with half the JSON", reply=reply_faults.half_json),
    "text_plain": Kind("the JSON as text/plain", reply=reply_faults.text_plain),
    "http_500": Kind("HTTP 500 with HTML", reply=reply_faults.http_500),
    "http_502": Kind("HTTP 502 with HTML", reply=reply_faults.http_502),
    "html_200": Kind("HTTP 200 with HTML", reply=reply_faults.html_200),
    "redirect": Kind("HTTP 302 to another host", reply=reply_faults.redirect),
    # Wrong delivery.
    "truncated": Kind("the connection closes in mid-body", reply=reply_faults.cut),
    "drop": Kind("the connection closes without an answer", reply=reply_faults.drop),
    "hang": Kind("no answer until the client leaves", reply=reply_faults.hang),
    "slow": Kind("the body trickles in over `Fault.seconds`", reply=reply_faults.slow),
    "huge": Kind("64 MB of white space behind the JSON", reply=reply_faults.huge),
}
