"""What the API may send for a product, and what is stored for it."""

import json
from pathlib import Path

import duckdb
import pytest

from channels_assets.warehouse import WarehouseError
from channels_assets_tests.helpers.loading import load_window
from channels_assets_tests.warehouse.making import load, page, products
from channels_assets_tests.warehouse.opening import NUL, opened


def stored(con: duckdb.DuckDBPyConnection, columns: str = "*") -> list[tuple[object, ...]]:
    relation = con.sql("FROM window_products ORDER BY position")
    return relation.select(columns).fetchall()


def put(con: duckdb.DuckDBPyConnection, *items: object) -> None:
    load_window(con, window="w", account_appid="a", pages=products(*items), load=load())


def put_text(con: duckdb.DuckDBPyConnection, item: str) -> None:
    raw = b'{"products":[' + item.encode() + b"]}"
    load_window(con, window="w", account_appid="a", pages=[raw], load=load())


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("100234056", "100234056"),
        (100234056, "100234056"),
        (2**53 + 1, "9007199254740993"),
        (2**64 - 1, "18446744073709551615"),
        (2**64, "18446744073709551616"),
        (10**44 + 7, str(10**44 + 7)),
        (str(10**44 + 7), str(10**44 + 7)),
        ("007", "007"),
        (0, "0"),
        ("true", "true"),
        ("{1}", "{1}"),
        ("'; DROP TABLE loads; --", "'; DROP TABLE loads; --"),
        ('q"\\\n', 'q"\\\n'),
        (f"a{NUL}b", f"a{NUL}b"),
        ("😀中", "😀中"),
    ],
)
def test_ids_keep_their_digits(con: duckdb.DuckDBPyConnection, sent: object, kept: str) -> None:
    put(con, {"product_id": sent, "appid": kept, "out_product_id": sent})
    assert stored(con, "product_id, shop_appid, out_product_id") == [(kept, kept, kept)]


@pytest.mark.parametrize("body", ['{"products":5}', '{"products":{"a":1}}', "[]", "null", "{", ""])
def test_pages_of_another_shape_are_errors(con: duckdb.DuckDBPyConnection, body: str) -> None:
    with pytest.raises(WarehouseError):
        load_window(con, window="w", account_appid="a", pages=[body.encode()], load=load())


@pytest.mark.parametrize("body", ["{}", '{"products":null}', '{"products":[]}'])
def test_empty_pages(con: duckdb.DuckDBPyConnection, body: str) -> None:
    put(con, {"product_id": "old"})
    done = load_window(con, window="w", account_appid="a", pages=[body.encode()], load=load())
    assert (done.rows, done.removed) == (0, 1)
    assert stored(con) == []


def test_absent_null_and_empty(con: duckdb.DuckDBPyConnection) -> None:
    put(
        con,
        {"product_id": "1"},
        {"product_id": "2", "appid": None, "out_product_id": None, "product_source": None},
        {"product_id": "3", "appid": "", "out_product_id": "", "product_source": ""},
        {"product_id": "4", "product_source": "1"},
    )
    assert stored(con, "shop_appid, out_product_id, product_source, extra") == [
        (None, None, 0, None),
        (None, None, 0, None),
        ("", "", 0, None),
        (None, None, 1, None),
    ]


def test_extra_keeps_all_that_has_no_column(con: duckdb.DuckDBPyConnection) -> None:
    unknown = (
        '"n":null,"deep":{"n":null,"l":[null,{"n":null}]},"":0,"a.b":1,"nul":"\\u0000",'
        '"price":1.10,"pi":3.14159265358979323846264338,"huge":1e400,"exp":1E5,"minus":-0.0,'
        '"big":123456789012345678901234567890,"text":"1.10, -2.50","list":[ 0.50 , "0.50"]'
    )
    put_text(con, '{"product_id":"1","product_source":0,' + unknown + "}")
    [(extra,)] = stored(con, "extra")
    assert isinstance(extra, str)
    numbers = {"parse_float": str, "parse_int": str}
    assert json.loads(extra, **numbers) == json.loads("{" + unknown + "}", **numbers)  # type: ignore[arg-type]


def test_long_texts(con: duckdb.DuckDBPyConnection) -> None:
    long = "长" * 100_000
    put(con, {"product_id": "1", "out_product_id": long, "more": long})
    assert stored(con, "out_product_id, extra->>'more'") == [(long, long)]


def test_the_seed_shapes(con: duckdb.DuckDBPyConnection) -> None:
    own = {"product_id": "100234056", "appid": "wxee9f94a3360ad25f"}
    affiliate = {"product_id": "439000124321", "out_product_id": "100234056", "product_source": 1}
    pages = [page("products", [own]), page("products", [affiliate]), b'{"errcode":0}']
    load_window(con, window="w", account_appid="wx1", pages=pages, load=load())
    assert stored(con, "* EXCLUDE (fetched_at, load_id)") == [
        ("w", "wx1", "100234056", "wxee9f94a3360ad25f", None, 0, 1, None),
        ("w", "wx1", "439000124321", None, "100234056", 1, 2, None),
    ]


def test_values_survive_the_file(tmp_path: Path) -> None:
    warehouse = opened(tmp_path)
    hostile = f"a{NUL}b😀\"'\\"
    with warehouse.writing() as con:
        load_window(
            con,
            window=hostile,
            account_appid=hostile,
            pages=products({"product_id": hostile, hostile: hostile}),
            load=load(),
        )
    with warehouse.writing() as con:
        [(window, account, product, extra)] = stored(
            con, '"window", account_appid, product_id, extra'
        )
        assert (window, account, product) == (hostile,) * 3
        assert json.loads(str(extra)) == {hostile: hostile}
