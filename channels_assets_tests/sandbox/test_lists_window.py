"""getwindowproductlist: parameters, filters, totals, and every way to page through it."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_assets.sandbox import Sandbox, World
from channels_assets_tests.sandbox.callers import PRODUCTS, Caller, Json, walk


@pytest.mark.parametrize(
    ("request_body", "errcode"),
    [
        ({}, 10022006),
        ({"page_size": 0}, 10022006),
        ({"page_size": -1}, 10022006),
        ({"page_size": 201}, 10022006),
        ({"page_size": "10"}, 10022006),
        ({"page_size": True}, 10022006),
        ({"page_size": 1.5}, 10022006),
        ({"page_size": 1}, 0),
        ({"page_size": 200}, 0),
        ({"page_size": 200, "page_index": 50}, 0),
        ({"page_size": 200, "page_index": 51}, 10022006),
        ({"page_size": 1, "page_index": 0}, 10022006),
        ({"page_size": 1, "page_index": "1"}, 10022006),
        ({"page_size": 1, "need_total_num": 1}, 10022006),
        ({"page_size": 1, "query_cps_product": "true"}, 10022006),
        ({"page_size": 1, "appid": 5}, 10022006),
        ({"page_size": 1, "branch_id": "3001"}, 10022006),
        ({"page_size": 1, "last_buffer": 5}, 10022006),
        ({"page_size": 1, "last_buffer": "EB4YAg="}, 10022006),
        ({"page_size": 1, "last_buffer": "+///"}, 10022006),
        ({"page_size": 1, "last_buffer": "", "appid": ""}, 0),
    ],
)
def test_parameters(window: Caller, request_body: Json, errcode: int) -> None:
    answer = window.call(PRODUCTS, request_body)
    assert answer["errcode"] == errcode
    assert ("products" in answer) == (errcode == 0)


def test_an_answer_is_the_truth_and_nothing_more(window: Caller) -> None:
    answer = window.call(PRODUCTS, {"page_size": 2})
    assert answer["products"] == window.sandbox.world.products_for(window.appid)[:2]
    assert set(answer) == {"errcode", "errmsg", "products", "last_buffer"}
    assert answer["errcode"] == 0
    assert answer["errmsg"] == "ok"


def test_empty_window(sandbox: Sandbox) -> None:
    account = list(sandbox.world.windows.values())[-1]
    caller = Caller(sandbox, account.appid, account.secret).log_in()
    answer = caller.call(PRODUCTS, {"page_size": 10, "need_total_num": True})
    assert answer == {"errcode": 0, "errmsg": "ok", "products": [], "total_num": 0}


@pytest.mark.parametrize("asked", [True, False, None])
def test_total_only_on_demand(window: Caller, asked: bool | None) -> None:
    request = {"page_size": 1} if asked is None else {"page_size": 1, "need_total_num": asked}
    assert window.call(PRODUCTS, request).get("total_num") == (450 if asked else None)


def test_filters(window: Caller) -> None:
    world = window.sandbox.world
    shop = world.league.shops[0]["shop_appid"]
    account = world.windows[window.appid]
    of_shop = [item for item in account.products if item.get("appid") == shop]
    affiliate = [item for item in account.products if "out_product_id" in item]
    branch = [item for item in account.products if account.branches.get(item["product_id"]) == 3001]
    cases: list[tuple[Json, list[Json]]] = [
        ({"appid": shop}, of_shop),
        ({"query_cps_product": True}, affiliate),
        ({"appid": shop, "query_cps_product": True}, of_shop),
        ({"branch_id": 3001}, branch),
        ({"branch_id": 3001, "appid": shop}, [item for item in branch if item in of_shop]),
        ({"branch_id": 3001, "query_cps_product": True}, []),
        ({"appid": "wx0000000000000000"}, []),
    ]
    for filters, expected in cases:
        request = {"page_size": 50, "need_total_num": True, **filters}
        assert walk(
            lambda body: window.call(PRODUCTS, body), request, "last_buffer", "products"
        ) == (expected)
        assert window.call(PRODUCTS, request)["total_num"] == len(expected)
        products = world.products_for(
            window.appid,
            shop_appid=filters.get("appid"),
            branch_id=filters.get("branch_id"),
            cps_only=filters.get("query_cps_product", False),
        )
        assert products == expected
    assert all(expected for _, expected in cases[:5])


def test_pages_by_index(window: Caller) -> None:
    pages = [
        window.call(PRODUCTS, {"page_size": 100, "page_index": index})["products"]
        for index in range(1, 7)
    ]
    assert [len(page) for page in pages] == [100, 100, 100, 100, 50, 0]
    assert [item for page in pages for item in page] == window.sandbox.world.products_for(
        window.appid
    )


def test_cursor_wins_over_index(window: Caller) -> None:
    cursor = window.call(PRODUCTS, {"page_size": 100})["last_buffer"]
    request = {"page_size": 100, "page_index": 9999, "last_buffer": cursor}
    truth = window.sandbox.world.products_for(window.appid)
    assert window.call(PRODUCTS, request)["products"] == truth[100:200]


def test_cursor_follows_an_indexed_page(window: Caller) -> None:
    cursor = window.call(PRODUCTS, {"page_size": 100, "page_index": 2})["last_buffer"]
    truth = window.sandbox.world.products_for(window.appid)
    assert (
        window.call(PRODUCTS, {"page_size": 100, "last_buffer": cursor})["products"]
        == (truth[200:300])
    )


@pytest.mark.parametrize(("window_end", "last_has_cursor"), [("buffer", True), ("missing", False)])
@pytest.mark.parametrize("page_size", [150, 200])
def test_end_of_the_walk_is_a_setting(
    world: World, window_end: str, last_has_cursor: bool, page_size: int
) -> None:
    with Sandbox(world, window_end=window_end) as sandbox:  # pyright: ignore[reportArgumentType]
        account = next(iter(world.windows.values()))
        caller = Caller(sandbox, account.appid, account.secret).log_in()
        last = caller.call(PRODUCTS, {"page_size": page_size, "page_index": 3})
        assert last["products"]
        assert ("last_buffer" in last) == last_has_cursor
        if last_has_cursor:
            request = {"page_size": page_size, "last_buffer": last["last_buffer"]}
            assert caller.call(PRODUCTS, request) == {"errcode": 0, "errmsg": "ok", "products": []}


@pytest.fixture(scope="module")
def readers() -> Iterator[dict[str, Caller]]:
    """Callers of the first window of two sandboxes that end walks differently."""
    world = World.generate(seed=11, products=60)
    account = next(iter(world.windows.values()))
    with Sandbox(world) as with_buffer, Sandbox(world, window_end="missing") as without_buffer:
        yield {
            "buffer": Caller(with_buffer, account.appid, account.secret).log_in(),
            "missing": Caller(without_buffer, account.appid, account.secret).log_in(),
        }


@settings(max_examples=25, deadline=None)
@given(
    page_size=st.integers(1, 200),
    cps_only=st.booleans(),
    window_end=st.sampled_from(["buffer", "missing"]),
)
def test_any_page_size_reads_the_truth(
    readers: dict[str, Caller], page_size: int, cps_only: bool, window_end: str
) -> None:
    caller = readers[window_end]
    request = {"page_size": page_size, "query_cps_product": cps_only}
    truth = caller.sandbox.world.products_for(caller.appid, cps_only=cps_only)
    read = walk(lambda body: caller.call(PRODUCTS, body), request, "last_buffer", "products")
    assert read == truth
