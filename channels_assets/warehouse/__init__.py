"""What was pulled, in DuckDB: tables, loading, publishing, reading. Plain Python and SQL, no Dagster.

Read: connect, query, table, export_share_links. Write: open_store, then load within Store.writing().
"""

from channels_assets.warehouse.articles import (
    article_list,
    derive_article_products,
    load_article_lists,
    load_articles,
    remove_articles,
)
from channels_assets.warehouse.batch import ListLoad
from channels_assets.warehouse.checks import CHECKS, Evidence, QualityCheck, evidence
from channels_assets.warehouse.columns import ListTable
from channels_assets.warehouse.connection import atomic, retry_conflicts
from channels_assets.warehouse.dimensions import (
    load_promoter_lists,
    load_promoters,
    load_sharers,
    load_shops,
    promoter_list,
)
from channels_assets.warehouse.duckdb_files import FileStore, lift_memory_limit
from channels_assets.warehouse.errors import FileInUse, WarehouseBusy, WarehouseError
from channels_assets.warehouse.export import export_share_links
from channels_assets.warehouse.lake import Lake
from channels_assets.warehouse.load_log import (
    Failure,
    Load,
    Loaded,
    calls_of_last_loads,
    load_without_calls,
    loaded_partitions,
    record_failure,
)
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
    list_ages,
    preview,
    previews,
    save_freshness_rules,
)
from channels_assets.warehouse.read import connect, query, table
from channels_assets.warehouse.recovery import (
    RepairPlan,
    may_contain_warehouse,
    plan_repair,
    wal_path,
)
from channels_assets.warehouse.schema import clear, get_meta, is_empty, set_meta, warehouse_id
from channels_assets.warehouse.store import Store, open_store
from channels_assets.warehouse.tables import LIST_TABLES
from channels_assets.warehouse.windows import load_window, load_windows, remove_window, window_list

# fmt: off
__all__ = [
    "CHECKS", "LIST_TABLES", "Evidence", "Failure", "FileInUse", "FileStore", "Lake", "ListAge", "ListLoad",
    "ListTable", "Load", "Loaded", "QualityCheck", "RepairPlan", "Store", "WarehouseBusy", "WarehouseError",
    "active_promoters", "active_sharers", "active_shops", "add_partition_keys", "article_list", "atomic",
    "attempted_partitions", "calls_of_last_loads", "clear", "connect", "derive_article_products", "evidence",
    "export_share_links", "get_meta", "is_empty", "lift_memory_limit", "list_ages", "load_article_lists",
    "load_articles", "load_promoter_lists", "load_promoters", "load_sharers", "load_shops", "load_window",
    "load_windows", "load_without_calls", "loaded_partitions", "may_contain_warehouse", "open_store",
    "own_partition_keys", "plan_repair", "preview", "previews", "promoter_list", "query", "record_failure",
    "remove_articles", "remove_partition_keys", "remove_window", "retry_conflicts", "save_freshness_rules",
    "set_meta", "table", "wal_path", "warehouse_id", "window_list",
]
