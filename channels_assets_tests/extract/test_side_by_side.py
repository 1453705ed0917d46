"""Pages of a window fetched side by side by page_index: the same proof, whatever goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from channels_assets.extract.call_slots import WalkThreads
from channels_assets.extract.pull import PageFolder, Pulled, PullTask, pull
from channels_assets.sandbox import KINDS, Call, Fault, Sandbox, WindowEnd, World
from channels_assets.wechat import rate_limit, transport
from channels_assets.wechat.auth.stable_token import StableToken
from channels_assets.wechat.client import Client
from channels_assets.wechat.errors import UnprovenEnd, WeChatError
from channels_assets.wechat.paging import page_of_bytes
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import Reply, RequestsTransport
from channels_assets.wechat.window import window_products
from channels_assets_tests.faults.table import ROWS, Row

PATH = "/channels/ec/window/product/list/get"
SIZE, PAGE_SIZE, LIMIT = 17, 2, 4
PAGES = -(-SIZE // PAGE_SIZE)


class Counting(RequestsTransport):
    """Knows how many calls were under way at once at the most."""

    def __init__(self) -> None:
        super().__init__(LIMIT)
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def post(self, url: str, query: Mapping[str, str], body: bytes, endpoint: str) -> Reply:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            return super().post(url, query, body, endpoint)
        finally:
            with self._lock:
                self._now -= 1


class Bench:
    def __init__(self, folder: Path, window_end: WindowEnd = "buffer") -> None:
        self.world = World.generate(seed=5, windows=1, products=SIZE, shops=0)
        self.appid, self.window = next(iter(self.world.windows.items()))
        self.changes: list[int] = []
        self.sandbox = Sandbox(self.world, window_end=window_end, on_call=self._change)
        self.transport = Counting()
        self._staging = PageFolder(folder)
        self.states = [self.truth()]

    def truth(self) -> list[str]:
        return [str(item["product_id"]) for item in self.world.products_for(self.appid)]

    def _change(self, call: Call) -> None:
        if call.path == PATH and self.changes:
            wait, *self.changes = self.changes
            if wait:
                self.changes = [wait - 1, *self.changes]
            else:
                self.window.products.pop(len(self.window.products) // 2)
                self.states.append(self.truth())

    def task(self) -> PullTask:
        tokens = StableToken(
            self.transport, self.sandbox.url, self.appid, lambda: self.window.secret
        )
        client = Client(
            self.transport, self.sandbox.url, tokens, retry=RetryPolicy(tries=3, backoff_seconds=0)
        )
        return PullTask("window", self.appid, client, window_products(page_size=PAGE_SIZE))

    def pull(self) -> tuple[Pulled, list[str]]:
        task = self.task()
        with closing(WalkThreads(LIMIT, lists=1, max_walks=1)) as threads:
            pulled = pull(task, self._staging, threading.Event(), threads)
        keys = [key for page in pulled.page_file for key in page_of_bytes(task.request, page).keys]
        pulled.page_file.discard()
        # As the warehouse keeps them: of repeated ones the last.
        return pulled, list(dict.fromkeys(reversed(keys)))[::-1]

    def asked(self) -> list[Call]:
        return self.sandbox.calls_to(PATH)


@pytest.fixture(params=["buffer", "missing"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, request.param)
    with bench.sandbox:
        yield bench


def indexed(bench: Bench) -> list[int]:
    bodies = [call.body or {} for call in bench.asked()]
    return [body["page_index"] for body in bodies if "page_index" in body]


def test_all_pages_but_the_first_come_by_their_number(bench: Bench) -> None:
    pulled, keys = bench.pull()
    assert keys == bench.truth()
    assert sorted(indexed(bench)) == list(range(2, PAGES + 1))
    assert pulled.api_calls == len(bench.asked())
    assert (pulled.pages, pulled.resumed_pages) == (PAGES, 0)
    assert 2 <= bench.transport.most <= LIMIT


def test_what_page_index_does_not_reach_comes_by_the_cursor(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = bench.task()
    near = replace(task.request.endpoint, max_indexed=10)
    request = replace(task.request, endpoint=near)
    monkeypatch.setattr(bench, "task", lambda: replace(task, request=request))
    _, keys = bench.pull()
    assert keys == bench.truth()
    assert sorted(indexed(bench)) == [2, 3, 4, 5]


STRIKING = [
    (row, at)
    for row in ROWS
    if "A" in row.lists
    and row.path is None
    and PATH in KINDS[row.kind].paths
    # An item without an id is in no list of keys.
    and row.kind != "item_without_id"
    for at in (1, 2, 5)
]


@pytest.mark.parametrize("bench", ["buffer"], indirect=True)
@pytest.mark.parametrize(
    ("row", "at"), STRIKING, ids=[f"{row.kind}-{row.times}-{at}" for row, at in STRIKING]
)
def test_a_fault_never_shortens_the_list(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, row: Row, at: int
) -> None:
    if row.kind in ("hang", "slow", "huge"):
        monkeypatch.setattr(transport, "READ_SECONDS", 0.25)
        monkeypatch.setattr(transport, "TOTAL_SECONDS", 0.3)
        monkeypatch.setattr(transport, "MAX_BYTES", 2**20)
    monkeypatch.setattr(rate_limit, "LONGEST_PAUSE", 0.2)
    fault = Fault(row.kind, path=PATH, after=at - 1, times=row.times, seconds=0.02)
    bench.sandbox.inject(fault)
    failed: WeChatError | None = None
    try:
        pulled, keys = bench.pull()
    except WeChatError as error:
        failed = error
    else:
        assert keys == bench.truth() or pulled.end_is_doubtful
    assert failed is None or failed.api_calls == len(bench.asked())
    # A walk side by side, one by the cursor, and one more to settle the count; each with retries.
    assert len(bench.asked()) <= 3 * (2 * PAGES + 2) * 3


@pytest.mark.parametrize("first", range(0, PAGES + 4))
@pytest.mark.parametrize("second", [None, 0, 3])
def test_a_list_that_changes_meanwhile_is_one_of_its_states_or_not_proven(
    bench: Bench, first: int, second: int | None
) -> None:
    bench.changes = [first] if second is None else [first, second]
    try:
        _, keys = bench.pull()
    except UnprovenEnd:
        return
    assert keys in bench.states
