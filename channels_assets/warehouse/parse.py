"""From page bytes to typed rows in the temporary table `staged`, some megabytes at a time."""

import re
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

import duckdb

from channels_assets.warehouse.batch import ListToLoad
from channels_assets.warehouse.connection import run
from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.page_text import ODD_TEXT, valid_page

_BATCH_BYTES = 4_000_000
_BATCH_DOCUMENTS = 500
_MAYBE_A_FRACTION = r"[:,\[]\s*-?[0-9]+[.eE]"
_MAYBE = re.compile(_MAYBE_A_FRACTION)
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?')

Portion = tuple[list[int], list[bytes]]


def stage_pages(
    con: duckdb.DuckDBPyConnection, select: str, lists: Sequence[ListToLoad]
) -> Counter[int]:
    """Fill the temporary table `staged` with what `select` makes of the pages of all lists.

    `select` takes $pages (BLOB[]), $lists (BIGINT[], the number of each page's list) and
    $first_page (BIGINT), and gives the columns `number` (of the list) and `place`, which orders the
    rows of a list. Returns by the number of a list how many broken characters of its pages became
    U+FFFD. Raises WarehouseError at a page that is no JSON object or has no list.
    Memory: one portion of pages, and the table, which DuckDB may move to disk.
    """
    mark = begin_staging(con)
    first_page = 0
    repaired = Counter[int]()
    command = "CREATE OR REPLACE TEMP TABLE staged AS "
    for numbers, pages in _portions(lists):
        for place, count in _prepare(con, pages, mark):
            repaired[numbers[place]] += count
        values = {"lists": numbers, "pages": pages, "first_page": first_page}
        execute_parsing(con, command + select, values)
        first_page += len(pages)
        command = "INSERT INTO staged "
    return repaired


def begin_staging(con: duckdb.DuckDBPyConnection) -> str:
    """Make the macros of parse.sql on this connection; returns the mark for mark_fractions()."""
    mark = f"{uuid.uuid4().hex}:"
    run(con, "SET VARIABLE fraction_mark = $mark", {"mark": mark})
    run(con, _macros())
    return mark


@cache
def _macros() -> str:
    return files("channels_assets.warehouse").joinpath("parse.sql").read_text(encoding="utf-8")


def execute_parsing(
    con: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, object] | None = None
) -> duckdb.DuckDBPyConnection:
    """Run a statement that reads JSON from the API; DuckDB's errors become WarehouseError."""
    try:
        return run(con, statement, values)
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.DataError) as error:
        raise WarehouseError(f"the API sent what can't be stored exactly: {error}") from error


def mark_fractions(document: str, mark: str) -> str:
    """The JSON document with each fraction 1.10 as the string "<mark>1.10".

    Wherever DuckDB takes a part out of a JSON document it writes the part anew: 1.10 becomes 1.1, and
    a number of 20 decimals loses four. Whole numbers of any length and text stay as they are.
    `mark` must be something that no text from the API begins with; parse.sql takes it away again.
    Documents without fractions, nearly all, come back as they are.
    """
    if _MAYBE.search(document) is None:
        return document

    def marked(token: re.Match[str]) -> str:
        text = token[0]
        unchanged = text[0] == '"' or not any(sign in text for sign in ".eE")
        return text if unchanged else f'"{mark}{text}"'

    return _TOKEN.sub(marked, document)


def _prepare(
    con: duckdb.DuckDBPyConnection, pages: list[bytes], mark: str
) -> Iterator[tuple[int, int]]:
    """Mark the fractions, and make valid JSON of a page with odd text, in place.

    Yields the place of each page that was changed, and how many of its characters were broken. DuckDB's
    regular expressions find the rare page that needs it many times faster.
    """
    statement = """
        SELECT place FROM (
            SELECT decode(unnest(pages)) AS page, generate_subscripts(pages, 1) - 1 AS place
            FROM (SELECT $pages::BLOB[] AS pages)
        ) WHERE regexp_matches(page, $odd)
        """
    values = {"pages": pages, "odd": f"{_MAYBE_A_FRACTION}|{ODD_TEXT}"}
    try:
        found = [int(place) for (place,) in run(con, statement, values).fetchall()]
    except duckdb.ConversionException:
        # Some page is not UTF-8.
        found = range(len(pages))
    for place in found:
        text, repaired = valid_page(pages[place])
        pages[place] = mark_fractions(text, mark).encode()
        yield place, repaired


def _portions(lists: Sequence[ListToLoad]) -> Iterator[Portion]:
    """At least one portion, so that empty lists make an empty table."""
    numbers: list[int] = []
    pages: list[bytes] = []
    size = portions = 0
    for number, to_load in enumerate(lists):
        for page in to_load.pages:
            numbers.append(number)
            pages.append(page)
            size += len(page)
            if size >= _BATCH_BYTES or len(pages) >= _BATCH_DOCUMENTS:
                yield numbers, pages
                portions += 1
                numbers, pages, size = [], [], 0
    if pages or not portions:
        yield numbers, pages
