"""The fault table: which fault, of which lists, on which page, for how long, and what must follow.

Each list has 7 items on 4 pages of 2. A row is tried for each of its lists and pages. A fault `at`
page 3 spares the two pages before; `times` calls are hit, ALWAYS means all from then on.

`whole(calls)`: the truth of the world is stored. `odd(change)`: so, but for the odd first item of each
page that was struck. `old(error, calls, words)`: exactly the old rows are stored and the user reads
`words`. `calls` counts the calls to the list; it is given the pages that were read before the fault
struck, and is exact unless `about`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from channels_assets.sandbox.odd_items import list_field, number_field, time_field
from channels_assets.wechat.errors import (
    BadRequest,
    PermissionDenied,
    QuotaExhausted,
    RateLimited,
    TokenRejected,
    Transient,
    UnconfirmedEnd,
    UnexpectedResponse,
    UnprovenEnd,
    WeChatError,
)
from channels_assets_tests.faults.bench import TOKEN_PATH, TRIES
from channels_assets_tests.faults.lists import PAGES, Json, Listing
from channels_assets_tests.faults.lists import Row as StoredRow

ALWAYS = None
ALL = "ABCDE"
LAST = PAGES
ANY_PAGE = (1, 2, LAST)

Calls = Callable[[int], int]


Change = Callable[[Listing, Json], StoredRow | None]
"""From the first item of a page that was struck to its row, None if it has none."""


@dataclass(frozen=True)
class Outcome:
    error: type[WeChatError] | None
    calls: Calls
    words: tuple[str, ...] = ()
    about: bool = False
    token_calls: int = 1
    change: Change | None = None


@dataclass(frozen=True)
class Row:
    kind: str
    lists: str
    outcome: Outcome
    times: int | None = ALWAYS
    at: tuple[int, ...] = ANY_PAGE
    path: str | None = None
    seconds: float = 2.0


def whole(calls: Calls, *, about: bool = False, token_calls: int = 1) -> Outcome:
    return Outcome(None, calls, (), about, token_calls)


def old(error: type[WeChatError], calls: Calls, *words: str, token_calls: int = 1) -> Outcome:
    return Outcome(error, calls, words, token_calls=token_calls)


def odd(change: Change) -> Outcome:
    """Whole, but for the first item of each page that was struck."""
    return Outcome(None, undisturbed, change=change)


def unfit(
    make: Callable[[Any], object], field: Callable[[Json], str | None] = number_field
) -> Change:
    """The value is NULL in its column and as it was sent in `extra`; an item without the field is whole."""

    def row(listing: Listing, item: Json) -> StoredRow:
        name = field(item)
        if name is None:
            return listing.row(item)
        sent = {**item, name: None, "odd": make(item.get(name, 0))}
        return tuple(
            {name if key == "odd" else key: value for key, value in cell.items()}
            if isinstance(cell, dict)
            else cell
            for cell in listing.row(sent)
        )

    return row


def text(odd_text: str) -> Change:
    """A text of the item begins with it; without a text, the field `note` is it."""

    def row(listing: Listing, item: Json) -> StoredRow:
        changed: Json = json.loads(json.dumps(item))
        for holder in (changed.get("article_info", {}), changed):
            for name in ("article_title", "shop_nickname", "promoter_name", "nickname"):
                if name in holder:
                    holder[name] = odd_text + holder[name]
                    return listing.row(changed)
        return listing.row({**item, "note": odd_text})

    return row


def undisturbed(_: int) -> int:
    return PAGES


def more(calls: int) -> Calls:
    return lambda _: PAGES + calls


def tried(before: int) -> int:
    """It is tried as often as the retry policy allows."""
    return before + TRIES


def once(before: int) -> int:
    """One call too many to find out, and no other."""
    return before + 1


def walked_again(before: int) -> int:
    """The walk that was struck, then a whole one."""
    return before + 1 + PAGES


def none(_: int) -> int:
    return 0


BUSY = ("WeChat is busy", "系统繁忙", "errcode -1", "rid ")
SLOWER = ("Too many calls", "调用过于频繁", "errcode 45011", "rid ")
QUOTA = ("daily quota", "midnight in Shanghai", "额度已用完", "errcode 45009", "rid ")
TOKEN = ("access token was rejected", "force_refresh", "access_token 无效", "rid ")
ACCOUNT = (
    "may not call this API",
    "视频号助手",
    "开放能力 → 开放场景",
    "联盟带货机构",
    "无此接口权限",
    "errcode 48001",
    "rid ",
)
BANNED = ("banned", "带货中心", "橱窗因违规被封禁，请到", "errcode 10022002", "rid ")
UNBOUND = (
    "not bound",
    "`sharers` in channels.toml",
    "推客未绑定该机构",
    "errcode 10071029",
    "rid ",
)
BAD = (
    "parameter of the request is wrong",
    "`branch_id` and `shop_appid` in [[window]], `sharers` in [league]",
    "report it with the rid",
    "请求参数有误",
    "rid ",
)
IP = ("IP address", "whitelist", "IP 白名单", "127.0.0.1", "errcode 40164", "rid ")
FROZEN = ("secret is frozen", "Unfreeze", "AppSecret 已被冻结", "errcode 40243", "rid ")
UNKNOWN = ("not in the published tables", "未知错误码", "errcode 987654", "rid ")
UNCONFIRMED = ("the only sign of its end", "rows stay", "Refresh again", "原数据暂时保留")
FOREIGN = ("upstream connect error", "not from WeChat", "`base_url`", "网关")
UNPROVEN = ("without proof", "Nothing was loaded", "refresh again", "本次未写入", "原数据保留")

ROWS = [
    # The API refuses.
    Row("system_busy", ALL, old(Transient, tried, *BUSY)),
    Row("system_busy", ALL, whole(more(2)), times=2),
    Row("hint_rid", ALL, old(Transient, tried, *BUSY[:3], "_4cb7rn2a")),
    Row("hint_rid", ALL, whole(more(1)), times=1),
    Row("rate_minute", ALL, old(RateLimited, tried, *SLOWER)),
    Row("rate_minute", ALL, whole(more(2)), times=2),
    Row("quota_day", ALL, old(QuotaExhausted, once, *QUOTA)),
    Row("quota_day", ALL, old(QuotaExhausted, once, *QUOTA), times=1, at=(2,)),
    Row(
        "token_expired",
        ALL,
        old(TokenRejected, lambda before: before + 2, *TOKEN, "errcode 42001", token_calls=3),
    ),
    Row("token_expired", ALL, whole(more(1), token_calls=3), times=1),
    Row(
        "token_replaced",
        ALL,
        old(TokenRejected, lambda before: before + 2, *TOKEN, "errcode 40001", token_calls=3),
    ),
    Row("token_replaced", ALL, whole(more(1), token_calls=3), times=1),
    Row("wrong_account", ALL, old(PermissionDenied, once, *ACCOUNT)),
    Row("wrong_account", ALL, old(PermissionDenied, once, *ACCOUNT), times=1, at=(2,)),
    Row("capability_off", "A", old(PermissionDenied, once, *ACCOUNT)),
    Row("window_banned", "A", old(PermissionDenied, once, *BANNED)),
    Row("sharer_unbound", "B", old(PermissionDenied, once, *UNBOUND)),
    Row("unknown_errcode", ALL, old(BadRequest, once, *UNKNOWN)),
    Row("unknown_errcode", ALL, old(BadRequest, once, *UNKNOWN), times=1, at=(2,)),
    # Page 1 sends no cursor. Rejected there, then again on page 2 of the walk from the start.
    Row(
        "cursor_rejected",
        ALL,
        old(BadRequest, lambda before: before + 1 + 2, *BAD),
        at=(2, 3, LAST),
    ),
    Row("cursor_rejected", ALL, whole(walked_again), times=1, at=(2, 3, LAST)),
    Row("ip_not_allowed", ALL, old(PermissionDenied, none, *IP), at=(1,)),
    Row("ip_not_allowed", ALL, old(PermissionDenied, none, *IP), times=1, at=(1,)),
    Row("secret_frozen", ALL, old(PermissionDenied, none, *FROZEN), at=(1,)),
    # Pages that mislead. A has total_num to hold against it; B, C, D have has_more.
    Row(
        "missing_cursor",
        "A",
        old(UnprovenEnd, lambda before: before + 2, *UNPROVEN, "total_num says 7"),
        at=(1, 2, 3),
    ),
    Row("missing_cursor", "A", whole(walked_again), times=1, at=(1, 2, 3)),
    Row("missing_cursor", "BCD", old(UnprovenEnd, once, *UNPROVEN, "next_key"), at=(1, 2, 3)),
    Row("missing_cursor", "BCD", old(UnprovenEnd, once, *UNPROVEN), times=1, at=(1, 2, 3)),
    # E's end is told by a missing next_key, too: believed when a second refresh says the same.
    Row("missing_cursor", "E", old(UnconfirmedEnd, once, *UNCONFIRMED), at=(1, 2, 3)),
    Row("missing_cursor", "E", old(UnconfirmedEnd, once, *UNCONFIRMED), times=1, at=(1, 2, 3)),
    Row("missing_cursor", ALL, whole(undisturbed), at=(LAST,)),
    Row(
        "empty_cursor_has_more",
        "A",
        old(UnprovenEnd, lambda before: before + 2, *UNPROVEN, "total_num says 7"),
        at=(1, 2, 3),
    ),
    Row("empty_cursor_has_more", "A", whole(walked_again), times=1, at=(1, 2, 3)),
    Row("empty_cursor_has_more", "AE", whole(undisturbed), at=(LAST,)),
    Row("empty_cursor_has_more", "BCD", old(UnprovenEnd, once, *UNPROVEN, "next_key is empty")),
    Row("empty_cursor_has_more", "BCD", old(UnprovenEnd, once, *UNPROVEN), times=1),
    Row("frozen_cursor", ALL, old(UnprovenEnd, lambda _: 2, *UNPROVEN, "circle"), at=(1, 2)),
    Row("frozen_cursor", ALL, old(UnprovenEnd, lambda _: 2, *UNPROVEN), times=1, at=(2,)),
    Row("frozen_cursor", "A", whole(undisturbed), at=(LAST,)),
    Row("frozen_cursor", "BCDE", old(UnprovenEnd, once, *UNPROVEN, "circle"), at=(LAST,)),
    Row("cycling_cursor", ALL, old(UnprovenEnd, lambda _: 3, *UNPROVEN, "circle"), at=(1, 2)),
    Row("cycling_cursor", ALL, old(UnprovenEnd, lambda _: 3, *UNPROVEN), times=1, at=(3,)),
    Row("cycling_cursor", "A", whole(undisturbed), at=(LAST,)),
    Row("cycling_cursor", "BCDE", old(UnprovenEnd, once, *UNPROVEN, "circle"), at=(LAST,)),
    Row("short_pages", ALL, whole(more(PAGES), about=True)),
    Row("short_pages", ALL, whole(more(1), about=True), times=1),
    Row("repeat_over_break", ALL, whole(more(PAGES), about=True)),
    Row("repeat_over_break", ALL, whole(more(2), about=True), times=2),
    # Both walks go as far as the empty page behind the last; they agree with each other.
    Row("total_off_by_one", "A", whole(lambda _: 2 * (PAGES + 1)), at=(1,)),
    Row("total_off_by_one", "A", whole(lambda _: PAGES + 1 + PAGES), times=1, at=(1,)),
    Row("total_off_by_one", "A", whole(undisturbed), at=(2, LAST)),
    # Odd items never stop their list.
    Row("item_without_id", ALL, odd(lambda *_: None)),
    Row("fraction", ALL, odd(unfit(lambda number: number + 0.5))),
    Row("text_for_number", ALL, odd(unfit(lambda _: "many"))),
    Row("object_for_number", ALL, odd(unfit(lambda number: {"value": number}))),
    Row("time_before_1970", ALL, odd(unfit(lambda _: -1, time_field))),
    Row("object_for_list", ALL, odd(unfit(lambda _: {"value": []}, list_field))),
    Row("control_characters", ALL, odd(text("\x08\x1b\n"))),
    Row("half_emoji", ALL, odd(text("\ufffd"))),
    Row("lone_surrogate", ALL, odd(text("\ufffd"))),
    *(Row(kind, ALL, whole(undisturbed)) for kind in ("bom", "latin1")),
    # Objects and bytes that are not the API's.
    *(Row(kind, ALL, whole(undisturbed)) for kind in ("errcode_string", "errcode_missing")),
    Row("text_plain", ALL, whole(undisturbed)),
    # Beside a cursor, or against the count, the list was lost; else the end may be meant.
    Row("missing_list", ALL, old(UnprovenEnd, once, *UNPROVEN, "the answer leaves"), at=(1, 2)),
    Row("missing_list", ALL, old(UnprovenEnd, once, *UNPROVEN), times=1, at=(1, 2)),
    Row("missing_list", "A", old(UnprovenEnd, once, *UNPROVEN, "the answer leaves"), at=(LAST,)),
    Row("missing_list", "BCDE", old(UnconfirmedEnd, once, *UNCONFIRMED), at=(LAST,)),
    Row("nothing_but_ok", ALL, old(UnconfirmedEnd, once, *UNCONFIRMED), at=(1,)),
    Row("nothing_but_ok", ALL, old(UnconfirmedEnd, once, *UNCONFIRMED), times=1, at=(1,)),
    Row("nothing_but_ok", "A", old(UnprovenEnd, once, *UNPROVEN), at=(2, LAST)),
    Row("nothing_but_ok", "BCDE", old(UnconfirmedEnd, once, *UNCONFIRMED), at=(2, LAST)),
    # What has its default value is left out; what is only right without last_buffer is not believed.
    Row("no_defaults", ALL, whole(undisturbed)),
    Row("no_has_more", "BCD", whole(undisturbed)),
    Row("no_has_more", "BCD", whole(undisturbed), times=1),
    *(Row(f"empty_list_as_{kind}", ALL, whole(undisturbed)) for kind in ("object", "text")),
    *(
        Row(kind, "A", whole(undisturbed), at=(2, 3, LAST))
        for kind in ("total_zero_by_cursor", "total_of_rest_by_cursor", "no_total_by_cursor")
    ),
    *(
        Row(kind, lists, outcome, at=at)
        for kind, outcome in (
            ("nan", old(UnexpectedResponse, tried, "not the API's JSON", "NaN")),
            ("duplicate_keys", old(UnexpectedResponse, tried, "not the API's JSON", "key twice")),
            ("truncated_json", old(UnexpectedResponse, tried, "not the API's JSON")),
            ("html_200", old(UnexpectedResponse, tried, "not the API's JSON", "欢迎使用网络")),
            ("http_500", old(Transient, tried, "HTTP 500")),
            ("http_502", old(Transient, tried, "HTTP 502")),
            ("redirect", old(UnexpectedResponse, tried, "302", "not followed", "`base_url`")),
            ("gateway_json", old(UnexpectedResponse, tried, "not WeChat's", *FOREIGN)),
            ("gateway_json_502", old(Transient, tried, "HTTP 502", *FOREIGN)),
            ("http_403", old(PermissionDenied, once, "HTTP 403", *FOREIGN[1:])),
            ("truncated", old(Transient, tried, "was lost")),
            ("drop", old(Transient, tried, "connection was lost", "`base_url`")),
            ("huge", old(UnexpectedResponse, tried, "larger than 1 MB")),
        )
        for lists, at in (("AC", ANY_PAGE), ("BDE", (2,)))
    ),
    Row("hang", ALL, old(Transient, tried, "No answer within"), at=(2,)),
    Row("slow", ALL, old(Transient, tried, "took longer than"), at=(2,), seconds=4),
    Row("slow", ALL, whole(undisturbed), times=1, seconds=0.02),
    *(
        Row(kind, ALL, whole(more(2)), times=2, at=(2,))
        for kind in (
            *("nan", "duplicate_keys", "truncated_json", "html_200"),
            *("http_500", "http_502", "redirect", "truncated", "drop", "huge"),
            *("gateway_json", "gateway_json_502"),
        )
    ),
    Row("http_503", ALL, old(Transient, tried, "HTTP 503"), at=(2,)),
    Row("http_503", "AC", whole(more(1)), times=1, at=(1,)),
    Row("hang", ALL, whole(more(2), about=True), times=1, at=(1,)),
    # The same on the way to the token: no call to the list is spent.
    *(
        Row(kind, "AC", old(error, none, words, token_calls=TRIES), at=(1,), path=TOKEN_PATH)
        for kind, error, words in (
            ("system_busy", Transient, "系统繁忙"),
            ("http_502", Transient, "HTTP 502"),
            ("html_200", UnexpectedResponse, "not the API's JSON"),
            ("truncated_json", UnexpectedResponse, "not the API's JSON"),
            ("redirect", UnexpectedResponse, "not followed"),
            ("drop", Transient, "connection was lost"),
        )
    ),
]

NOT_TOLD_APART = {
    (
        "empty_cursor_has_more",
        "E",
    ): "E has neither has_more nor total_num: an empty next_key is how "
    "its end is told, so a false one can't be told from a true one"
}
