"""One list, page after page: the next request, and the proof of the end.

A walk ends for a stated reason (`EndReason`). Everything else raises UnprovenEnd: a list that stops
without proof must never be loaded as if it were whole.

JSON writers may leave out what has its default value (false, "", 0, an empty list). It is read as that
where nothing contradicts it. An end with no other sign is doubtful: a list must not lose rows by it
until a second refresh says the same.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Generic, Literal

from channels_assets.wechat.errors import UnprovenEnd
from channels_assets.wechat.paging import Item, ListRequest, Page

EndReason = Literal[
    "has_more_false",
    "has_more_missing",
    "empty_page",
    "cursor_missing",
    "total_reached",
    "list_missing",
]

MAX_PAGES = 100_000
_MIN_ITEMS_TO_JUDGE = 10
"""A list of fewer items may be odd ones alone; in a longer list, no id at all means that the API changed."""
_MAX_PAGES_WITHOUT_NEW_KEYS = 5


class Walk(Generic[Item]):
    """The state of one walk: takes each page in order, gives the next cursor.

    It makes no calls, so that staged pages can be replayed through it. At the end, `end_is_explicit`
    says whether the end can be believed against a total_num that disagrees, `end_is_doubtful` whether
    it would look the same if the answer had lost a field.
    """

    def __init__(self, request: ListRequest[Item], max_pages: int = MAX_PAGES) -> None:
        self.request = request
        self.cursor = ""
        self.end_reason: EndReason | None = None
        self.end_is_explicit = False
        self.end_is_doubtful = False
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
        """Whether every total_num that is believed is the number of distinct items read.

        A total that changes between two pages means that the list changed during the walk: an item
        may have moved from an unread page to a page that was already read, and so be missing.
        """
        return self._totals <= {self.distinct}

    @property
    def _counted(self) -> bool:
        return bool(self._totals) and self.count_agrees

    def accept(self, page: Page[Item], *, by_index: bool = False) -> None:
        """Takes the next page, sets `end_reason` at the end. Raises UnprovenEnd.

        The page answers `cursor`, or it was asked for `by_index`.
        """
        asked_by_cursor = bool(self.cursor) and not by_index
        self.pages += 1
        self.items += len(page.items)
        known = len(self._keys)
        keys = [key for key in page.keys if key]
        self._keys.update(keys)
        self._items_without_key += len(page.keys) - len(keys)
        self._digest.update("".join(f"{key}\0" for key in page.keys).encode())
        # Beside last_buffer, need_total_num has no effect: total_num may be anything then.
        if page.total_num is not None and not asked_by_cursor:
            self.total_num = page.total_num
            self._totals.add(page.total_num)
        # A page of nothing but items without keys may be a new one.
        new = len(self._keys) > known or (bool(page.keys) and not keys)
        self._pages_without_new_keys = 0 if new else self._pages_without_new_keys + 1
        full = len(page.items) >= self.request.fields["page_size"]
        all_full = self._all_full and full
        if by_index and all_full and self.pages + 1 in self.pages_by_index:
            # The next page comes by its number: the cursor is not needed.
            self._require_progress()
            self.cursor = page.cursor or self.cursor
            self._asked.add(self.cursor)
            return
        self.end_reason = self._reason_to_end(page, full)
        if self.end_reason and not self._keys and self.items >= _MIN_ITEMS_TO_JUDGE:
            id_field = ".".join(self.request.endpoint.key_path)
            raise self._unproven(f"none of {self.items} items has a usable {id_field}")
        # A cursor that is missing after a full page may be an error of the server; an empty page, or a
        # short page after full pages only, says on purpose that nothing follows.
        self.end_is_explicit = (
            not full and page.listed and (not page.items or self._all_full)
            if self.end_reason != "has_more_false"
            else page.listed
        )
        self.end_is_doubtful = self.end_reason is not None and self._is_doubtful(page, full)
        self._all_full = all_full
        if self.end_reason is None:
            self._advance(page.cursor or "")

    def _reason_to_end(self, page: Page[Item], full: bool) -> EndReason | None:
        if not page.listed:
            return self._reason_without_list(page)
        endpoint = self.request.endpoint
        if endpoint.sends_has_more and (page.has_more is not None or not page.cursor):
            return self._reason_by_has_more(page)
        if not page.items:
            return "empty_page"
        if not page.cursor:
            if endpoint.cursor_field == "last_buffer" and full and not self._totals:
                raise self._unproven("last_buffer is missing behind a full page, and total_num too")
            return "cursor_missing"
        # total_num alone could be off by one on a page break: a short last page, or a cursor that
        # leads nowhere new, must say the same.
        last_is_short = self._all_full and not full and self.items == self.distinct
        if self._counted and (last_is_short or page.cursor in self._asked):
            return "total_reached"
        return None

    def _reason_without_list(self, page: Page[Item]) -> EndReason:
        """An empty list, if nothing contradicts it: else the answer has lost its list."""
        if self._counted:
            return "empty_page"
        if page.has_more or page.cursor or self._totals:
            raise self._unproven(f"the answer leaves {self.request.endpoint.list_field} out")
        return "list_missing"

    def _reason_by_has_more(self, page: Page[Item]) -> EndReason | None:
        if page.has_more is None:
            return "has_more_missing"
        if not page.has_more:
            return "has_more_false"
        if not page.cursor:
            raise self._unproven("has_more is true but next_key is empty")
        return None

    def _is_doubtful(self, page: Page[Item], full: bool) -> bool:
        said_nothing = full and page.has_more is None and page.cursor is None
        return not self._counted and (not page.listed or said_nothing)

    def _advance(self, cursor: str) -> None:
        if cursor in self._asked:
            raise self._unproven("a cursor came twice, so the pages go round in a circle")
        self._require_progress()
        self._asked.add(cursor)
        self.cursor = cursor

    def _require_progress(self) -> None:
        if self._pages_without_new_keys >= _MAX_PAGES_WITHOUT_NEW_KEYS:
            raise self._unproven(
                f"{_MAX_PAGES_WITHOUT_NEW_KEYS} pages in a row brought nothing new"
            )
        if self.pages >= self._max_pages:
            raise self._unproven(f"no end after {self.pages} pages")

    def _unproven(self, reason: str) -> UnprovenEnd:
        return unproven(self.request.endpoint.name, reason, self.pages)


def unproven(endpoint: str, reason: str, pages: int) -> UnprovenEnd:
    return UnprovenEnd(
        f"The list ended without proof that it is complete: {reason} (page {pages}).",
        endpoint=endpoint,
        remedy="Nothing was loaded, the rows of the last refresh stay; refresh again. "
        "列表未能确认完整，本次未写入，原数据保留，请重新刷新。",
    )
