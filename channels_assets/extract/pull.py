"""Pull one list into its page file: resume, walk, compare the count, walk a second time if need be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from channels_assets.extract.call_slots import WalkThreads
from channels_assets.extract.page_file import PageFile
from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.errcodes import STALE_CURSOR_CODES
from channels_assets.wechat.errors import BadRequest, UnprovenEnd, WeChatError
from channels_assets.wechat.paging import (
    ListRequest,
    Page,
    fetch_page,
    fetch_page_at,
    page_of_bytes,
)
from channels_assets.wechat.walk import Walk, unproven

COUNT_DISAGREES = "count_disagrees"
_CLOCKS_DIFFER_SECONDS = 300.0


@dataclass(frozen=True)
class PullTask:
    """A list to pull, and where its rows belong.

    `account` is the appid whose credential `client` holds. `table` is the name of the table, `scope`
    what names the list there, `constants` values that are the same in all of its rows.
    """

    table: str
    account: str
    client: Client
    request: ListRequest[Any]
    scope: Mapping[str, str] = field(default_factory=dict[str, str])
    constants: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class PageFolder:
    """Where page files are, and for how many seconds they may be resumed."""

    path: Path
    resume_seconds: float = 1800.0
    now: Callable[[], float] = time.time

    def resumable(self) -> tuple[float, float]:
        """Between which moments a page must have been written to be resumed now."""
        now = self.now()
        return now - self.resume_seconds, now + _CLOCKS_DIFFER_SECONDS


@dataclass(frozen=True)
class Pulled:
    """A list that was proven complete, with its page file: load the pages, then `discard` the file.

    `total_num` is what the API said, None if it doesn't say. `resumed_calls` were made by earlier
    attempts, `api_calls` since. `items` are the different items. `end_is_doubtful`: see Walk.
    """

    page_file: PageFile
    end_reason: str
    pages: int
    api_calls: int
    resumed_pages: int
    total_num: int | None
    started_at: datetime
    fetched_at: datetime
    resumed_calls: int = 0
    items: int = 0
    end_is_doubtful: bool = False

    def __iter__(self) -> Iterator[bytes]:
        """The pages in walk order. Raises OSError where the page file was damaged after the proof."""
        count = 0
        for page in self.page_file:
            count += 1
            yield page
        if count != self.pages:
            raise OSError(
                f"The page file was damaged: {count} of {self.pages} pages can be read. A retry reads "
                "the list from the API again. 暂存的分页文件已损坏，重试时会重新读取该列表。"
            )


def pull(
    task: PullTask, folder: PageFolder, stop: threading.Event, threads: WalkThreads | None = None
) -> Pulled:
    """Pulls one list; with `threads`, pages side by side where the API has page_index.

    Raises WeChatError, or Stopped between two pages once `stop` is set; pages that a retry can use
    stay in the page file.
    """
    request = task.request
    identity = {
        "account": task.account,
        "endpoint": request.endpoint.name,
        "fields": dict(request.fields),
    }
    file = PageFile(folder.path, task.table, identity)
    attempt = _Attempt(task, folder, stop, file, threads)
    try:
        return attempt.to_proven_end()
    except UnprovenEnd as error:
        # A retry must not resume what led nowhere.
        attempt.restart(first_walk=None)
        error.api_calls = attempt.api_calls
        raise
    except WeChatError as error:
        attempt.record_calls()
        error.api_calls = attempt.api_calls
        raise
    finally:
        if not attempt.proven:
            file.keep()


class _Attempt:
    """One attempt to pull a list, which may need two walks.

    It begins with the pages that an earlier attempt left, and fetches pages side by side as long as
    page_index gives what the cursor would. What is unproven then is walked again by cursor alone.
    """

    def __init__(
        self,
        task: PullTask,
        folder: PageFolder,
        stop: threading.Event,
        file: PageFile,
        threads: WalkThreads | None,
    ) -> None:
        self._task = task
        self._stop = stop
        self._threads = threads
        self._cursor_only = threads is None or not task.request.endpoint.max_indexed
        self._used_page_index = False
        self._folder = folder
        self._calls = Calls(stop, slot=threads.slots if threads else None)
        self._file = file
        self._walk: Walk[Any] = Walk(task.request)
        self._started_at = folder.now()
        self._fetched_at = self._started_at
        self._restarted = False
        self._recorded_calls = 0
        self.api_calls = 0
        self.resumed_calls = 0
        self.proven = False

    def to_proven_end(self) -> Pulled:
        self._resume()
        resumed_pages = self._walk.pages
        self._used_page_index = resumed_pages > 1 and not self._cursor_only
        try:
            self._to_end()
        except UnprovenEnd:
            if not self._used_page_index:
                raise
            # page_index may skip or repeat items: walk by cursor alone.
            self._cursor_only = True
            self.restart(first_walk=None)
            resumed_pages = 0
            self._to_end()
        if not self._walk.count_agrees and self._file.first_walk is None:
            # The list may have changed during the walk: a second walk tells a change from a gap.
            self._cursor_only = True
            self.restart(first_walk=self._walk.digest)
            resumed_pages = 0
            self._to_end()
        end_reason = self._walk.end_reason or ""
        if not self._walk.count_agrees:
            self._require_agreement()
            end_reason = COUNT_DISAGREES
        self.proven = True
        return Pulled(
            page_file=self._file,
            end_reason=end_reason,
            pages=self._walk.pages,
            api_calls=self.api_calls,
            resumed_pages=0 if self._restarted else resumed_pages,
            total_num=self._walk.total_num,
            started_at=datetime.fromtimestamp(self._started_at, UTC),
            fetched_at=datetime.fromtimestamp(self._fetched_at, UTC),
            resumed_calls=self.resumed_calls,
            items=self._walk.distinct,
            end_is_doubtful=self._walk.end_is_doubtful,
        )

    def _resume(self) -> None:
        try:
            for record in self._file.resume(*self._folder.resumable()):
                self.resumed_calls += record.calls
                if record.page:
                    self._walk.accept(page_of_bytes(self._task.request, record.page))
                    self._fetched_at = record.written_at
        except WeChatError:
            # The process died after it wrote a page that the walk refuses.
            self.restart(first_walk=None)

    def _to_end(self) -> None:
        while self._walk.end_reason is None:
            self._calls.raise_if_stopped()
            indexed = range(0) if self._cursor_only else self._walk.pages_by_index
            try:
                if len(indexed) > 1:
                    self._fetch_side_by_side(indexed)
                else:
                    self._accept(self._fetch_next())
            except BadRequest as error:
                stale = self._walk.cursor and error.errcode in STALE_CURSOR_CODES
                if not stale or self._restarted:
                    raise
                self._restarted = self._cursor_only = True
                self.restart(first_walk=self._file.first_walk)

    def _fetch_next(self) -> Page[Any]:
        return fetch_page(self._task.client, self._task.request, self._walk.cursor, self._calls)

    def _fetch_side_by_side(self, numbers: range) -> None:
        """Fetches these pages at once and accepts them in their order.

        It stops when a page ends the walk, or when page_index can't be trusted further.
        """
        assert self._threads is not None  # noqa: S101
        self._used_page_index = True
        client, request = self._task.client, self._task.request
        slot = self._threads.slots
        counts = {number: Calls(self._stop, slot=slot) for number in numbers}

        def fetch(number: int) -> Page[Any]:
            return fetch_page_at(client, request, number, counts[number])

        try:
            with closing(self._threads.side_by_side(fetch, numbers)) as pages:
                for number, page in zip(numbers, pages, strict=False):
                    self._calls.sent += counts.pop(number).sent
                    self._accept(page, by_index=True)
                    if self._walk.end_reason or number + 1 not in self._walk.pages_by_index:
                        return
        finally:
            self._calls.sent += sum(calls.sent for calls in counts.values())

    def _accept(self, page: Page[Any], *, by_index: bool = False) -> None:
        self._fetched_at = self._folder.now()
        self._file.append(page.raw, self._fetched_at, self._new_calls())
        self._walk.accept(page, by_index=by_index)

    def restart(self, first_walk: str | None) -> None:
        """Drops all pages; the calls that were spent on them stay counted."""
        self._file.restart(first_walk)
        self._new_calls()
        self._file.append(b"", self._folder.now(), self.resumed_calls + self.api_calls)
        self._walk = Walk(self._task.request)

    def _new_calls(self) -> int:
        new = self._calls.sent - self._recorded_calls
        self._recorded_calls += new
        self.api_calls += new
        return new

    def record_calls(self) -> None:
        """Writes the number of calls that gave no page, so that a retry can add them up."""
        self._file.append(b"", self._folder.now(), self._new_calls())

    def _require_agreement(self) -> None:
        """Raises UnprovenEnd unless two walks agree against a total_num that does not."""
        walk = self._walk
        if walk.digest == self._file.first_walk and walk.end_is_explicit and walk.distinct:
            return
        raise unproven(
            self._task.request.endpoint.name,
            f"{walk.distinct} different items were read, total_num says {walk.total_num}, "
            "and a second walk gave no consistent result",
            walk.pages,
        )
