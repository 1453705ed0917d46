"""One list, pulled whole into a staged file: resumed, walked, counted, walked again if need be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from channels_assets.extract.call_slots import WalkThreads
from channels_assets.extract.page_file import StagedPages
from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.errcodes import STALE_CURSOR_CODES
from channels_assets.wechat.errors import BadRequest, UnprovenEnd, WeChatError
from channels_assets.wechat.paging import (
    ListRequest,
    Page,
    Walk,
    fetch_page,
    fetch_page_at,
    page_of_bytes,
    unproven,
)

COUNT_DISAGREES = "count_disagrees"
_CLOCKS_DIFFER_SECONDS = 300.0


@dataclass(frozen=True)
class PullTask:
    """A list to pull. `account` is the appid whose credential `client` holds."""

    name: str
    account: str
    client: Client
    request: ListRequest[Any]


@dataclass(frozen=True)
class Staging:
    """Where pages are staged, and for how many seconds they may be resumed."""

    folder: Path
    resume_seconds: float = 1800.0
    now: Callable[[], float] = time.time

    def resumable(self) -> tuple[float, float]:
        """Between which moments a page must have been staged to be resumed now."""
        now = self.now()
        return now - self.resume_seconds, now + _CLOCKS_DIFFER_SECONDS


@dataclass(frozen=True)
class Pulled:
    """A list that was proven complete, with its staged pages: load them, then `discard` them.

    `total_num` is what the API said, None if it doesn't say. `api_calls` counts those of earlier
    attempts that it resumed, too.
    """

    staged: StagedPages
    end_reason: str
    pages: int
    api_calls: int
    resumed_pages: int
    total_num: int | None
    started_at: datetime
    fetched_at: datetime


def pull(
    task: PullTask, staging: Staging, stop: threading.Event, threads: WalkThreads | None = None
) -> Pulled:
    """Pulls one list; with `threads`, page by page_index side by side where the API has it.

    Raises WeChatError, or Stopped between two pages once `stop` is set; pages that a retry can use
    stay staged.
    """
    request = task.request
    identity = {
        "account": task.account,
        "endpoint": request.endpoint.name,
        "fields": dict(request.fields),
    }
    file = StagedPages(staging.folder, task.name, identity)
    run = _Run(task, staging, stop, file, threads)
    try:
        return run.to_proven_end()
    except UnprovenEnd as error:
        # A retry must not resume what led nowhere.
        run.restart(first_walk=None)
        error.api_calls = run.api_calls
        raise
    except WeChatError as error:
        run.account_for_calls()
        error.api_calls = run.api_calls
        raise
    finally:
        if not run.proven:
            file.keep()


class _Run:
    def __init__(
        self,
        task: PullTask,
        staging: Staging,
        stop: threading.Event,
        file: StagedPages,
        threads: WalkThreads | None,
    ) -> None:
        self._task = task
        self._stop = stop
        self._threads = threads
        self._by_cursor_alone = threads is None or not task.request.endpoint.max_indexed
        self._went_ahead = False
        self._staging = staging
        self._calls = Calls(stop, slot=threads.slots if threads else None)
        self._file = file
        self._walk: Walk[Any] = Walk(task.request)
        self._started_at = staging.now()
        self._fetched_at = self._started_at
        self._restarted = False
        self._recorded_calls = 0
        self.api_calls = 0
        self.proven = False

    def to_proven_end(self) -> Pulled:
        self._resume()
        resumed_pages = self._walk.pages
        self._went_ahead = resumed_pages > 1 and not self._by_cursor_alone
        try:
            self._to_end()
        except UnprovenEnd:
            if not self._went_ahead:
                raise
            # Perhaps page_index is not what it seems: page after page, then.
            self._by_cursor_alone = True
            self.restart(first_walk=None)
            resumed_pages = 0
            self._to_end()
        if not self._walk.count_agrees and self._file.first_walk is None:
            # Lists change while one reads: a second walk tells a change from a gap.
            self._by_cursor_alone = True
            self.restart(first_walk=self._walk.digest)
            resumed_pages = 0
            self._to_end()
        end_reason = self._walk.end_reason or ""
        if not self._walk.count_agrees:
            self._settle()
            end_reason = COUNT_DISAGREES
        self.proven = True
        return Pulled(
            staged=self._file,
            end_reason=end_reason,
            pages=self._walk.pages,
            api_calls=self.api_calls,
            resumed_pages=0 if self._restarted else resumed_pages,
            total_num=self._walk.total_num,
            started_at=datetime.fromtimestamp(self._started_at, UTC),
            fetched_at=datetime.fromtimestamp(self._fetched_at, UTC),
        )

    def _resume(self) -> None:
        try:
            for record in self._file.resume(*self._staging.resumable()):
                self.api_calls += record.calls
                if record.page:
                    self._walk.accept(page_of_bytes(self._task.request, record.page))
                    self._fetched_at = record.written_at
        except WeChatError:
            # The process died after staging a page that it would have refused.
            self.restart(first_walk=None)

    def _to_end(self) -> None:
        while self._walk.end_reason is None:
            self._calls.raise_if_stopped()
            ahead = range(0) if self._by_cursor_alone else self._walk.pages_by_index
            try:
                if len(ahead) > 1:
                    self._go_ahead(ahead)
                else:
                    self._take(self._fetch_next())
            except BadRequest as error:
                stale = self._walk.cursor and error.errcode in STALE_CURSOR_CODES
                if not stale or self._restarted:
                    raise
                self._restarted = self._by_cursor_alone = True
                self.restart(first_walk=self._file.first_walk)

    def _fetch_next(self) -> Page[Any]:
        return fetch_page(self._task.client, self._task.request, self._walk.cursor, self._calls)

    def _go_ahead(self, numbers: range) -> None:
        """Fetches these pages side by side and takes them in their order, as far as they fit on."""
        assert self._threads is not None  # noqa: S101
        self._went_ahead = True
        client, request = self._task.client, self._task.request
        slot = self._threads.slots
        counts = {number: Calls(self._stop, slot=slot) for number in numbers}

        def fetch(number: int) -> Page[Any]:
            return fetch_page_at(client, request, number, counts[number])

        try:
            with closing(self._threads.side_by_side(fetch, numbers)) as pages:
                for number, page in zip(numbers, pages, strict=False):
                    self._calls.sent += counts.pop(number).sent
                    self._take(page)
                    if self._walk.end_reason or number + 1 not in self._walk.pages_by_index:
                        return
        finally:
            self._calls.sent += sum(one.sent for one in counts.values())

    def _take(self, page: Page[Any]) -> None:
        self._fetched_at = self._staging.now()
        self._file.append(page.raw, self._fetched_at, self._new_calls())
        self._walk.accept(page)

    def restart(self, first_walk: str | None) -> None:
        """Forgets all pages; the calls that were spent on them stay counted."""
        self._file.restart(first_walk)
        self._new_calls()
        self._file.append(b"", self._staging.now(), self.api_calls)
        self._walk = Walk(self._task.request)

    def _new_calls(self) -> int:
        new = self._calls.sent - self._recorded_calls
        self._recorded_calls += new
        self.api_calls += new
        return new

    def account_for_calls(self) -> None:
        """Keeps the number of calls that brought no page, so that a retry can add them up."""
        self._file.append(b"", self._staging.now(), self._new_calls())

    def _settle(self) -> None:
        walk = self._walk
        if walk.digest == self._file.first_walk and walk.end_is_explicit and walk.distinct:
            return
        raise unproven(
            self._task.request.endpoint.name,
            f"{walk.distinct} different items were read, total_num says {walk.total_num}, "
            "and a second walk did not settle it",
            walk.pages,
        )
