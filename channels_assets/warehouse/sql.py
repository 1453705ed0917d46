"""Pieces of SQL from the names in tables.py. Values never go through here."""

from collections.abc import Iterable

from channels_assets.warehouse.columns import ListTable


def names(columns: Iterable[str]) -> str:
    """Column names, quoted: `window` and `partition` are words of the language."""
    return ", ".join(f'"{column}"' for column in columns)


def in_scope(table: ListTable) -> str:
    """The condition that picks the rows of one list; its parameters are named like the columns."""
    return " AND ".join(f'"{column}" = ${column}' for column in table.scope) or "TRUE"


def same_key(table: ListTable, one: str, other: str) -> str:
    """The condition that rows of `one` and `other` have the same key."""
    return " AND ".join(f'{one}."{column}" = {other}."{column}"' for column in table.key)
