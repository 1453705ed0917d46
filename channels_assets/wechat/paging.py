"""One list, page after page: the next request, and the proof of the end.

    window products              last_buffer, no has_more, total_num on request
    articles, shops, promoters   next_key and has_more
    sharers                      next_key alone

A walk ends for a stated reason (`EndReason`). Everything else raises UnprovenEnd: a list that stops
without proof must never be loaded as if it were whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Generic, Literal, TypeVar, cast

from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.decode import Fields, JsonObject, item_keys, parse_object
from channels_assets.wechat.errors import BadRequest, UnprovenEnd
from channels_assets.wechat.request import Answer

Item = TypeVar("Item")
EndReason = Literal["has_more_false", "empty_page", "cursor_missing", "total_reached"]

MAX_PAGES = 100_000
_MAX_PAGES_WITHOUT_NEW_KEYS = 5


@dataclass(frozen=True)
class Endpoint(Generic[Item]):
    """A list that the API pages through.

    `key_path` leads from an item to its id. `sends_has_more`: whether answers say if a page follows.
    `max_indexed`: how many of its items can also be had by `page_index`, 0 for none.
    """

    name: str
    path: str
    doc: str
    list_field: str
    cursor_field: Literal["last_buffer", "next_key"]
    key_path: tuple[str, ...]
    sends_has_more: bool
    max_page_size: int
    max_indexed: int = 0


@dataclass(frozen=True)
class ListRequest(Generic[Item]):
    """One list: an endpoint and the fields that stay constant on every page of a walk."""

    endpoint: Endpoint[Item]
    fields: Mapping[str, Any]

    def __post_init__(self) -> None:
        size, most = self.fields["page_size"], self.endpoint.max_page_size
        if not 1 <= size <= most:
            raise BadRequest(
                f"page_size must be 1 to {most}, not {size}; no call was made.",
                endpoint=self.endpoint.name,
            )

    def body(self, cursor: str) -> JsonObject:
        if self.endpoint.cursor_field == "last_buffer":
            # The first page has no last_buffer; next_key is required, and empty on the first page.
            return {**self.fields, "last_buffer": cursor} if cursor else dict(self.fields)
        return {**self.fields, "next_key": cursor}

    def body_at(self, page_index: int) -> JsonObject:
        """`page_index` counts from 1."""
        return {**self.fields, "page_index": page_index}


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page: its items as sent, in order, what the API says of the rest, and its bytes.

    `keys` are the items' ids as text, "" for an item without a usable one, which may be no object either.
    Nothing else of an item was checked: the load does that. `listed` is false and `cursor` None where the
    answer left the field out.
    """

    items: tuple[Item, ...]
    keys: tuple[str, ...]
    listed: bool
    cursor: str | None
    has_more: bool | None
    total_num: int | None
    raw: bytes


def page_of_bytes(request: ListRequest[Item], raw: bytes) -> Page[Item]:
    """A page from the bytes of an answer that was accepted before."""
    return _decode(request, Answer(parse_object(raw, request.endpoint.name), raw))


def _decode(request: ListRequest[Item], answer: Answer) -> Page[Item]:
    endpoint = request.endpoint
    fields = Fields(answer.value, endpoint.name)
    items = fields.items(endpoint.list_field)
    return Page(
        # Objects, where item_keys() finds their keys.
        items=cast("tuple[Item, ...]", tuple(items)),
        keys=item_keys(items, endpoint.key_path),
        listed=answer.value.get(endpoint.list_field) is not None,
        cursor=fields.text(endpoint.cursor_field),
        has_more=fields.boolean("has_more"),
        total_num=fields.integer("total_num"),
        raw=answer.raw,
    )


def fetch_page(client: Client, request: ListRequest[Item], cursor: str, calls: Calls) -> Page[Item]:
    """One page. `cursor` is "" for the first, else what the page before gave."""
    return _fetch(client, request, request.body(cursor), calls)


def fetch_page_at(
    client: Client, request: ListRequest[Item], page_index: int, calls: Calls
) -> Page[Item]:
    """One page by its number, from 1; only up to the endpoint's `max_indexed` items."""
    return _fetch(client, request, request.body_at(page_index), calls)


def _fetch(
    client: Client, request: ListRequest[Item], body: JsonObject, calls: Calls
) -> Page[Item]:
    endpoint = request.endpoint
    return client.call(
        endpoint.path, endpoint.name, body, lambda answer: _decode(request, answer), calls
    )


