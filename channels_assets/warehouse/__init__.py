"""DuckDB in plain Python and SQL: what is stored, how it is replaced, published and read."""

from channels_assets.warehouse.active import (
    PromoterKey,
    active_promoters,
    active_sharers,
    active_shops,
)
from channels_assets.warehouse.articles import (
    derive_article_products,
    load_articles,
    remove_articles,
)
from channels_assets.warehouse.checks import (
    Disagreement,
    Duplicate,
    Orphans,
    RowsMismatch,
    disagreements,
    duplicates,
    orphans,
    rows_mismatches,
)
from channels_assets.warehouse.dimensions import load_promoters, load_sharers, load_shops
from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.loads import Load, Loaded, loaded_partitions
from channels_assets.warehouse.read import connect, query, table
from channels_assets.warehouse.schema import clear, get_meta, set_meta
from channels_assets.warehouse.store import Warehouse
from channels_assets.warehouse.transaction import atomic
from channels_assets.warehouse.windows import load_window, remove_window

__all__ = [
    "Disagreement",
    "Duplicate",
    "Load",
    "Loaded",
    "Orphans",
    "PromoterKey",
    "RowsMismatch",
    "Warehouse",
    "WarehouseError",
    "active_promoters",
    "active_sharers",
    "active_shops",
    "atomic",
    "clear",
    "connect",
    "derive_article_products",
    "disagreements",
    "duplicates",
    "get_meta",
    "load_articles",
    "load_promoters",
    "load_sharers",
    "load_shops",
    "load_window",
    "loaded_partitions",
    "orphans",
    "query",
    "remove_articles",
    "remove_window",
    "rows_mismatches",
    "set_meta",
    "table",
]
