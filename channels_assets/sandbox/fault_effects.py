"""What faults do to a page, to the JSON object that carries it, and to the bytes on the wire."""

import json
import re
from dataclasses import replace

from channels_assets.sandbox.http_messages import HTML_TYPE, Delivery, Reply, html_reply
from channels_assets.sandbox.models import Json
from channels_assets.sandbox.pages import Page


def no_cursor(page: Page) -> Page:
    """Leave the cursor out where it is needed."""
    return replace(page, cursor="missing") if page.remains else page


def empty_cursor_has_more(page: Page) -> Page:
    """Say that there is more but not where."""
    return replace(page, cursor="empty", has_more=True)


def frozen_cursor(page: Page) -> Page:
    """Always point behind the first page, so the second page comes again and again."""
    return _point_to(page, page.size)


def cycling_cursor(page: Page) -> Page:
    """Point behind the first and the second page by turns."""
    return _point_to(page, page.size * 2 if page.start == page.size else page.size)


def short_page(page: Page) -> Page:
    """Keep half of the items, and point behind them: nothing is lost."""
    kept = max(1, page.size // 2)
    if len(page.items) <= kept:
        return page
    return replace(
        page,
        items=page.items[:kept],
        next_start=page.start + kept,
        cursor="sent",
        has_more=True,
    )


def repeat_over_break(page: Page) -> Page:
    """Begin one item too early. A page of one item would never get ahead, so it stays honest."""
    if page.start == 0 or page.size == 1 or not page.items:
        return page
    start = page.start - 1
    items = page.all_items[start : start + page.size]
    end = start + len(items)
    more = end < len(page.all_items)
    cursor = "sent" if more else page.cursor
    return replace(page, start=start, items=items, next_start=end, cursor=cursor, has_more=more)


def total_off_by_one(page: Page) -> Page:
    """Count one item too many."""
    return page if page.total is None else replace(page, total=page.total + 1)


def _point_to(page: Page, start: int) -> Page:
    return replace(page, next_start=start, cursor="sent", has_more=True)


_RID = re.compile(r" rid: ([0-9a-f]{8})[-0-9a-f]*$")


def hint_for_rid(answer: Json) -> Json:
    """End the errmsg the way older answers do."""
    hint = _RID.sub(r" hint: [\1_4cb7rn2a]", answer["errmsg"])
    return {**answer, "errmsg": hint}


def errcode_as_string(answer: Json) -> Json:
    """Send the errcode, be it success or error, as a string."""
    return {**answer, "errcode": str(answer.get("errcode", 0))}


def no_errcode(answer: Json) -> Json:
    """Leave out errcode and errmsg, as some calls do on success."""
    return {name: value for name, value in answer.items() if name not in ("errcode", "errmsg")}


def no_list(answer: Json) -> Json:
    """Leave out the list."""
    return {name: value for name, value in answer.items() if not isinstance(value, list)}


def nan(answer: Json) -> Json:
    """Put NaN, which is not JSON, into the first item."""
    for name, value in answer.items():
        if isinstance(value, list) and value:
            first = {**value[0], _number_field(value[0]): float("nan")}
            return {**answer, name: [first, *value[1:]]}
    return {**answer, "total_num": float("nan")}


def _number_field(item: Json) -> str:
    return next((name for name, value in item.items() if type(value) is int), "product_source")


# Another host than the one called, and one that refuses at once should a client go there.
_ELSEWHERE = "http://localhost:9/moved"


def bom(reply: Reply) -> Reply:
    """Begin with a byte order mark."""
    return replace(reply, body=b"\xef\xbb\xbf" + reply.body)


def duplicate_keys(reply: Reply) -> Reply:
    """End with a second, empty list: a parser that takes the last one loses the page."""
    answer = json.loads(reply.body)
    lists = [name for name, value in answer.items() if isinstance(value, list)]
    repeated = "".join(f',"{name}":[]' for name in lists)
    return replace(reply, body=reply.body[:-1] + repeated.encode() + b"}")


def latin1(reply: Reply) -> Reply:
    """Begin the errmsg with bytes that are not UTF-8."""
    return replace(reply, body=reply.body.replace(b'"errmsg":"', b'"errmsg":"\xe9t\xe9 ', 1))


def half_json(reply: Reply) -> Reply:
    """Send half of the JSON as if it were all."""
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def text_plain(reply: Reply) -> Reply:
    """Call the JSON plain text."""
    return replace(reply, content_type="text/plain")


def http_500(_: Reply) -> Reply:
    """Answer as a broken server."""
    return html_reply(500, "500 Internal Server Error")


def http_502(_: Reply) -> Reply:
    """Answer as a gateway without a server."""
    return html_reply(502, "502 Bad Gateway")


def html_200(_: Reply) -> Reply:
    """Answer as a login page of some proxy."""
    return html_reply(200, "欢迎使用网络")


def redirect(_: Reply) -> Reply:
    """Send the client to another host."""
    return Reply(b"", status=302, content_type=HTML_TYPE, headers=(("Location", _ELSEWHERE),))


def cut(reply: Reply) -> Reply:
    """Promise the whole body and send half."""
    return replace(reply, delivery=Delivery.CUT)


def drop(reply: Reply) -> Reply:
    """Close the connection."""
    return replace(reply, delivery=Delivery.DROP)


def hang(reply: Reply) -> Reply:
    """Say nothing."""
    return replace(reply, delivery=Delivery.HANG)


def slow(reply: Reply) -> Reply:
    """Send a few bytes at a time."""
    return replace(reply, delivery=Delivery.SLOW)


def huge(reply: Reply) -> Reply:
    """Send far more than any page can hold."""
    return replace(reply, delivery=Delivery.HUGE)
