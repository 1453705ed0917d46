"""Which warehouse this is: an id that goes with the tables, wherever their folder is moved."""

from pathlib import Path

import duckdb

from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.recovery import examine
from channels_assets.warehouse.schema import WAREHOUSE_ID, get_meta


def warehouse_id(con: duckdb.DuckDBPyConnection) -> str:
    """The id of the open warehouse."""
    return get_meta(con, WAREHOUSE_ID) or ""


def may_hold(folder: Path, identity: str) -> bool:
    """Whether the folder has a warehouse of this id, or one that can't be asked now."""
    # The published copy first: nobody writes to it.
    for name in ("channels.duckdb", "warehouse.duckdb"):
        try:
            found = examine(folder / name, in_use=True)
        except WarehouseError:
            return True
        if found is not None:
            return found.warehouse_id in (identity, "")
    return False
