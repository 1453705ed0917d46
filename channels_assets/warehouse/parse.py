"""From page bytes to typed rows in the temporary table `staged`, some megabytes at a time."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import cast

import duckdb

from channels_assets.warehouse.batch import ListLoad
from channels_assets.warehouse.connection import run
from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.fractions import MAYBE_A_FRACTION, mark_fractions

_BATCH_BYTES = 4_000_000
_BATCH_DOCUMENTS = 500

Portion = tuple[list[int], list[bytes]]


def begin_staging(con: duckdb.DuckDBPyConnection) -> str:
    """Make the macros of parsing.sql on this connection; returns the mark for mark_fractions()."""
    mark = f"{uuid.uuid4().hex}:"
    run(con, "SET VARIABLE fraction_mark = $mark", {"mark": mark})
    run(con, _macros())
    return mark


@cache
def _macros() -> str:
    return files("channels_assets.warehouse").joinpath("parsing.sql").read_text(encoding="utf-8")


def stage_pages(con: duckdb.DuckDBPyConnection, select: str, lists: Sequence[ListLoad]) -> None:
    """Fill the temporary table `staged` with what `select` makes of the pages of all lists.

    `select` takes $pages (BLOB[]), $lists (BIGINT[], the number of each page's list) and
    $first_page (BIGINT), and gives the columns `number` (of the list) and `place`, which orders the
    rows of a list. Raises WarehouseError at the first value that doesn't fit its column exactly.
    Memory: one portion of pages, and the table, which DuckDB may move to disk.
    """
    mark = begin_staging(con)
    first_page = 0
    command = "CREATE OR REPLACE TEMP TABLE staged AS "
    for numbers, pages in _portions(lists):
        _mark_fractions(con, pages, mark)
        values = {"lists": numbers, "pages": pages, "first_page": first_page}
        execute_parsing(con, command + select, values)
        first_page += len(pages)
        command = "INSERT INTO staged "


def execute_parsing(
    con: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, object] | None = None
) -> duckdb.DuckDBPyConnection:
    """Run a statement that reads JSON from the API, with DuckDB's complaints as WarehouseError."""
    try:
        return run(con, statement, values)
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.DataError) as error:
        raise WarehouseError(f"the API sent what can't be stored exactly: {error}") from error


def _mark_fractions(con: duckdb.DuckDBPyConnection, pages: list[bytes], mark: str) -> None:
    # DuckDB's regular expressions look for the rare page that has any, many times faster.
    statement = """
        SELECT place FROM (
            SELECT decode(unnest(pages)) AS page, generate_subscripts(pages, 1) AS place
            FROM (SELECT $pages::BLOB[] AS pages)
        ) WHERE regexp_matches(page, $maybe)
        """
    found = execute_parsing(con, statement, {"pages": pages, "maybe": MAYBE_A_FRACTION}).fetchall()
    for (place,) in cast("list[tuple[int]]", found):
        pages[place - 1] = mark_fractions(pages[place - 1].decode(), mark).encode()


def _portions(lists: Sequence[ListLoad]) -> Iterator[Portion]:
    """At least one, so that empty lists make an empty table."""
    numbers: list[int] = []
    pages: list[bytes] = []
    size = told = 0
    for number, one in enumerate(lists):
        for page in one.pages:
            numbers.append(number)
            pages.append(page)
            size += len(page)
            if size >= _BATCH_BYTES or len(pages) >= _BATCH_DOCUMENTS:
                yield numbers, pages
                told += 1
                numbers, pages, size = [], [], 0
    if pages or not told:
        yield numbers, pages
