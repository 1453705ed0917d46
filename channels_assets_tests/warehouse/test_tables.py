from importlib.resources import files

import duckdb

from channels_assets.warehouse.ddl import script
from channels_assets.warehouse.tables import TABLES


def _shape(statements: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as con:
        con.execute(statements)
        tables = con.execute(
            "SELECT table_name, comment, sql FROM duckdb_tables() ORDER BY ALL"
        ).fetchall()
        columns = con.execute(
            """
            SELECT table_name, column_index, column_name, data_type, is_nullable, column_default,
                comment
            FROM duckdb_columns() WHERE NOT internal ORDER BY ALL
            """
        ).fetchall()
        return [*tables, *columns]


def test_the_declaration_makes_what_schema_sql_makes() -> None:
    text = files("channels_assets.warehouse").joinpath("schema.sql").read_text("utf-8")
    expected = _shape(text)
    assert len(expected) > 100
    assert _shape(script(TABLES)) == expected
