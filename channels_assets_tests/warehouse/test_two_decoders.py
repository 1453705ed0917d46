"""Python proves a list complete, DuckDB stores it: both must read the same items from the same bytes."""

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
from channels_assets.wechat.errors import UnexpectedResponse
from channels_assets.wechat.league import shop_articles
from channels_assets.wechat.paging import ListRequest, page_of_bytes
from channels_assets.wechat.window import window_products
from channels_assets_tests.helpers.loading import load_articles, load_window
from channels_assets_tests.warehouse.making import load
from channels_assets_tests.warehouse.opening import NUL, ON_LAKE, opened

HOSTILE = [
    *("'; DROP TABLE loads; --", "../../etc/passwd", "a\nb", NUL, '"', "\\", "x" * 4096, "%s{}"),
    *("$.a", "/a/b", "[0]", "*", "", " ", "a.b", "errcode", "products", "中😀\u2028"),
    *("true", "{1}", "[1]", "1.0", "-1", "007"),
]
CHARACTERS = st.characters(exclude_characters="\0" if ON_LAKE else "")
"""Surrogates, too: alone they are broken text."""
TEXT = st.sampled_from(HOSTILE) | st.text(CHARACTERS, max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | TEXT
    | st.floats(allow_nan=False, allow_infinity=False)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
IDS = st.integers(0, 2**66) | TEXT
RAW = st.sampled_from([None, b"\n", b"\x08", b"\xff", b"\xf0\x9f", b"\xed\xa0\xbd", b"\\ud83d"])
ANY_ID = IDS | IDS | IDS | ANYTHING


def item_with(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An item with these fields, and with unknown ones before them."""
    known = st.fixed_dictionaries({}, optional=fields)
    return st.builds(lambda more, item: {**more, **item}, st.dictionaries(TEXT, ANYTHING), known)


PRODUCT = item_with(product_id=ANY_ID)
ARTICLE = item_with(article_info=item_with(article_url=ANY_ID))


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


def body_of(field: str, items: object, ascii_only: bool, raw: bytes | None = None) -> bytes:
    """With `raw`, control characters are not escaped, or their places have broken UTF-8."""
    text = json.dumps({field: items}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    return text if raw is None else text.replace(b"\\u0000", raw).replace(b"\\n", raw)


def keys_read(request: ListRequest[Any], body: bytes) -> list[str] | None:
    """The keys that Python read, each at the place where it came last; None if it refused the page."""
    try:
        keys = [key for key in page_of_bytes(request, body).keys if key]
    except UnexpectedResponse:
        return None
    return list(reversed(dict.fromkeys(reversed(keys))))


def articles_of(place: str) -> ListRequest[Any]:
    return shop_articles(shop_appid=place, promoter_id=place, promoter_type=4, sharer_appid=place)


def load_articles_of(con: duckdb.DuckDBPyConnection, place: str, body: bytes) -> None:
    load_articles(
        con,
        partition=place,
        shop_appid=place,
        promoter_id=place,
        sharer_appid=place,
        promoter_type=4,
        pages=[body],
        load=load(),
    )


@many()
@given(items=st.lists(PRODUCT, max_size=3), ascii_only=st.booleans(), raw=RAW)
@example(items=[{"product_id": f"a{NUL}b", "\0": {"\0": None}}], ascii_only=True, raw=None)
@example(items=[{"product_id": 2**64 - 1, "x": 1.10}], ascii_only=False, raw=None)
@example(items=[{"product_id": "a\nb"}], ascii_only=True, raw=b"\xf0\x9f")
def test_both_read_the_same_products(
    shared: duckdb.DuckDBPyConnection,
    items: list[dict[str, Any]],
    ascii_only: bool,
    raw: bytes | None,
) -> None:
    body = body_of("products", items, ascii_only, raw)
    keys = keys_read(window_products(), body)
    try:
        load_window(shared, window="w", account_appid="a", pages=[body], load=load())
    except WarehouseError:
        # A list that Python proved complete and DuckDB can't load: nobody could act on that.
        assert keys is None
        return
    assert keys is not None, "stored, although Python refused it"
    rows = shared.execute("SELECT product_id FROM window_products ORDER BY position").fetchall()
    assert [key for (key,) in rows] == keys


@many()
@given(items=st.lists(ARTICLE, max_size=3), ascii_only=st.booleans(), raw=RAW)
def test_both_read_the_same_articles(
    shared: duckdb.DuckDBPyConnection,
    items: list[dict[str, Any]],
    ascii_only: bool,
    raw: bytes | None,
) -> None:
    body = body_of("article_list", items, ascii_only, raw)
    keys = keys_read(articles_of("s"), body)
    try:
        load_articles_of(shared, "s", body)
    except WarehouseError:
        assert keys is None
        return
    assert keys is not None, "stored, although Python refused it"
    rows = shared.execute("SELECT article_url FROM shop_articles ORDER BY position").fetchall()
    assert [key for (key,) in rows] == keys


@pytest.mark.parametrize(
    "field",
    [
        b'"product_id":"2"',
        b'"more":{"a":1,"a":2}',
        b'"more":NaN',
        b'"more":-Infinity',
    ],
)
def test_what_the_two_could_read_differently_is_refused_before_it_is_stored(field: bytes) -> None:
    body = b'{"products":[{"product_id":"1",' + field + b"}]}"
    assert keys_read(window_products(), body) is None


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
