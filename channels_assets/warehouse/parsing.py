"""The SELECT that reads a table's columns from JSON items, with the macros of parsing.sql."""

import json
from collections.abc import Mapping

from channels_assets.warehouse.columns import Column, ListTable
from channels_assets.warehouse.connection import names


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

    A merge patch deletes the fields that are null in it; nulls that stand in the item itself stay.
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
