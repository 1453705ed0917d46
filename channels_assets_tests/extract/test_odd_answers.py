"""Odd answers, row by row: what the API sends for a list, and what must come out of it."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from channels_assets.extract.call_slots import WalkThreads
from channels_assets.extract.pull import PageFolder, Pulled, PullTask, pull
from channels_assets.wechat.client import Client
from channels_assets.wechat.errors import UnprovenEnd
from channels_assets.wechat.league import sharers, shop_promoters
from channels_assets.wechat.paging import ListRequest, page_of_bytes
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import window_products
from channels_assets_tests.helpers.scripted import FixedToken, Json, Script, ScriptedApi

WINDOW, PROMOTERS, SHARERS = (
    window_products(page_size=2),
    shop_promoters("wx1", page_size=2),
    sharers(page_size=2),
)
OK = {"errcode": 0, "errmsg": "ok"}


@dataclass(frozen=True)
class Row:
    """`answers` in their order. What must come out: `rows` for an `end`, or the text of an UnprovenEnd."""

    name: str
    request: ListRequest[Any]
    answers: list[Json]
    rows: int = 0
    end: str = ""
    doubtful: bool = False
    unproven: str = ""


def products(*ids: str, **fields: object) -> Json:
    return {**OK, "products": [{"product_id": name} for name in ids], **fields}


def promoters(*ids: str, **fields: object) -> Json:
    return {**OK, "promoter_list": [{"promoter_id": name} for name in ids], **fields}


def people(*ids: str, **fields: object) -> Json:
    return {**OK, "sharer_info_list": [{"sharer_appid": name} for name in ids], **fields}


MORE = {"has_more": True, "next_key": "a"}
ROWS = [
    # No item has an id.
    Row(
        "no id in a whole list",
        shop_promoters("wx1", page_size=10),
        [promoters(*[""] * 10, has_more=False, next_key="")],
        unproven="none of 10 items has a usable promoter_id",
    ),
    # has_more is left out.
    Row("no has_more", PROMOTERS, [promoters("1", next_key="")], 1, "has_more_missing"),
    Row("nor next_key", PROMOTERS, [promoters("1")], 1, "has_more_missing"),
    Row("has_more null", PROMOTERS, [promoters("1", has_more=None)], 1, "has_more_missing"),
    Row('has_more ""', PROMOTERS, [promoters("1", has_more="")], 1, "has_more_missing"),
    Row(
        "no has_more on the last page",
        PROMOTERS,
        [promoters("1", "2", **MORE), promoters("3")],
        3,
        "has_more_missing",
    ),
    Row(
        "no has_more on any page",
        PROMOTERS,
        [promoters("1", "2", next_key="a"), promoters("3", "4", next_key="b"), promoters("5")],
        5,
        "has_more_missing",
    ),
    Row(
        "no has_more, a last cursor to an empty page",
        PROMOTERS,
        [promoters("1", "2", next_key="a"), promoters("3", next_key="b"), promoters(next_key="c")],
        3,
        "empty_page",
    ),
    Row("full page", PROMOTERS, [promoters("1", "2")], 2, "has_more_missing", doubtful=True),
    Row("full, next_key", PROMOTERS, [promoters("1", "2", next_key="")], 2, "has_more_missing"),
    Row(
        "no has_more, the same cursor",
        PROMOTERS,
        [promoters("1", "2", next_key="a"), promoters("3", "4", next_key="a")],
        unproven="came twice",
    ),
    # The empty list is left out, or sent as something else.
    *(
        Row(f"{name} as list", PROMOTERS, [answer], 0, "list_missing", doubtful=True)
        for name, answer in {
            "nothing": {**OK, "has_more": False, "next_key": ""},
            "null": {**OK, "promoter_list": None, "has_more": False},
            '""': {**OK, "promoter_list": "", "has_more": False},
            "{}": {**OK, "promoter_list": {}, "has_more": False},
            "nothing at all": OK,
        }.items()
    ),
    Row("no sharers", SHARERS, [OK], 0, "list_missing", doubtful=True),
    Row("no products, no count", WINDOW, [OK], 0, "list_missing", doubtful=True),
    Row("no products, count 0", WINDOW, [{**OK, "total_num": 0}], 0, "empty_page"),
    Row("products {}", WINDOW, [{**OK, "products": {}, "total_num": 0}], 0, "empty_page"),
    Row(
        "the last page leaves its list out",
        PROMOTERS,
        [promoters("1", "2", **MORE), {**OK, "has_more": False}],
        2,
        "list_missing",
        doubtful=True,
    ),
    Row(
        "the last window page leaves its list out, the count agrees",
        WINDOW,
        [products("1", "2", last_buffer="a", total_num=2), OK],
        2,
        "empty_page",
    ),
    Row(
        "the last window page leaves its list out, no count",
        WINDOW,
        [products("1", "2", last_buffer="a"), OK],
        2,
        "list_missing",
        doubtful=True,
    ),
    Row("no list, has_more", PROMOTERS, [{**OK, **MORE}], unproven="leaves promoter_list out"),
    Row(
        "no list, a cursor", SHARERS, [{**OK, "next_key": "a"}], unproven="leaves sharer_info_list"
    ),
    Row("no list, a count", WINDOW, [{**OK, "total_num": 3}] * 2, unproven="leaves products out"),
    Row(
        "a list lost in the middle",
        WINDOW,
        [products("1", "2", last_buffer="a", total_num=3), OK] * 2,
        unproven="leaves products out",
    ),
    # next_key is left out.
    Row("no next_key", SHARERS, [people("1")], 1, "cursor_missing"),
    Row("full page, no next_key", SHARERS, [people("1", "2")], 2, "cursor_missing", doubtful=True),
    Row("full page, next_key empty", SHARERS, [people("1", "2", next_key="")], 2, "cursor_missing"),
    Row(
        "has_more, no next_key",
        PROMOTERS,
        [promoters("1", "2", has_more=True)],
        unproven="next_key is empty",
    ),
]


def pull_from(api: ScriptedApi, request: ListRequest[Any], folder: Path, slots: int) -> Pulled:
    retry = RetryPolicy(tries=2, backoff_seconds=0.0)
    client = Client(RequestsTransport(4), api.url, FixedToken(), retry=retry)
    task = PullTask(request.endpoint.name, "wx1", client, request)
    if not slots:
        return pull(task, PageFolder(folder), threading.Event())
    with closing(WalkThreads(slots, lists=1, max_walks=1)) as threads:
        return pull(task, PageFolder(folder), threading.Event(), threads)


def keys(pulled: Pulled, request: ListRequest[Any]) -> list[str]:
    return [key for page in pulled for key in page_of_bytes(request, page).keys]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_is_left_out(row: Row, tmp_path: Path) -> None:
    with ScriptedApi(lambda _, number: row.answers[number]) as api:
        if row.unproven:
            with pytest.raises(UnprovenEnd, match=row.unproven):
                pull_from(api, row.request, tmp_path, slots=0)
            return
        pulled = pull_from(api, row.request, tmp_path, slots=0)
    assert keys(pulled, row.request) == [str(number + 1) for number in range(row.rows)]
    assert (pulled.end_reason, pulled.end_is_doubtful) == (row.end, row.doubtful)
    assert (pulled.api_calls, pulled.items) == (len(row.answers), row.rows)


def window_of(size: int, total_by_cursor: str, cursors: str = "good") -> Script:
    """A window of `size` products, whose total_num is right on pages asked without last_buffer.

    `cursors` of pages by page_index: good, absent, or all the same one.
    """

    def answer(asked: Json, number: int) -> Json:
        del number
        by_cursor = "last_buffer" in asked
        at = int(asked["last_buffer"]) if by_cursor else 0
        if "page_index" in asked:
            at = (asked["page_index"] - 1) * asked["page_size"]
        items = range(at, min(size, at + asked["page_size"]))
        answer = products(*map(str, items))
        if items and (cursors == "good" or "page_index" not in asked):
            answer["last_buffer"] = str(items.stop)
        elif items and cursors == "same":
            answer["last_buffer"] = str(asked["page_size"])
        rest = {"right": size, "zero": 0, "rest": size - at, "page": len(items)}
        total = rest.get(total_by_cursor) if by_cursor else size
        return answer if total is None else {**answer, "total_num": total}

    return answer


@pytest.mark.parametrize("slots", [0, 4], ids=["by cursor", "side by side"])
@pytest.mark.parametrize("total", ["right", "zero", "rest", "page", "nothing"])
@pytest.mark.parametrize(("size", "calls"), [(0, 1), (150, 1), (400, 3), (450, 3), (10_450, 53)])
def test_total_num_beside_last_buffer_is_not_believed(
    tmp_path: Path, size: int, calls: int, total: str, slots: int
) -> None:
    request = window_products()
    with ScriptedApi(window_of(size, total)) as api:
        pulled = pull_from(api, request, tmp_path, slots)
        assert len(api.asked) == pulled.api_calls == calls
    assert keys(pulled, request) == [str(number) for number in range(size)]
    assert pulled.end_reason in ("empty_page", "total_reached")
    assert pulled.total_num == size


@pytest.mark.parametrize("cursors", ["absent", "same"])
@pytest.mark.parametrize(("size", "calls"), [(900, 5), (1000, 5), (10_000, 50)])
def test_pages_that_index_and_count_prove_need_no_cursor(
    tmp_path: Path, size: int, calls: int, cursors: str
) -> None:
    request = window_products()
    with ScriptedApi(window_of(size, "nothing", cursors)) as api:
        pulled = pull_from(api, request, tmp_path, slots=4)
        assert len(api.asked) == calls
    assert keys(pulled, request) == [str(number) for number in range(size)]
    assert pulled.end_reason in ("total_reached", "cursor_missing")


@pytest.mark.parametrize("cursors", ["absent", "same"])
def test_what_index_does_not_reach_is_walked_by_the_cursor(tmp_path: Path, cursors: str) -> None:
    """Behind page 50 only the cursor leads on: here it does not, and the walk by cursor alone does."""
    request = window_products()
    with ScriptedApi(window_of(10_450, "nothing", cursors)) as api:
        pulled = pull_from(api, request, tmp_path, slots=4)
        assert len(api.asked) == 50 + 53
    assert keys(pulled, request) == [str(number) for number in range(10_450)]


def test_a_repeated_cursor_behind_a_proven_count_is_an_end(tmp_path: Path) -> None:
    """Also where an item came twice."""
    answers = [
        products("1", "2", last_buffer="a", total_num=3),
        products("2", "3", last_buffer="a", total_num=0),
    ]
    with ScriptedApi(lambda _, number: answers[number]) as api:
        pulled = pull_from(api, WINDOW, tmp_path, slots=0)
    assert (pulled.end_reason, pulled.items, pulled.api_calls) == ("total_reached", 3, 2)
