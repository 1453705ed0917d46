"""The question for odd items: rejected ones, values that do not fit their columns, broken text.

Only lists whose last load counted some are looked into, so that it costs nothing for the others.
"""

from channels_assets.warehouse.column_types import Column, ListTable
from channels_assets.warehouse.connection import quoted
from channels_assets.warehouse.page_text import REPLACEMENT

QUESTION = (
    "Has every item a usable id, does every value fit its column, and was all text valid UTF-8?"
)
REMEDY = (
    "All is kept as it was sent (rejected_items, extra; broken characters are U+FFFD), and the rest was "
    "loaded. 个别条目无有效标识、值与列类型不符或字符损坏，均已按原样保留，其余数据已写入。"
)
_LONGEST = 2000
"""Characters of a value that are handed out: more than any token has, which is removed before a cut."""


def odd_items_sql(table: ListTable) -> str:
    """The query for the odd items of the table's lists, one row for each value. It has the parameter $asset."""
    sent = [column for column in table.columns if column.field]
    texts = [
        (column.field or column.name, f'"{column.name}"')
        for column in table.columns
        if (column.field or column.name == "extra") and column.kind.type in ("VARCHAR", "JSON")
    ]
    outside = "" if table.derived_from else f"UNION ALL {_OUTSIDE}"
    return f"""
    WITH last AS (
        SELECT "partition" AS list, load_id, rejected, unfit, repaired FROM loads
        WHERE asset = $asset
        QUALIFY row_number() OVER (PARTITION BY "partition" ORDER BY load_id DESC) = 1
    ), rejected_item AS (
        SELECT list, position, NULL AS item, NULL AS field, item::VARCHAR AS value, reason, load_id
        FROM (FROM rejected_items WHERE asset = $asset) JOIN last USING (load_id)
    ), unfit_value AS (
        {_each_value(table, "unfit", [_kept(column) for column in sent])}
        WHERE value.text IS NOT NULL
    ), broken_text AS (
        {_each_value(table, "repaired", texts)}
        WHERE contains(value.text, {quoted(REPLACEMENT)})
    ), odd AS (
        FROM rejected_item
        UNION ALL
        SELECT list, position, item, value.name, value.text, 'does not fit its column', load_id
        FROM unfit_value
        UNION ALL
        SELECT list, position, item, value.name, value.text, 'had broken characters', load_id
        FROM broken_text
    )
    SELECT list, position, item, field, left(value, {_LONGEST}) AS value, reason
    FROM (FROM odd {outside})
    """  # noqa: S608


_OUTSIDE = f"""
    SELECT list, NULL, NULL, NULL, NULL,
        repaired || ' broken characters, in none of its rows', load_id
    FROM last ANTI JOIN (FROM odd WHERE contains(value, {quoted(REPLACEMENT)})) USING (load_id)
    WHERE repaired > 0
"""  # noqa: S608


def _kept(column: Column) -> tuple[str, str]:
    """A field with a column is in `extra` only where its value does not fit."""
    return column.field or "", f"(extra -> '$.{column.field}')::VARCHAR"


def _each_value(table: ListTable, counted: str, values: list[tuple[str, str]]) -> str:
    columns = {column.name for column in table.columns}
    position = "position" if "position" in columns else "NULL"
    item = " || ' ' || ".join(f'"{name}"' for name in table.item)
    structs = ", ".join(
        f"{{'name': {quoted(name)}, 'text': {value}::VARCHAR}}" for name, value in values
    )
    return f"""
        FROM (
            SELECT list, {position} AS position, {item} AS item, unnest([{structs}]) AS value, load_id
            FROM {table.name} JOIN (FROM last WHERE {counted} > 0) USING (load_id)
        )
    """  # noqa: S608