class Walk(Generic[Item]):
    """The state of one walk: takes each page in order, gives the next cursor.

    It makes no calls, so that staged pages can be replayed through it. At the end, `end_is_explicit`
    says whether the end can be believed against a total_num that disagrees.
    """

    def __init__(self, request: ListRequest[Item], max_pages: int = MAX_PAGES) -> None:
        self.request = request
        self.cursor = ""
        self.end_reason: EndReason | None = None
        self.end_is_explicit = False
        self.total_num: int | None = None
        self.pages = 0
        self.items = 0
        self._max_pages = max_pages
        self._keys: set[str] = set()
        self._items_without_key = 0
        self._asked = {""}
        self._totals: set[int] = set()
        self._pages_without_new_keys = 0
        self._all_full = True
        self._digest = blake2b(digest_size=16)

    @property
    def pages_by_index(self) -> range:
        """The numbers of the pages that page_index will give, if total_num is right: all that follow
        the full pages read so far."""
        endpoint, size = self.request.endpoint, int(self.request.fields["page_size"])
        if not self._all_full or not self.pages or self.total_num is None:
            return range(0)
        last = min(-(-self.total_num // size), endpoint.max_indexed // size)
        return range(self.pages + 1, last + 1)

    @property
    def distinct(self) -> int:
        """The number of different items; each without a key counts as another one."""
        return len(self._keys) + self._items_without_key

    @property
    def digest(self) -> str:
        """Equal for two walks that saw the same keys in the same order."""
        return self._digest.hexdigest()

    @property
    def count_agrees(self) -> bool:
        """Whether every page that gave a total_num gave the number of distinct items read.

        A total that changes between two pages means that the list changed during the walk: an item
        may have moved from an unread page to a page that was already read, and so be missing.
        """
        return self._totals <= {self.distinct}

    def accept(self, page: Page[Item]) -> None:
        """Takes the page that answers `cursor`, sets `end_reason` at the end. Raises UnprovenEnd."""
        self.pages += 1
        self.items += len(page.items)
        known = len(self._keys)
        keys = [key for key in page.keys if key]
        self._keys.update(keys)
        self._items_without_key += len(page.keys) - len(keys)
        self._digest.update("".join(f"{key}\0" for key in page.keys).encode())
        if page.total_num is not None:
            self.total_num = page.total_num
            self._totals.add(page.total_num)
        # A page of nothing but items without keys may be a new one.
        new = len(self._keys) > known or (bool(page.keys) and not keys)
        self._pages_without_new_keys = 0 if new else self._pages_without_new_keys + 1
        full = len(page.items) >= self.request.fields["page_size"]
        self.end_reason = self._reason_to_end(page, full)
        # A cursor that is missing after a full page may be an error of the server; an empty page, or a
        # short page after full pages only, says on purpose that nothing follows.
        self.end_is_explicit = (
            not full and page.listed and (not page.items or self._all_full)
            if self.end_reason != "has_more_false"
            else True
        )
        self._all_full = self._all_full and full
        if self.end_reason is None:
            self._advance(page.cursor or "")

    def _reason_to_end(self, page: Page[Item], full: bool) -> EndReason | None:
        endpoint = self.request.endpoint
        counted = bool(self._totals) and self.count_agrees
        if not page.listed and not counted:
            # It may mean an empty list, or an answer that lost its list: never guess.
            raise self._unproven(f"the answer leaves {endpoint.list_field} out")
        if endpoint.sends_has_more:
            return self._reason_by_has_more(page)
        if not page.items:
            return "empty_page"
        if not page.cursor:
            if endpoint.cursor_field == "next_key" and page.cursor is None:
                raise self._unproven("the answer leaves next_key out")
            if endpoint.cursor_field == "last_buffer" and full and not self._totals:
                raise self._unproven("last_buffer is missing behind a full page, and total_num too")
            return "cursor_missing"
        # total_num alone could be off by one on a page break: a short last page, or a cursor that
        # leads nowhere new, must say the same.
        seems_last = (self._all_full and not full) or page.cursor in self._asked
        if counted and seems_last and self.items == self.distinct:
            return "total_reached"
        return None

    def _reason_by_has_more(self, page: Page[Item]) -> EndReason | None:
        if page.has_more is None:
            raise self._unproven("the answer leaves has_more out")
        if not page.has_more:
            return "has_more_false"
        if not page.cursor:
            raise self._unproven("has_more is true but next_key is empty")
        return None

    def _advance(self, cursor: str) -> None:
        if cursor in self._asked:
            raise self._unproven("a cursor came twice, so the pages go round in a circle")
        if self._pages_without_new_keys >= _MAX_PAGES_WITHOUT_NEW_KEYS:
            raise self._unproven(
                f"{_MAX_PAGES_WITHOUT_NEW_KEYS} pages in a row brought nothing new"
            )
        if self.pages >= self._max_pages:
            raise self._unproven(f"no end after {self.pages} pages")
        self._asked.add(cursor)
        self.cursor = cursor

    def _unproven(self, reason: str) -> UnprovenEnd:
        return unproven(self.request.endpoint.name, reason, self.pages)


def unproven(endpoint: str, reason: str, pages: int) -> UnprovenEnd:
    return UnprovenEnd(
        f"The list ended without proof that it is complete: {reason} (page {pages}).",
        endpoint=endpoint,
        remedy="Nothing was loaded, the rows of the last refresh stay; refresh again. "
        "列表未能确认完整，本次未写入，原数据保留，请重新刷新。",
    )
