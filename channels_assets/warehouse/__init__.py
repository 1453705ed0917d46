"""What was pulled, in DuckDB: tables, loading, publishing, reading. Plain Python and SQL, no Dagster.

Read: connect, query, table, export_share_links. Write: open_store, then load within Store.writing().
"""

from channels_assets.warehouse.batch import ListToLoad
from channels_assets.warehouse.checks import CHECKS, Evidence, QualityCheck, evidence
from channels_assets.warehouse.column_types import ListTable
from channels_assets.warehouse.connection import atomic, retry_conflicts
from channels_assets.warehouse.errors import FileInUse, WarehouseBusy, WarehouseError
from channels_assets.warehouse.export import export_share_links
from channels_assets.warehouse.file_store import FileStore, lift_memory_limit
from channels_assets.warehouse.lake import Lake
from channels_assets.warehouse.load import derive_article_products, load_lists, remove_list
from channels_assets.warehouse.load_log import (
    Failure,
    LoadRecord,
    LoadStats,
    calls_of_last_loads,
    last_failure,
    loaded_partitions,
    record_failure,
)
from channels_assets.warehouse.machine_faults import machine_error_of, raise_machine_error
from channels_assets.warehouse.partition_keys import (
    add_partition_keys,
    own_partition_keys,
    remove_partition_keys,
)
from channels_assets.warehouse.queries import (
    ListAge,
    active_promoters,
    active_sharers,
    active_shops,
    attempted_partitions,
    linked_account_types,
    list_ages,
    preview,
    previews,
    rows_held,
    save_freshness_rules,
)
from channels_assets.warehouse.read import connect, is_published, query, table
from channels_assets.warehouse.recovery import (
    RepairPlan,
    may_contain_warehouse,
    plan_repair,
    wal_path,
)
from channels_assets.warehouse.schema import clear, get_meta, is_empty, set_meta, warehouse_id
from channels_assets.warehouse.store_protocol import Store, open_store
from channels_assets.warehouse.tables import LIST_TABLES, with_derived

# fmt: off
__all__ = [
    "CHECKS", "LIST_TABLES", "Evidence", "Failure", "FileInUse", "FileStore", "Lake", "ListAge", "ListTable",
    "ListToLoad", "LoadRecord", "LoadStats", "QualityCheck", "RepairPlan", "Store", "WarehouseBusy",
    "WarehouseError", "active_promoters", "active_sharers", "active_shops", "add_partition_keys", "atomic",
    "attempted_partitions", "calls_of_last_loads", "clear", "connect", "derive_article_products", "evidence",
    "export_share_links", "get_meta", "is_empty", "is_published", "last_failure", "lift_memory_limit",
    "linked_account_types", "list_ages", "load_lists", "loaded_partitions", "machine_error_of",
    "may_contain_warehouse", "open_store", "own_partition_keys", "plan_repair", "preview", "previews", "query",
    "raise_machine_error", "record_failure", "remove_list", "remove_partition_keys", "retry_conflicts", "rows_held",
    "save_freshness_rules", "set_meta", "table", "wal_path", "warehouse_id", "with_derived",
]
