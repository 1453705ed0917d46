"""From page bytes to typed rows in the temporary table `staged`, some megabytes at a time.

The SELECT that reads a table's columns is built from its declaration, with the macros of parse.sql.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import cast

import duckdb

from channels_assets.warehouse.batch import ListToLoad
from channels_assets.warehouse.column_types import Column, ListTable
from channels_assets.warehouse.connection import names, run
from channels_assets.warehouse.errors import WarehouseError

_BATCH_BYTES = 4_000_000
_BATCH_DOCUMENTS = 500
_MAYBE_A_FRACTION = r"[:,\[]\s*-?[0-9]+[.eE]"
_MAYBE = re.compile(_MAYBE_A_FRACTION)
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?')

Portion = tuple[list[int], list[bytes]]


def stage_pages(con: duckdb.DuckDBPyConnection, select: str, lists: Sequence[ListToLoad]) -> None:
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
        _mark_fractions_of(con, pages, mark)
        values = {"lists": numbers, "pages": pages, "first_page": first_page}
        execute_parsing(con, command + select, values)
        first_page += len(pages)
        command = "INSERT INTO staged "


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


def _mark_fractions_of(con: duckdb.DuckDBPyConnection, pages: list[bytes], mark: str) -> None:
    # DuckDB's regular expressions find the rare page that has a fraction many times faster.
    statement = """
        SELECT place FROM (
            SELECT decode(unnest(pages)) AS page, generate_subscripts(pages, 1) AS place
            FROM (SELECT $pages::BLOB[] AS pages)
        ) WHERE regexp_matches(page, $maybe)
        """
    found = execute_parsing(con, statement, {"pages": pages, "maybe": _MAYBE_A_FRACTION}).fetchall()
    for (place,) in cast("list[tuple[int]]", found):
        pages[place - 1] = mark_fractions(pages[place - 1].decode(), mark).encode()


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


def select_items(table: ListTable, items: str | None = None, also: str | None = None) -> str:
    """A SELECT of `number`, `place` and the table's columns from items of the API.

    `items` is a query for `number`, `place`, `item`, and for columns of the key that are not in the
    item; without it the items are those of $lists, $pages and $first_page. `also` is a further
    expression, in which `sent` has the fields as text.
    """
    columns = {column.name: column for column in table.columns if column.field}
    plain, objects = _fields(list(columns.values()))
    items = items or (
        "FROM api_items($lists::BIGINT[], $pages::BLOB[], $first_page::BIGINT, "
        f"'{table.list_field}')"
    )
    given = names(("number", "place", *(name for name in table.item if name not in columns)))
    values = [f'{_value(column)} AS "{name}"' for name, column in columns.items()]
    values += [also] if also else []
    return f"""
    WITH parsed AS (
        SELECT {given}, item, from_json(item, '{json.dumps({**plain, **objects})}') AS sent,
            json_keys(item, {["$", *(f"$.{name}" for name in objects)]}) AS keys
        FROM ({items})
    ), split AS (SELECT *, {_other_fields(plain, objects)} AS other_fields FROM parsed)
    SELECT {given}, {", ".join(values)}, api_json(other_fields) AS extra FROM split
    """  # noqa: S608


def _fields(columns: list[Column]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The fields that have columns, and those in objects within the item, as from_json reads them.

    Everything is read as text first: the macros turn it into the type, or stop the load.
    """
    plain: dict[str, str] = {}
    objects: dict[str, dict[str, str]] = {}
    for column in columns:
        parent, _, name = (column.field or "").rpartition(".")
        fields = objects.setdefault(parent, {}) if parent else plain
        fields[name] = "JSON" if column.kind.type == "JSON" else "VARCHAR"
    return plain, objects


def _value(column: Column) -> str:
    path = column.field or ""
    text = ".".join(f'"{name}"' for name in ("sent", *path.split(".")))
    shown = f"$.{path}" if "." in path else path
    value = f"{column.kind.macro}({text}, item, '{shown}')"
    return value if column.default is None else f"coalesce({value}, {column.default})"


def _other_fields(plain: dict[str, str], objects: dict[str, dict[str, str]]) -> str:
    """The item without the fields that have columns; NULL when it has no others.

    A merge patch deletes the fields that are null in it; nulls in the item itself stay.
    """
    keys = {name: f"keys[{place}]" for place, name in enumerate(objects, start=2)}
    known = {
        name: f"api_is_known(item, '$.{name}', {keys[name]}, {[*fields]})"
        for name, fields in objects.items()
    }

    def patch(nulls: Mapping[str, object], nested: list[str]) -> str:
        """Each case has a constant: json_merge_patch parses any other patch for each row."""
        if not nested:
            return f"json_merge_patch(item, '{json.dumps(nulls)}'::JSON)"
        name, *rest = nested
        return (
            f"CASE WHEN {known[name]} THEN {patch({**nulls, name: None}, rest)} "
            f"WHEN len({keys[name]}) > 0 "
            f"THEN {patch({**nulls, name: dict.fromkeys(objects[name])}, rest)} "
            f"ELSE {patch(nulls, rest)} END"
        )

    all_known = " AND ".join([f"list_has_all({[*plain, *objects]}, keys[1])", *known.values()])
    return f"CASE WHEN NOT ({all_known}) THEN {patch(dict.fromkeys(plain), [*objects])} END"
