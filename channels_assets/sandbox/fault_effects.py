"""The functions of the faults: they change the page, its JSON object, or the reply on the wire."""

import json
import re
from dataclasses import replace

from channels_assets.sandbox.http_messages import HTML_TYPE, Delivery, Reply, html_reply
from channels_assets.sandbox.models import Json
from channels_assets.sandbox.odd_items import number_field
from channels_assets.sandbox.pages import Page


def no_cursor(page: Page) -> Page:
    """Leave out the cursor although items remain."""
    return replace(page, cursor="missing") if page.remains else page


def empty_cursor_has_more(page: Page) -> Page:
    """has_more true, but an empty cursor."""
    return replace(page, cursor="empty", has_more=True)


def frozen_cursor(page: Page) -> Page:
    """Always point to the second page, so that it is sent again and again."""
    return _point_to(page, page.size)


def cycling_cursor(page: Page) -> Page:
    """Point to the second and the third page in turn."""
    return _point_to(page, page.size * 2 if page.start == page.size else page.size)


def short_page(page: Page) -> Page:
    """Send half of the items, and point to the next item: nothing is lost."""
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
    """Begin one item too early. A page of one item stays correct, or the walk would never end."""
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


def total_of_nothing(page: Page) -> Page:
    """Count zero items."""
    return page if page.total is None else replace(page, total=0)


def total_of_the_rest(page: Page) -> Page:
    """Count the items of this page and behind it alone."""
    return page if page.total is None else replace(page, total=page.total - page.start)


def no_total(page: Page) -> Page:
    """Leave out total_num."""
    return replace(page, total=None)


def _point_to(page: Page, start: int) -> Page:
    return replace(page, next_start=start, cursor="sent", has_more=True)


_RID = re.compile(r" rid: ([0-9a-f]{8})[-0-9a-f]*$")


def hint_for_rid(answer: Json) -> Json:
    """End the errmsg with a hint instead of the rid, as older answers do."""
    hint = _RID.sub(r" hint: [\1_4cb7rn2a]", answer["errmsg"])
    return {**answer, "errmsg": hint}


def errcode_as_string(answer: Json) -> Json:
    """Send the errcode as a string."""
    return {**answer, "errcode": str(answer.get("errcode", 0))}


def no_errcode(answer: Json) -> Json:
    """Leave out errcode and errmsg, as some calls do on success."""
    return {name: value for name, value in answer.items() if name not in ("errcode", "errmsg")}


def no_list(answer: Json) -> Json:
    """Leave out the list."""
    return {name: value for name, value in answer.items() if not isinstance(value, list)}


def no_has_more(answer: Json) -> Json:
    """Leave out has_more."""
    return {name: value for name, value in answer.items() if name != "has_more"}


def no_defaults(answer: Json) -> Json:
    """Leave out what has its default value, as writers of JSON from protobuf do."""
    return {name: value for name, value in answer.items() if value}


def nothing_but_ok(answer: Json) -> Json:
    """Leave out all that says something of a list."""
    return {name: value for name, value in answer.items() if name in ("errcode", "errmsg")}


def empty_list_as_object(answer: Json) -> Json:
    """Send an empty list as {}."""
    return {name: {} if value == [] else value for name, value in answer.items()}


def empty_list_as_text(answer: Json) -> Json:
    """Send an empty list as an empty text."""
    return {name: "" if value == [] else value for name, value in answer.items()}


def nan(answer: Json) -> Json:
    """Put NaN, which is not JSON, into the first item."""
    for name, value in answer.items():
        if isinstance(value, list) and value:
            first = {**value[0], number_field(value[0]): float("nan")}
            return {**answer, name: [first, *value[1:]]}
    return {**answer, "total_num": float("nan")}


_GATEWAY = Reply(
    b'{"code":502,"message":"upstream connect error","data":null}', content_type="application/json"
)

# Another host than the sandbox; a client that follows the redirect is refused at once.
_OTHER_HOST = "http://localhost:9/moved"


def bom(reply: Reply) -> Reply:
    """Begin with a byte order mark."""
    return replace(reply, body=b"\xef\xbb\xbf" + reply.body)


def duplicate_keys(reply: Reply) -> Reply:
    """Repeat the list field, empty: a parser that takes the last value loses the page."""
    answer = json.loads(reply.body)
    lists = [name for name, value in answer.items() if isinstance(value, list)]
    repeated = "".join(f',"{name}":[]' for name in lists)
    return replace(reply, body=reply.body[:-1] + repeated.encode() + b"}")


def latin1(reply: Reply) -> Reply:
    """Begin the errmsg with bytes that are not UTF-8."""
    return replace(reply, body=reply.body.replace(b'"errmsg":"', b'"errmsg":"\xe9t\xe9 ', 1))


def half_json(reply: Reply) -> Reply:
    """Send half of the JSON with a matching Content-Length."""
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def text_plain(reply: Reply) -> Reply:
    """Send the JSON as text/plain."""
    return replace(reply, content_type="text/plain")


def http_500(_: Reply) -> Reply:
    """Answer as a server with an internal error."""
    return html_reply(500, "500 Internal Server Error")


def http_502(_: Reply) -> Reply:
    """Answer as a gateway that reaches no server."""
    return html_reply(502, "502 Bad Gateway")


def gateway_json(_: Reply) -> Reply:
    """Answer with the JSON of a gateway."""
    return _GATEWAY


def gateway_json_502(_: Reply) -> Reply:
    """Answer as a gateway that reaches no server and says it in JSON."""
    return replace(_GATEWAY, status=502)


def http_403(_: Reply) -> Reply:
    """Answer as a proxy that forbids the call."""
    return html_reply(403, "403 Forbidden")


def http_503(_: Reply) -> Reply:
    """Answer as a gateway that asks to wait a second."""
    return replace(html_reply(503, "503 Service Unavailable"), headers=(("Retry-After", "1"),))


def html_200(_: Reply) -> Reply:
    """Answer with the login page of a proxy."""
    return html_reply(200, "欢迎使用网络")


def redirect(_: Reply) -> Reply:
    """Redirect to another host."""
    return Reply(b"", status=302, content_type=HTML_TYPE, headers=(("Location", _OTHER_HOST),))


def cut_off(reply: Reply) -> Reply:
    """Close the connection after half of the body."""
    return replace(reply, delivery=Delivery.CUT)


def drop(reply: Reply) -> Reply:
    """Close the connection without an answer."""
    return replace(reply, delivery=Delivery.DROP)


def hang(reply: Reply) -> Reply:
    """Send nothing until the client leaves."""
    return replace(reply, delivery=Delivery.HANG)


def slow(reply: Reply) -> Reply:
    """Send a few bytes at a time."""
    return replace(reply, delivery=Delivery.SLOW)


def huge(reply: Reply) -> Reply:
    """Send far more bytes than any page has."""
    return replace(reply, delivery=Delivery.HUGE)
