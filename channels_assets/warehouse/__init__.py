"""DuckDB in plain Python and SQL: what is stored, how it is replaced, published and read."""

from channels_assets.warehouse.active import (
    PromoterKey,
    active_promoters,
    active_sharers,
    active_shops,
)
from channels_assets.warehouse.batch import ListToLoad
from channels_assets.warehouse.checks import CHECKS, Evidence, QualityCheck, evidence
from channels_assets.warehouse.columns import ListTable
from channels_assets.warehouse.describe import preview, previews
from channels_assets.warehouse.duckdb_files import Warehouse, lift_memory_limit
from channels_assets.warehouse.errors import FileInUse, WarehouseBusy, WarehouseError
from channels_assets.warehouse.export import ExportedLinks, export_share_links
from channels_assets.warehouse.freshness import ListAge, keep_promises, list_ages, lists_tried
from channels_assets.warehouse.identity import may_hold, warehouse_id
from channels_assets.warehouse.lake.lake import Lake, LakeWarehouse
from channels_assets.warehouse.load import derive_article_products, load_lists, remove_list
from channels_assets.warehouse.load_log import (
    Failure,
    LoadRecord,
    LoadStats,
    calls_of_last_loads,
    loaded_partitions,
    record_failure,
)
from channels_assets.warehouse.partition_keys import drop_keys, keep_keys, own_keys
from channels_assets.warehouse.read import connect, query, table
from channels_assets.warehouse.recovery import Condition, condition, wal_of
from channels_assets.warehouse.schema import clear, get_meta, is_empty, set_meta
from channels_assets.warehouse.store import Store, open_warehouse
from channels_assets.warehouse.tables import LIST_TABLES, with_derived
from channels_assets.warehouse.transaction import atomic, retrying

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
    "ListTable",
    "ListToLoad",
    "LoadRecord",
    "LoadStats",
    "PromoterKey",
    "QualityCheck",
    "Store",
    "Warehouse",
    "WarehouseBusy",
    "WarehouseError",
    "active_promoters",
    "active_sharers",
    "active_shops",
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
    "load_lists",
    "loaded_partitions",
    "may_hold",
    "open_warehouse",
    "own_keys",
    "preview",
    "previews",
    "query",
    "record_failure",
    "remove_list",
    "retrying",
    "set_meta",
    "table",
    "wal_of",
    "warehouse_id",
    "with_derived",
]
