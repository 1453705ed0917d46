"""One page of a list: the page request, the page, and the cursor to the next page."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from channels_assets.sandbox.endpoints import ListEndpoint
from channels_assets.sandbox.http_messages import ApiError
from channels_assets.sandbox.models import Json

T = TypeVar("T")

_SALT = b"stand-in cursor"
_OFFSET_BYTES = 6
# Cursors are opaque. With this prefix each begins with "+/", and its 73 bytes end in "==": a caller
# that puts a cursor into a URL, or strips its padding, fails at once and not only now and then.
_PREFIX = b"\xfb\xff\xff"


@dataclass(frozen=True)
class Page:
    """A page before it is sent. Faults replace its fields."""

    all_items: Sequence[Json]
    """The whole list that the page is part of."""
    start: int
    size: int
    items: Sequence[Json]
    next_start: int
    """Index of the item that its cursor points to."""
    cursor: Literal["sent", "empty", "missing"]
    has_more: bool
    total: int | None = None

    @property
    def remains(self) -> bool:
        """Whether the list goes on after this page."""
        return self.next_start < len(self.all_items)


PageFault = Callable[[Page], Page]


def slice_page(all_items: Sequence[Json], start: int, size: int) -> Page:
    """The page of a list without any fault; it has a cursor only if items remain."""
    items = all_items[start : start + size]
    end = start + len(items)
    more = end < len(all_items)
    return Page(all_items, start, size, items, end, "sent" if more else "empty", has_more=more)


@dataclass(frozen=True)
class PageRequest:
    """The paging fields of a request, checked, and what its cursors are bound to."""

    endpoint: ListEndpoint
    size: int
    start: int | None
    """Index of the first item by the cursor of the request; None without a cursor."""
    binding: tuple[object, ...]

    def answer(self, page: Page, items: Sequence[Json]) -> Json:
        """The JSON object of the page."""
        endpoint = self.endpoint
        answer: Json = {"errcode": endpoint.success, "errmsg": "ok", endpoint.list_field: items}
        if page.cursor != "missing":
            sent = page.cursor == "sent"
            cursor = encode_cursor(page.next_start, self.binding) if sent else ""
            answer[endpoint.cursor_field] = cursor
        if endpoint.sends_has_more:
            answer["has_more"] = page.has_more
        if page.total is not None:
            answer["total_num"] = page.total
        return answer


def parse_page_request(
    endpoint: ListEndpoint, caller: str, body: Json, filters: tuple[object, ...]
) -> PageRequest:
    """Check page_size and the cursor; a cursor is valid only for the request it was made for."""
    size = json_integer(body.get("page_size"))
    if size is None or not 1 <= size <= endpoint.page_limit:
        raise ApiError(endpoint.bad_parameter)
    binding = (endpoint.path, caller, size, *filters)
    cursor = body.get(endpoint.cursor_field, "")
    if not isinstance(cursor, str):
        raise ApiError(endpoint.bad_parameter)
    if not cursor:
        return PageRequest(endpoint, size, None, binding)
    start = decode_cursor(cursor, binding)
    if start is None:
        raise ApiError(endpoint.bad_parameter)
    return PageRequest(endpoint, size, start, binding)


def json_integer(value: object) -> int | None:
    """The value if it is a JSON integer; true and false are not integers."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def optional_field(endpoint: ListEndpoint, body: Json, name: str, kind: type[T]) -> T | None:
    """A filter of the request; an empty value means no filter."""
    value = body.get(name)
    if value in (None, "", 0):
        return None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ApiError(endpoint.bad_parameter)
    return value


def required_field(endpoint: ListEndpoint, body: Json, name: str, kind: type[T]) -> T:
    """A field that the request must have."""
    value = optional_field(endpoint, body, name, kind)
    if value is None:
        raise ApiError(endpoint.bad_parameter)
    return value


def encode_cursor(offset: int, binding: Sequence[object]) -> str:
    """A cursor that points to this offset, valid for requests with this binding only."""
    plain = offset.to_bytes(_OFFSET_BYTES, "big")
    tag = _tag(plain, binding)
    return base64.b64encode(_PREFIX + _mask(plain, tag) + tag).decode()


def decode_cursor(cursor: str, binding: Sequence[object]) -> int | None:
    """The offset, or None if the cursor was not made for this binding."""
    try:
        raw = base64.b64decode(cursor, validate=True)
    except (binascii.Error, ValueError):
        return None
    start = len(_PREFIX)
    masked, tag = raw[start : start + _OFFSET_BYTES], raw[start + _OFFSET_BYTES :]
    plain = _mask(masked, tag)
    valid = raw[:start] == _PREFIX and hmac.compare_digest(tag, _tag(plain, binding))
    return int.from_bytes(plain, "big") if valid else None


def _tag(plain: bytes, binding: Sequence[object]) -> bytes:
    return hashlib.sha3_512(_SALT + plain + repr(tuple(binding)).encode()).digest()


def _mask(data: bytes, key: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(data, key, strict=False))
