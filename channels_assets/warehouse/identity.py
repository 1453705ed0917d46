"""Which warehouse this is: an id that goes with the tables, wherever their folder is moved."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import duckdb

from channels_assets.warehouse.extensions import quoted
from channels_assets.warehouse.schema import WAREHOUSE_ID, get_meta, set_meta
from channels_assets.warehouse.single import be_quiet


def warehouse_id(con: duckdb.DuckDBPyConnection) -> str:
    """The id of the open warehouse; it gets one if it has none."""
    known = get_meta(con, WAREHOUSE_ID)
    if known is None:
        known = uuid4().hex
        set_meta(con, WAREHOUSE_ID, known)
    return known


def may_hold(folder: Path, identity: str) -> bool:
    """Whether the folder has a warehouse of this id, or one that can't be asked now."""
    # The published copy first: nobody writes to it.
    for path in (folder / "channels.duckdb", folder / "warehouse.duckdb"):
        try:
            if path.is_file():
                return _id_in(path) in (identity, None)
        except (OSError, duckdb.Error):
            return True
    return False


def _id_in(path: Path) -> str | None:
    con = duckdb.connect()
    try:
        be_quiet(con)
        con.execute(f"ATTACH {quoted(str(path))} AS other (READ_ONLY)")
        con.execute("USE other")
        return get_meta(con, WAREHOUSE_ID)
    finally:
        con.close()
