"""The declaration of the tables without lists: facts about the warehouse, loads, failures, rejected items,
keys."""

from channels_assets.warehouse.column_types import (
    AS_SENT,
    COUNT,
    FETCHED_AT,
    LOAD_ID,
    TEXT,
    TIME,
    Column,
    Table,
)

_PARTITION = Column(
    "partition",
    TEXT,
    "Which list: the asset's partition key; NULL for assets without partitions",
    nullable=True,
)

META = Table(
    "meta",
    "Facts about this file itself, one per key",
    (
        Column("key", TEXT, "Name of the fact, such as schema_version"),
        Column("value", TEXT, "Its value, as text"),
    ),
)

LOADS = Table(
    "loads",
    "The log of loads: one row per list that was written, in the same transaction as its rows",
    (
        Column(
            "load_id",
            TEXT,
            "Identity of the load. It begins with the load's number, which grows by one with each "
            "load of this warehouse: later loads sort after earlier ones, whatever the clock said",
        ),
        Column("asset", TEXT, "The table that was written"),
        _PARTITION,
        Column(
            "run_id", TEXT, "The Dagster run; empty when a list was removed since it had vanished"
        ),
        Column("started_at", TIME, "When the first page was asked for"),
        Column("finished_at", TIME, "When the rows were written"),
        Column(
            "pages",
            COUNT,
            "Number of pages in the list; 0 where the rows were derived without a call",
        ),
        Column(
            "api_calls",
            COUNT,
            "Number of API calls made, retries included, without those of earlier attempts",
        ),
        Column("rows", COUNT, "Number of rows written, without duplicates"),
        Column(
            "duplicates",
            COUNT,
            "Number of items that came again later in the same list and were dropped, the last one wins",
        ),
        Column(
            "total_num",
            COUNT,
            "The number of items that the API itself stated, NULL if it did not; API: total_num",
            nullable=True,
        ),
        Column(
            "end_reason",
            TEXT,
            "Why the walk through the pages ended, such as empty_page, has_more_false or "
            "count_disagrees; removed: the list had vanished",
        ),
        Column(
            "resumed_pages",
            COUNT,
            "Number of those pages that were already on disk from an interrupted attempt",
        ),
        Column(
            "resumed_calls",
            COUNT,
            "Number of API calls that earlier attempts had made, whose pages or failures this load "
            "began with",
            default=0,
        ),
        Column(
            "rejected",
            COUNT,
            "Number of items without a usable id (无有效标识的条目): they are in rejected_items instead",
            default=0,
        ),
        Column(
            "unfit",
            COUNT,
            "Number of values that do not fit their columns (与列类型不符的值): they are NULL there, and in "
            "extra as they were sent",
            default=0,
        ),
        Column(
            "repaired",
            COUNT,
            "Number of broken characters (损坏的字符: no valid UTF-8) in the pages that became U+FFFD",
            default=0,
        ),
    ),
)

REJECTED_ITEMS = Table(
    "rejected_items",
    "The items of each list's last load that have no usable id (无有效标识的条目), such as a deleted article "
    "without article_url; the rest of their list was loaded",
    (
        Column("asset", TEXT, "The table in which the item has no row"),
        _PARTITION,
        Column("position", COUNT, "Place in the list as it was sent, from 1, all items counted"),
        Column(
            "reason", TEXT, "Why it has no row: the field that should name it, and what is wrong"
        ),
        Column("item", AS_SENT, "The item as the API sent it"),
        LOAD_ID,
        FETCHED_AT,
    ),
)

FAILURES = Table(
    "failures",
    "The last failure of each list, until it is loaded again; at most one row per asset and partition",
    (
        Column("asset", TEXT, "The table that was to be written"),
        _PARTITION,
        Column("run_id", TEXT, "The Dagster run"),
        Column("failed_at", TIME, "When it failed"),
        Column(
            "error_class",
            TEXT,
            "What the caller must do: Transient, PermissionDenied, QuotaExhausted, ...",
        ),
        Column("error", TEXT, "What happened, what to do, errcode, errmsg, rid and endpoint"),
        Column("api_calls", COUNT, "Number of API calls that were made, retries included"),
    ),
)

PARTITION_KEYS = Table(
    "partition_keys",
    "The partition keys that this data folder has added to Dagster: only these are ever refreshed or "
    "removed there",
    (
        Column(
            "partition_set",
            TEXT,
            "Name of the dynamic partitions in Dagster, such as channels_windows",
        ),
        Column("partition", TEXT, "Which list: the partition key"),
    ),
)
