"""The vocabulary of tables.py: kinds of values, columns, and tables with what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Kind:
    """A kind of value: its type in DuckDB, and the macro of parse.sql that reads it from JSON.

    `nothing` is a regular expression of what the API may send for no value. `unit` is the unit of its
    numbers, `as_sent` how the API writes it.
    """

    type: str
    macro: str = ""
    nothing: str = ""
    unit: str = ""
    as_sent: str = ""


ID = Kind("VARCHAR", "api_id")
"""Text that is required: an item without it is rejected."""
OPTIONAL_ID = Kind("VARCHAR", "api_optional_id")
TEXT = Kind("VARCHAR", "api_text")
INTEGER = Kind("INTEGER", "api_integer")
COUNT = Kind("BIGINT", "api_bigint")
FEN = Kind("BIGINT", "api_bigint", unit="fen")
RATE = Kind("INTEGER", "api_integer", unit="parts per million")
TIME = Kind("TIMESTAMPTZ", "api_time", "(-?0+)?", as_sent="epoch seconds, above 10^11 milliseconds")
LIST = Kind("JSON", "api_list", '""')
OTHER_FIELDS = Kind("JSON")
AS_SENT = Kind("JSON")
FLAG = Kind("BOOLEAN")


@dataclass(frozen=True)
class Column:
    """A column, and where its values come from.

    `field` is the path of the value in an item, with at most one dot; `request` is the field of the
    request that has the same value. A `constant` is known before the answer and has one value per
    list. `default` is stored where the field is missing, and NULL where its value does not fit. `note`
    is repeated in the history's COMMENT.
    """

    name: str
    kind: Kind
    comment: str
    field: str | None = None
    request: str | None = None
    constant: bool = False
    default: int | None = None
    nullable: bool = False
    note: str = ""


def sent(
    name: str, kind: Kind, comment: str, *, field: str | None = None, default: int | None = None
) -> Column:
    """A column from a field of each item, which has the name of the column unless `field` is given."""
    if field is not None and field.count(".") > 1:
        raise ValueError(f"{name}: parse.py reads no deeper than objects within items")
    return Column(name, kind, comment, field or name, default=default, nullable=kind != ID)


def other_fields(where: str = "") -> Column:
    """The column `extra`."""
    comment = (
        f"Every other field that the API sent{where}, and values that do not fit their columns, as one "
        "JSON object"
    )
    return Column("extra", OTHER_FIELDS, f"{comment}; NULL when there was none", nullable=True)


POSITION = Column("position", COUNT, "Place in the list, from 1, counted without duplicates")
FETCHED_AT = Column("fetched_at", TIME, "When the list was read from the API")
LOAD_ID = Column("load_id", TEXT, "The load that wrote this row: loads.load_id")


def last_seen(
    item: str, latest: str = "the latest list", shown_as: str = "it"
) -> tuple[Column, ...]:
    """The last columns of a table with `keeps_vanished`."""
    seen = f"Whether {latest} still had this {item}; if not, the row shows {shown_as} as last seen"
    fetched = f"When the list that last had this {item} was read from the API"
    return (
        Column("is_active", FLAG, seen),
        other_fields(),
        replace(FETCHED_AT, comment=fetched),
        LOAD_ID,
    )


@dataclass(frozen=True)
class Table:
    """A table and its columns in their order."""

    name: str
    comment: str
    columns: tuple[Column, ...]

    def api_field(self, column: Column) -> str | None:
        """The field of the API's request or answer that the column's values come from, if any."""
        return column.request

    def comment_of(self, column: Column) -> str:
        """The column's COMMENT: its meaning, then its source."""
        text, field = column.comment, self.api_field(column)
        if field is not None:
            text += f"; API{' request' if column.request else ''}: {field}"
        if column.field and column.kind.as_sent:
            text += f", {column.kind.as_sent}"
        return f"{text}. {column.note}" if column.note else text


@dataclass(frozen=True)
class ListTable(Table):
    """A table of lists. The answers have the items in `list_field`.

    `scope` are the columns that identify a row's list, `item` those that identify the row in its list;
    together they are the key. A table with a `history_comment` has a history table. With `moves` a
    change of order is a change too. Rows of a table with `keeps_vanished` are never deleted but set
    inactive. `endpoint` is the name of the list in the API's documentation; a table that is
    `derived_from` another one is made from the answers of that one's endpoint.
    """

    list_field: str
    scope: tuple[str, ...]
    item: tuple[str, ...]
    history_comment: str | None = None
    moves: bool = False
    keeps_vanished: bool = False
    endpoint: str = ""
    derived_from: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return self.scope + self.item

    @property
    def constants(self) -> dict[str, str]:
        """The types of the columns with one value per list."""
        return {column.name: column.kind.type for column in self.columns if column.constant}

    @property
    def sent(self) -> tuple[str, ...]:
        """The values that come from the items of the answers."""
        return tuple(name for name in self.values if name not in self.constants)

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that are compared between two loads: another value is a change."""
        return tuple(
            column.name
            for column in self.columns
            if column.name not in self.key
            and (column.constant or column.field or column.kind == OTHER_FIELDS)
        )

    @property
    def history(self) -> str | None:
        return f"{self.name}_history" if self.history_comment else None

    def api_field(self, column: Column) -> str | None:
        if column.kind == OTHER_FIELDS:
            return f"{self.list_field}[]"
        return f"{self.list_field}[].{column.field}" if column.field else column.request


def history_table(table: ListTable) -> Table | None:
    """The history table of a table of lists, if it has one."""
    if table.history is None or table.history_comment is None:
        return None
    tracked = (*table.key, *table.values)
    position = "Place in the list at valid_from. Later shifts because of other products coming, "
    position += "going or moving make no row"
    change = "added, or changed (a value)"
    if table.moves:
        change = (
            "added, changed (a value), or moved (only its place among the products that stayed)"
        )
    columns = (
        *(_in_history(table, column) for column in table.columns if column.name in tracked),
        *([replace(POSITION, comment=position)] if table.moves else []),
        Column("change", TEXT, f"Why the row begins: {change}"),
        Column(
            "valid_from",
            TIME,
            "First load that had it so: that load's fetched_at; a microsecond after the list's latest "
            "entry here if the clock stood still or ran back",
        ),
        Column(
            "valid_to",
            TIME,
            "First load that no longer had it so, NULL while it holds; with no later row from the same "
            "moment the product was removed",
            nullable=True,
        ),
    )
    return Table(table.history, table.history_comment, columns)


def _in_history(table: ListTable, column: Column) -> Column:
    """The column of the history table. Its COMMENT repeats the unit, and a field of another name."""
    renamed = column.field is not None and column.field != column.name
    parts = [f"See {table.name}", column.kind.unit]
    parts += [f"API: {table.api_field(column)}"] if renamed else []
    comment = "; ".join(part for part in parts if part)
    return replace(column, comment=comment, field=None, request=None)
