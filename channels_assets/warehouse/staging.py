"""From page bytes to typed rows in the temporary table `staged`, a batch at a time."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files

import duckdb

from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.fractions import mark_fractions

_BATCH_CHARACTERS = 4_000_000
_BATCH_DOCUMENTS = 500


def begin_staging(con: duckdb.DuckDBPyConnection) -> str:
    """Make the macros of parsing.sql on this connection; returns the mark for mark_fractions()."""
    mark = f"{uuid.uuid4().hex}:"
    con.execute("SET VARIABLE fraction_mark = $mark", {"mark": mark})
    con.execute(
        files("channels_assets.warehouse").joinpath("parsing.sql").read_text(encoding="utf-8")
    )
    return mark


def stage_pages(
    con: duckdb.DuckDBPyConnection,
    select: str,
    pages: Iterable[bytes],
    scope: Mapping[str, object],
) -> None:
    """Fill the temporary table `staged` with what `select` makes of the pages, in their order.

    `select` takes $pages (VARCHAR[]), $first_page (BIGINT) and the scope's values, and gives a
    column `place` that orders the rows. Raises WarehouseError at the first value that doesn't fit
    its column exactly. Memory: one batch of pages, and the table, which DuckDB may move to disk.
    """
    mark = begin_staging(con)
    first_page = 0
    command = "CREATE OR REPLACE TEMP TABLE staged AS "
    for batch in _batches(mark_fractions(_decoded(page), mark) for page in pages):
        execute_parsing(con, command + select, {**scope, "pages": batch, "first_page": first_page})
        first_page += len(batch)
        command = "INSERT INTO staged "


def execute_parsing(
    con: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, object]
) -> None:
    """Run a statement that reads JSON from the API, with DuckDB's complaints as WarehouseError."""
    try:
        con.execute(statement, values)
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.DataError) as error:
        raise WarehouseError(f"the API sent what can't be stored exactly: {error}") from error


def _decoded(page: bytes) -> str:
    try:
        return page.decode()
    except UnicodeDecodeError as error:
        raise WarehouseError(f"a page is not UTF-8: {error}") from error


def _batches(documents: Iterable[str]) -> Iterator[list[str]]:
    """At least one batch, so that an empty list makes an empty table."""
    batch: list[str] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document)
        if size >= _BATCH_CHARACTERS or len(batch) >= _BATCH_DOCUMENTS:
            yield batch
            batch, size = [], 0
    yield batch
