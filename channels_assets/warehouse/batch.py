"""Several lists that are loaded together: one statement for all of them instead of one for each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from channels_assets.warehouse.column_types import ListTable
from channels_assets.warehouse.connection import names, run
from channels_assets.warehouse.load_log import LoadRecord, microseconds, new_load_ids


@dataclass(frozen=True)
class ListToLoad:
    """One list to load.

    `scope` names it, by the table's columns. `pages` are answers of the API as sent, in walk order,
    each a JSON object in UTF-8. `constants` are further columns that are the same in all its rows.
    """

    scope: Mapping[str, str]
    pages: Iterable[bytes]
    record: LoadRecord
    constants: Mapping[str, object] = field(default_factory=dict[str, object])


def begin_batch(
    con: duckdb.DuckDBPyConnection, table: ListTable, lists: Sequence[ListToLoad]
) -> list[str]:
    """Make the temporary table `batch`, a row for each list: number, scope, constants, time and load.

    Returns the new load ids, in the order of the lists.
    """
    load_ids = new_load_ids(con, len(lists))
    columns: dict[str, list[object]] = {
        name: [each.scope[name] for each in lists] for name in table.scope
    }
    columns |= {name: [each.constants[name] for each in lists] for name in table.constants}
    columns |= {
        "fetched_us": [microseconds(each.record.fetched_at) for each in lists],
        "load_id": list(load_ids),
    }
    types = {"fetched_us": "BIGINT", **table.constants}
    run(
        con,
        "CREATE OR REPLACE TEMP TABLE batch AS SELECT unnest(range($lists)) AS number, "
        + ", ".join(
            f'unnest(${name}::{types.get(name, "VARCHAR")}[]) AS "{name}"' for name in columns
        ),
        {"lists": len(lists), **columns},
    )
    return load_ids


def in_batch(table: ListTable, rows: str) -> str:
    """The condition that rows of the table, by their name in the query, are of a list in `batch`."""
    same = " AND ".join(f'{rows}."{name}" = batch."{name}"' for name in table.scope) or "TRUE"
    return f"EXISTS (FROM batch WHERE {same})"


def of_batch(table: ListTable, rows: str) -> str:
    """The join that gives rows of the table the number of their list."""
    if not table.scope:
        return f"FROM {rows} CROSS JOIN (SELECT number FROM batch)"  # noqa: S608
    return (
        f"FROM {rows} JOIN (SELECT number, {names(table.scope)} FROM batch) "  # noqa: S608
        f"USING ({names(table.scope)})"
    )
