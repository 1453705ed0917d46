"""One page of a list: where it begins, what it holds, how it points to the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from channels_assets.sandbox import cursors
from channels_assets.sandbox.endpoints import ListEndpoint
from channels_assets.sandbox.models import Json
from channels_assets.sandbox.refusals import Refusal

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """A page about to be sent. Faults replace its fields."""

    rows: Sequence[Json]
    """The whole list behind it."""
    start: int
    size: int
    items: Sequence[Json]
    next_start: int
    """Where its cursor goes on."""
    cursor: Literal["sent", "empty", "missing"]
    has_more: bool
    total: int | None = None

    @property
    def remains(self) -> bool:
        """Whether the list goes on after this page."""
        return self.next_start < len(self.rows)


PageFault = Callable[[Page], Page]


def cut(rows: Sequence[Json], start: int, size: int) -> Page:
    """The honest page of a list, with a cursor if and only if more remains."""
    items = rows[start : start + size]
    end = start + len(items)
    more = end < len(rows)
    return Page(rows, start, size, items, end, "sent" if more else "empty", has_more=more)


@dataclass(frozen=True)
class Position:
    """What a request says about paging, checked, and what binds its cursors."""

    endpoint: ListEndpoint
    size: int
    start: int | None
    """Where the cursor of the request goes on; None without a cursor."""
    binding: tuple[object, ...]

    def answer(self, page: Page, items: Sequence[Json]) -> Json:
        """The JSON object that carries the page."""
        endpoint = self.endpoint
        answer: Json = {"errcode": endpoint.success, "errmsg": "ok", endpoint.list_field: items}
        if page.cursor != "missing":
            sent = page.cursor == "sent"
            cursor = cursors.seal(page.next_start, self.binding) if sent else ""
            answer[endpoint.cursor_field] = cursor
        if endpoint.tells_has_more:
            answer["has_more"] = page.has_more
        if page.total is not None:
            answer["total_num"] = page.total
        return answer


def read_position(
    endpoint: ListEndpoint, caller: str, body: Json, filters: tuple[object, ...]
) -> Position:
    """Check page_size and the cursor; a cursor is good only for the call it was made for."""
    size = whole_number(body.get("page_size"))
    if size is None or not 1 <= size <= endpoint.page_limit:
        raise Refusal(endpoint.bad_parameter)
    binding = (endpoint.path, caller, size, *filters)
    cursor = body.get(endpoint.cursor_field, "")
    if not isinstance(cursor, str):
        raise Refusal(endpoint.bad_parameter)
    if not cursor:
        return Position(endpoint, size, None, binding)
    start = cursors.unseal(cursor, binding)
    if start is None:
        raise Refusal(endpoint.bad_parameter)
    return Position(endpoint, size, start, binding)


def whole_number(value: object) -> int | None:
    """The value if it is a JSON integer; true and false are not."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def optional(endpoint: ListEndpoint, body: Json, name: str, kind: type[T]) -> T | None:
    """A filter of the request; empty values count as not given."""
    value = body.get(name)
    if value in (None, "", 0):
        return None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Refusal(endpoint.bad_parameter)
    return value


def required(endpoint: ListEndpoint, body: Json, name: str, kind: type[T]) -> T:
    """A field without which the request is refused."""
    value = optional(endpoint, body, name, kind)
    if value is None:
        raise Refusal(endpoint.bad_parameter)
    return value
