import json
from collections import Counter
from typing import Any

import duckdb
import pytest

from channels_assets.warehouse.column_types import (
    COUNT,
    ID,
    LIST,
    RATE,
    TEXT,
    ListTable,
    history_table,
    other_fields,
    sent,
)
from channels_assets.warehouse.item_select import select_items
from channels_assets.warehouse.parse import begin_staging
from channels_assets.warehouse.schema import ddl
from channels_assets.warehouse.tables import LIST_TABLES, TABLES
from channels_assets_tests.docs import tables_page
from channels_assets_tests.warehouse.making import page
from channels_assets_tests.warehouse.opening import files_only

COUPONS = ListTable(
    name="coupons",
    comment="Coupons; one row per coupon_id",
    list_field="coupon_list",
    scope=(),
    item=("coupon_id",),
    history_comment="What coupons held and when",
    columns=(
        sent("coupon_id", ID, "Id", field="id"),
        sent("title", TEXT, "Title", field="info.title"),
        sent("stock", COUNT, "Stock", field="info.stock", default=0),
        sent("rate", RATE, "Rate", field="terms.rate"),
        sent("shops", LIST, "Shops"),
        other_fields(),
    ),
)
"""A table with objects within its items, which may be missing."""


def _parsed(item: dict[str, Any]) -> tuple[Any, ...]:
    with duckdb.connect() as con:
        begin_staging(con)
        values = {"lists": [0], "pages": [page("coupon_list", [item])], "first_page": 0}
        [row] = con.execute(select_items(COUPONS), values).fetchall()
    extra = None if row[7] is None else json.loads(row[7])
    return (*row[2:7], extra)


@files_only
def test_the_tables_in_docs_are_what_a_new_warehouse_has() -> None:
    assert tables_page.PATH.read_text("utf-8") == tables_page.page(), "run `make docs`"


def test_every_table_and_column_is_declared_once() -> None:
    assert {*Counter(table.name for table in TABLES).values()} == {1}
    for table in TABLES:
        assert {*Counter(column.name for column in table.columns).values()} == {1}, table.name


def test_what_names_a_row_can_not_be_missing() -> None:
    for table in LIST_TABLES.values():
        columns = {column.name: column for column in table.columns}
        for name in table.key:
            assert not columns[name].nullable, name
            assert columns[name].field is None or columns[name].kind == ID, name


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"id": 1}, ("1", None, 0, None, None, None)),
        ({"id": 1, "info": None, "terms": {}}, ("1", None, 0, None, None, None)),
        (
            {"id": 1, "info": {"title": "t", "stock": "7"}, "terms": {"rate": 3}, "shops": [1.10]},
            ("1", "t", 7, 3, "[1.1]", None),
        ),
        (
            {"id": 1, "info": {"title": "t", "new": None}, "terms": {"rate": 3}},
            ("1", "t", 0, 3, None, {"info": {"new": None}}),
        ),
        (
            {"id": 1, "terms": {"rate": 3, "until": 4}, "new": {"id": 1}},
            ("1", None, 0, 3, None, {"terms": {"until": 4}, "new": {"id": 1}}),
        ),
        (
            {"id": 1, "info": {"title": 5, "stock": "many", "new": 1}, "terms": {"rate": 0.5}},
            (
                *("1", None, None, None, None),
                {"info": {"title": 5, "stock": "many", "new": 1}, "terms": {"rate": 0.5}},
            ),
        ),
        (
            {"id": 1, "info": {"title": "t", "stock": []}, "terms": {"rate": 3}, "shops": {}},
            ("1", "t", None, 3, None, {"info": {"stock": []}, "shops": {}}),
        ),
        ({"id": 1, "info": "text"}, ("1", None, 0, None, None, {"info": "text"})),
        ({"id": 1, "info": [], "new": 1}, ("1", None, 0, None, None, {"info": [], "new": 1})),
    ],
)
def test_what_has_no_column_is_in_extra(item: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert _parsed(item) == expected


def test_an_object_in_an_object_can_not_be_declared() -> None:
    with pytest.raises(ValueError, match="no deeper"):
        sent("title", TEXT, "Title", field="info.more.title")


def test_the_history_of_a_declared_table() -> None:
    history = history_table(COUPONS)
    assert history is not None
    with duckdb.connect() as con:
        con.execute(ddl([COUPONS, history]))
        columns = con.execute(
            "SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() "
            "WHERE table_name = 'coupons_history' ORDER BY column_index LIMIT 6"
        ).fetchall()
    assert columns == [
        ("coupon_id", "VARCHAR", False, "See coupons; API: coupon_list[].id"),
        ("title", "VARCHAR", True, "See coupons; API: coupon_list[].info.title"),
        ("stock", "BIGINT", True, "See coupons; API: coupon_list[].info.stock"),
        ("rate", "INTEGER", True, "See coupons; parts per million; API: coupon_list[].terms.rate"),
        ("shops", "JSON", True, "See coupons"),
        ("extra", "JSON", True, "See coupons"),
    ]
