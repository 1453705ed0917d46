"""The statements that make the tables which tables.py declares."""

from collections.abc import Iterable

from channels_assets.warehouse.columns import Column, Table
from channels_assets.warehouse.lake.extensions import quoted


def script(tables: Iterable[Table]) -> str:
    """Every CREATE TABLE and COMMENT.

    No PRIMARY KEY: it makes a load three times slower and the file twice as large. The loaders prove
    uniqueness before they write, and checks.py can prove it again.
    """
    return "\n".join(statement for table in tables for statement in _statements(table))


def _statements(table: Table) -> Iterable[str]:
    columns = ", ".join(_definition(column) for column in table.columns)
    yield f"CREATE TABLE {table.name} ({columns});"
    yield f"COMMENT ON TABLE {table.name} IS {quoted(table.comment)};"
    for column in table.columns:
        comment = quoted(table.comment_of(column))
        yield f'COMMENT ON COLUMN {table.name}."{column.name}" IS {comment};'


def _definition(column: Column) -> str:
    return f'"{column.name}" {column.kind.type}{"" if column.nullable else " NOT NULL"}'
