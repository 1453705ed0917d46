"""The SELECT that reads a table's columns from items of the API, built from the table's declaration.

It uses the macros of parse.sql. An odd item stops nothing: a value that does not fit its column is NULL
there and kept in `extra` as it was sent, and an item without a usable id comes with the reason.
"""

import json
from collections.abc import Mapping, Sequence

from channels_assets.warehouse.column_types import Column, ListTable
from channels_assets.warehouse.connection import names, quoted

REASON, AS_SENT, UNFIT = "item_reason", "item_as_sent", "item_unfit"
"""Further columns of each item: why it has no usable id, and then the item as it was sent, both NULL for
others; and how many of its values do not fit their columns."""
NO_ODD_ITEMS = f"NULL::VARCHAR AS {REASON}, NULL::JSON AS {AS_SENT}, 0 AS {UNFIT}"


def select_items(table: ListTable, items: str | None = None, also: str | None = None) -> str:
    """A SELECT of `number`, `place`, the table's columns and NO_ODD_ITEMS' from items of the API.

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
    given = ["number", "place", *(name for name in table.item if name not in columns)]
    values = [f'{_value(column)} AS "{name}"' for name, column in columns.items()]
    reason = _reason(table, [columns[name] for name in table.item if name in columns])
    unfit = " + ".join(f"{_is_unfit(column)}::INTEGER" for column in columns.values())
    stored = [_with_default(column) for column in columns.values()]
    return f"""
    WITH parsed AS (
        SELECT {names(given)}, item, from_json(item, '{json.dumps({**plain, **objects})}') AS sent,
            json_keys(item, {["$", *(f"$.{name}" for name in objects)]}) AS keys
        FROM ({items})
    ), typed AS (
        SELECT {names(given)}, item, sent, keys, {", ".join(values)},
            {_other_fields(plain, objects)} AS other_fields
        FROM parsed
    ), judged AS (SELECT *, {unfit} AS {UNFIT}, {reason} AS {REASON} FROM typed)
    SELECT {names(given)}, {", ".join(stored)},
        api_json(CASE WHEN {UNFIT} > 0 THEN {_unfit_and_other_fields([*columns.values()], objects)}
            ELSE other_fields END) AS extra,
        {REASON}, CASE WHEN {REASON} IS NOT NULL THEN api_json(item) END AS {AS_SENT}, {UNFIT}
        {f", {also}" if also else ""}
    FROM judged
    """  # noqa: S608


def _fields(columns: list[Column]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The fields that have columns, and those in objects within the item, as from_json reads them.

    Everything is read as text first: the macros turn it into the type.
    """
    plain: dict[str, str] = {}
    objects: dict[str, dict[str, str]] = {}
    for column in columns:
        parent, _, name = (column.field or "").rpartition(".")
        fields = objects.setdefault(parent, {}) if parent else plain
        fields[name] = "JSON" if column.kind.type == "JSON" else "VARCHAR"
    return plain, objects


def _sent(column: Column) -> str:
    return ".".join(f'"{name}"' for name in ("sent", *(column.field or "").split(".")))


def _value(column: Column) -> str:
    path = column.field or ""
    shown = f"$.{path}" if "." in path else path
    return f"{column.kind.macro}({_sent(column)}, item, '{shown}')"


def _is_unfit(column: Column) -> str:
    return f'api_is_unfit({_sent(column)}, "{column.name}", {quoted(column.kind.nothing)})'


def _with_default(column: Column) -> str:
    if column.default is None:
        return f'"{column.name}"'
    return (
        f'CASE WHEN "{column.name}" IS NULL AND NOT {_is_unfit(column)} THEN {column.default} '
        f'ELSE "{column.name}" END AS "{column.name}"'
    )


def _reason(table: ListTable, ids: Sequence[Column]) -> str:
    """Why an item can't be stored, NULL if it can. What is made from other items names these."""
    fields = {column.name for column in ids}
    of_others = "".join(
        f" || ', {name}: ' || \"{name}\"" for name in table.item if name not in fields
    )
    cases = [
        f"WHEN \"{column.name}\" IS NULL AND {_is_unfit(column)} AND {_sent(column)} <> '' "
        f"THEN '{column.field} is no id'{of_others} "
        f"WHEN \"{column.name}\" IS NULL THEN '{column.field} is missing or empty'{of_others}"
        for column in ids
    ]
    no_object = f"WHEN NOT starts_with(item::VARCHAR, '{{') THEN 'is no object'{of_others}"
    return f"CASE {no_object} {' '.join(cases)} END"


def _other_fields(plain: dict[str, str], objects: dict[str, dict[str, str]]) -> str:
    """The item without the fields that have columns; NULL when it has no others.

    A merge patch deletes the fields that are null in it; nulls in the item itself stay.
    """
    keys = _keys(objects)
    known = _known(objects)

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


def _unfit_and_other_fields(
    columns: Sequence[Column], objects: Mapping[str, Mapping[str, str]]
) -> str:
    """The item without the fields whose values are in columns: for the rare item with one that does
    not fit."""
    keys, known = _keys(objects), _known(objects)
    nulls: dict[str, list[str]] = {name: [] for name in ("", *objects)}
    for column in columns:
        parent, _, name = (column.field or "").rpartition(".")
        nulls[parent].append(f"CASE WHEN NOT {_is_unfit(column)} THEN '\"{name}\":null' END")
    patches = nulls.pop("")
    for name, fields in nulls.items():
        within = " OR ".join(
            _is_unfit(column) for column in columns if (column.field or "").startswith(f"{name}.")
        )
        patches.append(
            f"CASE WHEN {known[name]} AND NOT ({within}) THEN '\"{name}\":null' "
            f"WHEN len({keys[name]}) > 0 "
            f"THEN '\"{name}\":{{' || concat_ws(',', {', '.join(fields)}) || '}}' END"
        )
    return f"json_merge_patch(item, ('{{' || concat_ws(',', {', '.join(patches)}) || '}}')::JSON)"


def _keys(objects: Mapping[str, object]) -> dict[str, str]:
    """The expressions for the names of the fields in each object within the item."""
    return {name: f"keys[{place}]" for place, name in enumerate(objects, start=2)}


def _known(objects: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    keys = _keys(objects)
    return {
        name: f"api_is_known(item, '$.{name}', {keys[name]}, {[*fields]})"
        for name, fields in objects.items()
    }
