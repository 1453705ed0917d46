"""Python proves a list complete, DuckDB stores it: both must read the same from the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from channels_assets.warehouse import WarehouseError
from channels_assets.wechat.decode import parse_object
from channels_assets.wechat.errors import UnexpectedResponse
from channels_assets.wechat.league import Article, shop_articles
from channels_assets.wechat.paging import Page, page_of_bytes
from channels_assets.wechat.window import WindowProduct, window_products
from channels_assets_tests.helpers.loading import load_articles, load_window
from channels_assets_tests.warehouse.making import load
from channels_assets_tests.warehouse.opening import NUL, ON_LAKE, opened

HOSTILE = [
    *("'; DROP TABLE loads; --", "../../etc/passwd", "a\nb", NUL, '"', "\\", "x" * 4096, "%s{}"),
    *("$.a", "/a/b", "[0]", "*", "", " ", "a.b", "errcode", "products", "中😀\u2028"),
]
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0" if ON_LAKE else "")
TEXT = st.sampled_from(HOSTILE) | st.text(CHARACTERS, max_size=8)
NUMBERS = (
    st.integers(-(2**66), 2**66)
    | st.integers(0, 3)
    | st.sampled_from([10**11, 10**11 + 1, 1_736_864_136_123, 253_402_300_799, 2**31, 2**63 - 1])
)
SCALARS = st.none() | st.booleans() | NUMBERS | NUMBERS.map(str) | TEXT | st.floats(allow_nan=False)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
IDS = st.integers(0, 2**64) | TEXT
PLACES = st.sampled_from(HOSTILE[:7])


def objects(likely: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Mostly well-formed, one field in a few anything at all, unknown fields beside them."""
    fields = {name: likely[name] | likely[name] | likely[name] | ANYTHING for name in likely}
    known = st.fixed_dictionaries({}, optional=fields)
    return st.builds(lambda more, item: {**more, **item}, st.dictionaries(TEXT, ANYTHING), known)


