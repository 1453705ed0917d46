"""Faults within items: no id, values of another type, text that is no valid JSON or no valid UTF-8.

Each changes the first item of a page, and leaves the page whole.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from channels_assets.sandbox.http_messages import Reply
from channels_assets.sandbox.models import Json

_IDS = ("product_id", "shop_appid", "promoter_id", "sharer_appid")
_TEXT = re.compile(rb'"(?:article_title|shop_nickname|promoter_name|nickname)": ?"')
_FIRST_ITEM = re.compile(rb"\[\{")


def without_id(answer: Json) -> Json:
    """Empty the id of the first item, as WeChat does for deleted articles."""

    def emptied(item: Json) -> Json:
        if "article_info" in item:
            return {**item, "article_info": {**item["article_info"], "article_url": ""}}
        return {**item, **{name: "" for name in _IDS if name in item}}

    return _with_first_item(answer, emptied)


def with_fraction(answer: Json) -> Json:
    """Make a number of the first item a fraction."""
    return _with_number(answer, lambda number: number + 0.5)


def with_text_for_number(answer: Json) -> Json:
    """Send a text for a number of the first item."""
    return _with_number(answer, lambda _: "many")


def with_object_for_number(answer: Json) -> Json:
    """Send an object for a number of the first item."""
    return _with_number(answer, lambda number: {"value": number})


def with_time_before_1970(answer: Json) -> Json:
    """Send a negative time for the first item; items without a time stay as they are."""
    return _with_field(answer, time_field, -1)


def with_object_for_list(answer: Json) -> Json:
    """Send an object for the product_list of the first article; other items stay as they are."""
    return _with_field(answer, list_field, {"value": []})


def time_field(item: Json) -> str | None:
    """The field of the item that holds its first time."""
    return next((name for name in ("create_time", "bind_time") if name in item), None)


def list_field(item: Json) -> str | None:
    """The field of the item that holds a list."""
    return next((name for name, value in item.items() if isinstance(value, list)), None)


def number_field(item: Json) -> str:
    """The field of the item that is changed where a number is; the world's products may have none."""
    return next((name for name, value in item.items() if type(value) is int), "product_source")


def _with_number(answer: Json, change: Callable[[int], Any]) -> Json:
    def changed(item: Json) -> Json:
        name = number_field(item)
        return {**item, name: change(item.get(name, 0))}

    return _with_first_item(answer, changed)


def _with_field(answer: Json, field: Callable[[Json], str | None], value: object) -> Json:
    def changed(item: Json) -> Json:
        name = field(item)
        return item if name is None else {**item, name: value}

    return _with_first_item(answer, changed)


def _with_first_item(answer: Json, change: Callable[[Json], Json]) -> Json:
    for name, value in answer.items():
        if isinstance(value, list) and value:
            return {**answer, name: [change(value[0]), *value[1:]]}
    return answer


def control_characters(reply: Reply) -> Reply:
    """Raw control characters in a text, unescaped, as WeChat has sent them."""
    return _with_text(reply, b"\x08\x1b\n")


def half_emoji(reply: Reply) -> Reply:
    """A text that was cut within the bytes of an emoji."""
    return _with_text(reply, "😀".encode()[:2])


def lone_surrogate(reply: Reply) -> Reply:
    """An escaped half of an emoji."""
    return _with_text(reply, rb"\ud83d")


def _with_text(reply: Reply, odd: bytes) -> Reply:
    """Begin a text of the first item with these bytes; without a text, add the field `note`."""
    body, found = _TEXT.subn(lambda text: text[0] + odd, reply.body, count=1)
    if not found:
        body = _FIRST_ITEM.sub(lambda start: start[0] + b'"note":"' + odd + b'",', body, count=1)
    return replace(reply, body=body)
