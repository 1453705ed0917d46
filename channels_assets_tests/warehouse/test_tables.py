from collections import Counter

from channels_assets.warehouse.columns import ID
from channels_assets.warehouse.tables import LIST_TABLES, TABLES
from channels_assets_tests import tables_page
from channels_assets_tests.warehouse.opening import files_only


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