TIMES = NUMBERS | NUMBERS.map(str) | st.none()
PRODUCT = objects(
    {
        "product_id": IDS,
        "appid": TEXT | st.none(),
        "out_product_id": IDS | st.none(),
        "product_source": st.integers(0, 1) | st.sampled_from(["0", "1", "", None, 2**31]),
    }
)
ARTICLE_PRODUCT = objects(
    {
        "product_id": IDS,
        "product_name": TEXT | st.none(),
        "predict_commission_amount": NUMBERS | NUMBERS.map(str),
        "commission_rate": st.integers(0, 2**31),
    }
)
ARTICLE = objects(
    {
        "article_info": objects({"article_url": IDS, "article_title": TEXT}),
        "create_time": TIMES,
        "update_time": TIMES,
        "product_list": st.lists(ARTICLE_PRODUCT, max_size=2) | st.none(),
    }
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with opened(tmp_path_factory.mktemp("decoders")).writing() as con:
        con.execute("SET threads = 1")
        yield con


def many() -> settings:
    return settings(
        max_examples=20 if ON_LAKE else 120,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    )


def body_of(field: str, items: object, ascii_only: bool) -> bytes:
    return json.dumps({field: items}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


def exact(document: object) -> object:
    """JSON with numbers as they are spelled, to compare digits and not values."""
    return json.loads(str(document), parse_float=str, parse_int=str)


def last_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of rows with one key the last wins, and its place."""
    kept: dict[str, Any] = {}
    for key, value in pairs:
        kept.pop(key, None)
        kept[key] = value
    return kept


def extra_of(item: dict[str, Any], *known: str) -> object:
    rest = {name: value for name, value in item.items() if name not in known}
    return exact(json.dumps(rest)) if rest else None


def millis(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


@many()
@given(items=st.lists(PRODUCT, max_size=3), ascii_only=st.booleans(), place=PLACES)
@example(items=[{"product_id": f"a{NUL}b", "\0": {"\0": None}}], ascii_only=True, place=NUL)
@example(items=[{"product_id": 2**64 - 1, "x": 1.10}], ascii_only=False, place="'")
def test_products_are_stored_as_python_read_them(
    shared: duckdb.DuckDBPyConnection, items: list[dict[str, Any]], ascii_only: bool, place: str
) -> None:
    body = body_of("products", items, ascii_only)
    request = window_products()
    try:
        page: Page[WindowProduct] = page_of_bytes(request, body)
    except UnexpectedResponse:
        return
    done = load_window(shared, window=place, account_appid=place, pages=[page.raw], load=load())
    raw = list(parse_object(body, "e")["products"])
    known = ("product_id", "appid", "out_product_id", "product_source")
    expected = last_of_each(
        [
            (
                read.product_id,
                (
                    read.product_id,
                    read.shop_appid,
                    read.out_product_id,
                    read.product_source,
                    extra_of(item, *known),
                    place,
                ),
            )
            for read, item in zip(page.items, raw, strict=True)
        ]
    )
    rows = shared.execute(
        "SELECT product_id, shop_appid, out_product_id, product_source, extra, account_appid "
        'FROM window_products WHERE "window" = ? ORDER BY position',
        [place],
    ).fetchall()
    stored = [(*row[:4], None if row[4] is None else exact(row[4]), row[5]) for row in rows]
    assert stored == list(expected.values())
    assert done.rows + done.duplicates == len(page.items)


@many()
@given(items=st.lists(ARTICLE, max_size=3), ascii_only=st.booleans(), place=PLACES)
def test_articles_are_stored_as_python_read_them(
    shared: duckdb.DuckDBPyConnection, items: list[dict[str, Any]], ascii_only: bool, place: str
) -> None:
    body = body_of("article_list", items, ascii_only)
    request = shop_articles(
        shop_appid=place, promoter_id=place, promoter_type=4, sharer_appid=place
    )
    try:
        page: Page[Article] = page_of_bytes(request, body)
    except UnexpectedResponse:
        return
    load_articles(
        shared,
        partition=place,
        shop_appid=place,
        promoter_id=place,
        sharer_appid=place,
        promoter_type=4,
        pages=[page.raw],
        load=load(),
    )
    articles = last_of_each([(read.article_url, read) for read in page.items])
    stored = shared.execute(
        "SELECT article_url, article_title, cover_image, promoter_share_link, "
        "epoch_ms(create_time), epoch_ms(update_time) FROM shop_articles "
        "WHERE shop_appid = ? ORDER BY position",
        [place],
    ).fetchall()
    assert stored == [
        (
            read.article_url,
            read.article_title,
            read.cover_image,
            read.promoter_share_link,
            millis(read.create_time),
            millis(read.update_time),
        )
        for read in articles.values()
    ]
    products = shared.execute(
        "SELECT article_url, product_id, product_name, product_img_url, "
        "predict_commission_amount, commission_rate FROM article_products "
        "WHERE shop_appid = ? ORDER BY position",
        [place],
    ).fetchall()
    expected: list[tuple[Any, ...]] = []
    for read in articles.values():
        of_article = last_of_each([(one.product_id, one) for one in read.products])
        expected += [
            (
                read.article_url,
                one.product_id,
                one.product_name,
                one.product_img_url,
                one.predict_commission_amount,
                one.commission_rate,
            )
            for one in of_article.values()
        ]
    assert products == expected


@many()
@given(items=ANYTHING | st.lists(PRODUCT | ANYTHING, max_size=2))
def test_what_duckdb_refuses_python_refused_before(
    shared: duckdb.DuckDBPyConnection, items: object
) -> None:
    """A list is proven by Python and then fails to load: nobody could act on that."""
    body = body_of("products", items, ascii_only=True)
    try:
        load_window(shared, window="w", account_appid="a", pages=[body], load=load())
    except WarehouseError:
        with pytest.raises(UnexpectedResponse):
            page_of_bytes(window_products(), body)


@pytest.mark.parametrize("place", HOSTILE)
def test_no_name_of_a_list_leaves_its_folder_or_its_row(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "inner" / "data"
    with opened(folder).writing() as con:
        for window in (place, "neighbour"):
            body = body_of("products", [{"product_id": "1"}], ascii_only=False)
            load_window(con, window=window, account_appid=place, pages=[body], load=load())
        windows = con.execute('SELECT "window" FROM window_products ORDER BY ALL').fetchall()
        assert sorted(windows) == sorted([(place,), ("neighbour",)])
        tables = con.execute("SELECT count(*) FROM duckdb_tables() WHERE NOT internal").fetchone()
        assert tables is not None
        assert tables[0] > 6
    assert all(path.is_relative_to(folder) for path in tmp_path.rglob("*.*"))
