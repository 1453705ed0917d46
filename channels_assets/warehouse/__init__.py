"""DuckDB in plain Python and SQL: what is stored, how it is replaced, published and read."""

from channels_assets.warehouse.active import (
    PromoterKey,
    active_promoters,
    active_sharers,
    active_shops,
)
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
from channels_assets.warehouse.describe import preview, previews
from channels_assets.warehouse.dimensions import (
    load_promoter_lists,
    load_promoters,
    load_sharers,
    load_shops,
    promoter_list,
)
from channels_assets.warehouse.duckdb_files import Warehouse, lift_memory_limit
from channels_assets.warehouse.errors import FileInUse, WarehouseBusy, WarehouseError
from channels_assets.warehouse.export import ExportedLinks, export_share_links
from channels_assets.warehouse.freshness import ListAge, keep_promises, list_ages, lists_tried
from channels_assets.warehouse.identity import may_hold, warehouse_id
from channels_assets.warehouse.lake.lake import Lake, LakeWarehouse
from channels_assets.warehouse.load_log import (
    Failure,
    Load,
    Loaded,
    calls_of_last_loads,
    load_without_calls,
    loaded_partitions,
    record_failure,
)
from channels_assets.warehouse.partition_keys import drop_keys, keep_keys, own_keys
from channels_assets.warehouse.read import connect, query, table
from channels_assets.warehouse.recovery import Condition, condition, wal_of
from channels_assets.warehouse.schema import clear, get_meta, is_empty, set_meta
from channels_assets.warehouse.store import Store, open_warehouse
from channels_assets.warehouse.tables import LIST_TABLES
from channels_assets.warehouse.transaction import atomic, retrying
from channels_assets.warehouse.windows import (
    load_window,
    load_windows,
    remove_window,
    window_list,
)

__all__ = [
    "CHECKS",
    "LIST_TABLES",
    "Condition",
    "Evidence",
    "ExportedLinks",
    "Failure",
    "FileInUse",
    "Lake",
    "LakeWarehouse",
    "ListAge",
    "ListLoad",
    "ListTable",
    "Load",
    "Loaded",
    "PromoterKey",
    "QualityCheck",
    "Store",
    "Warehouse",
    "WarehouseBusy",
    "WarehouseError",
    "active_promoters",
    "active_sharers",
    "active_shops",
    "article_list",
    "atomic",
    "calls_of_last_loads",
    "clear",
    "condition",
    "connect",
    "derive_article_products",
    "drop_keys",
    "evidence",
    "export_share_links",
    "get_meta",
    "is_empty",
    "keep_keys",
    "keep_promises",
    "lift_memory_limit",
    "list_ages",
    "lists_tried",
    "load_article_lists",
    "load_articles",
    "load_promoter_lists",
    "load_promoters",
    "load_sharers",
    "load_shops",
    "load_window",
    "load_windows",
    "load_without_calls",
    "loaded_partitions",
    "may_hold",
    "open_warehouse",
    "own_keys",
    "preview",
    "previews",
    "promoter_list",
    "query",
    "record_failure",
    "remove_articles",
    "remove_window",
    "retrying",
    "set_meta",
    "table",
    "wal_of",
    "warehouse_id",
    "window_list",
]
