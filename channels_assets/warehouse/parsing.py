"""The SELECT that reads a table's columns from JSON items, with the macros of parsing.sql."""

import json

from channels_assets.warehouse.columns import Column, ListTable
from channels_assets.warehouse.sql import names


def parse(table: ListTable, items: str | None = None, also: str | None = None) -> str:
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
    )
    SELECT {given}, {", ".join(values)}, {_other_fields(plain, objects)} AS extra
    FROM parsed
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
    """The item without what has a column, by a merge patch with a null for each of these fields."""
    all_known = f"list_has_all({[*plain, *objects]}, keys[1])"
    all_nulls = json.dumps(dict.fromkeys([*plain, *objects]))
    if not objects:
        return f"CASE WHEN NOT {all_known} THEN api_without(item, '{all_nulls}') END"
    known: list[str] = []
    nulls = [f"'{_members(dict.fromkeys(plain))}'"] if plain else []
    for place, (name, fields) in enumerate(objects.items(), start=2):
        is_known = f"api_is_known(item, '$.{name}', keys[{place}], {[*fields]})"
        known.append(is_known)
        nulls.append(
            f"CASE WHEN {is_known} THEN '{_members({name: None})}' WHEN len(keys[{place}]) > 0 "
            f"THEN '{_members({name: dict.fromkeys(fields)})}' END"
        )
    return (
        f"CASE WHEN NOT ({' AND '.join(known)}) "
        f"THEN api_without(item, '{{' || concat_ws(', ', {', '.join(nulls)}) || '}}') "
        f"WHEN NOT {all_known} THEN api_without(item, '{all_nulls}') END"
    )


def _members(fields: dict[str, None] | dict[str, dict[str, None]]) -> str:
    return json.dumps(fields)[1:-1]
