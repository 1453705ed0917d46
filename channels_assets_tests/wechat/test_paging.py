"""The guard of a walk, against servers that keep to the contract and servers that don't."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels_assets.wechat.errors import BadRequest, UnprovenEnd
from channels_assets.wechat.league import sharers, shop_articles, shop_promoters
from channels_assets.wechat.paging import ListRequest, page_of_bytes
from channels_assets.wechat.walk import Walk
from channels_assets.wechat.window import window_products

FIELDS = {"getwindowproductlist": "product_id", "getbindsharerlist": "sharer_appid"}


@dataclass
class Server:
    """Answers of a server for one list; the switches are ways to be odd or wrong."""

    request: ListRequest[Any]
    ids: list[str]
    sizes: list[int]
    end: str = "buffer"
    total: int | None = None

    def pages(self) -> list[dict[str, Any]]:
        """All answers in order; `sizes` are how many items each page has, in turn."""
        endpoint = self.request.endpoint
        name = FIELDS.get(endpoint.name, "promoter_id")
        answers: list[dict[str, Any]] = []
        at = 0
        for size in self.sizes:
            answers.append({endpoint.list_field: [{name: i} for i in self.ids[at : at + size]]})
            at += size
            if at >= len(self.ids):
                break
        if self.end == "buffer" and endpoint.cursor_field == "last_buffer":
            answers.append({endpoint.list_field: []})
        for number, answer in enumerate(answers):
            last = number == len(answers) - 1
            if endpoint.name == "getbindshoppromoterlist":
                answer["has_more"] = not last
            answer[endpoint.cursor_field] = "" if last else f"cursor/{number}+="
            if self.total is not None:
                answer["total_num"] = self.total
        return answers


def walk(request: ListRequest[Any], answers: list[dict[str, Any]]) -> tuple[Walk[Any], list[str]]:
    """Feeds the answers to a walk until it ends; the keys it saw, in order."""
    guard = Walk(request)
    seen: list[str] = []
    for answer in answers:
        page = page_of_bytes(request, json.dumps(answer).encode())
        guard.accept(page)
        seen += page.keys
        if guard.end_reason:
            return guard, seen
    raise AssertionError("the walk asks for more pages than there are")


REQUESTS = {
    "A": lambda size: window_products(page_size=size),
    "D": lambda size: shop_promoters("wx1", page_size=min(size, 10)),
    "E": lambda size: sharers(page_size=min(size, 20)),
}


@given(
    kind=st.sampled_from(sorted(REQUESTS)),
    size=st.integers(1, 10),
    count=st.integers(0, 60),
    end=st.sampled_from(["buffer", "missing"]),
)
def test_a_faithful_server_is_read_whole_and_in_order(
    kind: str, size: int, count: int, end: str
) -> None:
    request = REQUESTS[kind](size)
    ids = [str(2**64 - 1 - number) for number in range(count)]
    server = Server(request, ids, [size] * 100, end, count if kind == "A" else None)
    guard, seen = walk(request, server.pages())
    assert seen == ids
    assert guard.count_agrees


@given(
    sizes=st.lists(st.integers(1, 10), min_size=1, max_size=12),
    lie=st.integers(-3, 3),
    end=st.sampled_from(["buffer", "missing"]),
)
@example(sizes=[10, 1, 1], lie=-1, end="buffer")
def test_pages_of_any_size_with_a_wrong_total_are_never_cut_short_unnoticed(
    sizes: list[int], lie: int, end: str
) -> None:
    ids = [str(number) for number in range(sum(sizes))]
    request = window_products(page_size=10)
    server = Server(request, ids, sizes, end, max(0, len(ids) + lie))
    guard, seen = walk(request, server.pages())
    # A short page behind full ones is taken for the last one if total_num says just that: here both
    # lie, and in the same way.
    short = next((n for n, item in enumerate(sizes) if item < 10), len(sizes))
    both_lie = seen == ids[: sum(sizes[: short + 1])] and guard.total_num == len(seen)
    assert seen == ids or not guard.count_agrees or both_lie


@given(cut=st.integers(0, 5), count=st.integers(13, 60))
def test_a_list_that_breaks_off_is_not_believed(cut: int, count: int) -> None:
    """`cut` full pages, then no cursor although total_num says that more remains."""
    request = window_products(page_size=2)
    answers = Server(request, [str(n) for n in range(count)], [2] * 100, total=count).pages()
    answers[cut]["last_buffer"] = ""
    guard, _ = walk(request, answers)
    assert not guard.count_agrees
    assert not guard.end_is_explicit


def promoters(has_more: bool | None, key: str, *ids: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"next_key": key, "promoter_list": [{"promoter_id": i} for i in ids]}
    return answer if has_more is None else {**answer, "has_more": has_more}


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([promoters(True, "", "1")], "next_key is empty"),
        ([promoters(True, "a", "1"), promoters(True, "a", "2")], "came twice"),
        ([promoters(True, k, i) for k, i in ["a1", "b2", "a3"]], "came twice"),
        ([promoters(True, k, "1") for k in "abcdefghijk"], "nothing new"),
        ([promoters(True, k) for k in "abcdefghijk"], "nothing new"),
        ([{"has_more": True, "next_key": "a"}], "leaves promoter_list out"),
    ],
)
def test_an_end_without_proof_is_refused(answers: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(UnprovenEnd, match=reason):
        walk(shop_promoters("wx1"), answers)


def test_a_window_that_counts_products_but_leaves_them_out_is_refused() -> None:
    with pytest.raises(UnprovenEnd, match="leaves products out"):
        walk(window_products(), [{"total_num": 3}])


FULL = [{"product_id": "1"}, {"product_id": "2"}]
SHARERS = [{"sharer_appid": "1"}, {"sharer_appid": "2"}]


@pytest.mark.parametrize(
    ("request_", "answers", "reason"),
    [
        (window_products(page_size=2), [{"last_buffer": "a"}], "leaves products out"),
        (window_products(page_size=2), [{"products": FULL}], "last_buffer is missing"),
        (sharers(page_size=2), [{"next_key": "a"}], "leaves sharer_info_list out"),
    ],
)
def test_an_answer_that_lost_a_field_is_no_end(
    request_: ListRequest[Any], answers: list[dict[str, Any]], reason: str
) -> None:
    with pytest.raises(UnprovenEnd, match=reason):
        walk(request_, answers)


@pytest.mark.parametrize(
    ("request_", "answers", "count"),
    [
        (window_products(), [{"products": [], "total_num": 0}], 0),
        (window_products(), [{"total_num": 0}], 0),
        (window_products(), [{"products": []}], 0),
        (window_products(), [{"products": FULL}], 2),
        (sharers(), [{"sharer_info_list": [], "next_key": ""}], 0),
        (sharers(), [{"sharer_info_list": []}], 0),
        (sharers(page_size=2), [{"sharer_info_list": SHARERS, "next_key": ""}], 2),
        (shop_promoters("wx1"), [promoters(False, "")], 0),
        (shop_promoters("wx1"), [promoters(False, "ignored", "1")], 1),
    ],
)
def test_ends_that_are_said_in_so_many_words(
    request_: ListRequest[Any], answers: list[dict[str, Any]], count: int
) -> None:
    guard, _ = walk(request_, answers)
    assert guard.end_reason is not None
    assert (guard.distinct, guard.count_agrees) == (count, True)


def test_pages_without_end_are_capped() -> None:
    guard = Walk(shop_promoters("wx1"), max_pages=3)
    answers = [promoters(True, f"k{number}", str(number)) for number in range(9)]
    pages = [page_of_bytes(guard.request, json.dumps(answer).encode()) for answer in answers]
    with pytest.raises(UnprovenEnd, match="no end after 3 pages"):
        deque(map(guard.accept, pages), maxlen=0)


def test_a_total_on_a_page_break_is_not_taken_for_the_end() -> None:
    """total_num 4 after two full pages of 2, but a fifth product follows: it must be asked for."""
    request = window_products(page_size=2)
    server = Server(request, list("12345"), [2] * 9, total=4)
    _, seen = walk(request, server.pages())
    assert seen == list("12345")


@pytest.mark.parametrize(
    "make",
    [
        lambda: window_products(page_size=0),
        lambda: window_products(page_size=201),
        lambda: window_products(page_size=200, page_index=51),
        lambda: window_products(page_index=0),
        lambda: window_products(branch_id=-1),
        lambda: shop_promoters("wx1", page_size=11),
        lambda: sharers(page_size=21),
        lambda: shop_articles(shop_appid="a", promoter_id="b", promoter_type=1, sharer_appid="c"),
        lambda: shop_articles(shop_appid="a", promoter_id="b", promoter_type=4, sharer_appid=""),
        lambda: shop_articles(
            shop_appid="a", promoter_id="b", promoter_type=5, sharer_appid="c", page_size=11
        ),
    ],
)
def test_parameters_out_of_limits_are_refused_before_a_call(make: Callable[[], object]) -> None:
    with pytest.raises(BadRequest, match="no call was made"):
        make()


def test_appid_wins_over_query_cps_product() -> None:
    request = window_products(appid="wx1", query_cps_product=True)
    assert request.body("") == {"page_size": 200, "appid": "wx1", "need_total_num": True}


def test_every_parameter_of_the_window_page_is_sent() -> None:
    request = window_products(
        appid="wx1", branch_id=7, page_size=50, page_index=2, need_total_num=True
    )
    assert request.body("EB4YAg=") == {
        "page_size": 50,
        "appid": "wx1",
        "branch_id": 7,
        "page_index": 2,
        "need_total_num": True,
        "last_buffer": "EB4YAg=",
    }


def without_ids(count: int) -> list[dict[str, Any]]:
    return [{"product_id": ""} for _ in range(count)]


def test_items_without_an_id_count_against_total_num() -> None:
    whole = [{"product_id": str(number)} for number in range(3)]
    last = {"products": [*whole, *without_ids(2)], "total_num": 5, "last_buffer": ""}
    guard, seen = walk(window_products(page_size=10), [last])
    assert (guard.end_reason, guard.count_agrees, guard.distinct) == ("cursor_missing", True, 5)
    assert seen == ["0", "1", "2", "", ""]
    guard, _ = walk(window_products(page_size=10), [{**last, "total_num": 3}])
    assert not guard.count_agrees


def test_many_pages_of_items_without_an_id_are_walked_to_their_end() -> None:
    answers = [
        {"products": without_ids(2), "last_buffer": f"c{number}", "total_num": 21}
        for number in range(10)
    ]
    last = {"products": [{"product_id": "1"}], "last_buffer": "", "total_num": 21}
    guard, seen = walk(window_products(page_size=2), [*answers, last])
    assert (guard.end_reason, guard.count_agrees) == ("cursor_missing", True)
    assert seen.count("") == 20


def test_an_item_without_an_id_beside_known_ones_is_nothing_new() -> None:
    page = {"products": [{"product_id": "1"}, {}], "total_num": 100}
    with pytest.raises(UnprovenEnd, match="nothing new"):
        walk(window_products(page_size=2), [{**page, "last_buffer": f"c{n}"} for n in range(10)])
