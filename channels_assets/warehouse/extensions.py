"""DuckDB's extensions for the lake: those that `pip install channels-assets[lake]` brings, by path."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import duckdb

from channels_assets.warehouse.errors import WarehouseError

NEEDED = ("ducklake", "postgres_scanner")


def missing_extension() -> str | None:
    """What the lake lacks on this machine and how to get it, or None when all is there."""
    con = duckdb.connect()
    try:
        require_psycopg()
        load_extensions(con)
    except WarehouseError as error:
        return str(error)
    finally:
        con.close()
    return None


def require_psycopg() -> None:
    """Raises WarehouseError when it is not installed."""
    if find_spec("psycopg") is None:
        raise WarehouseError(_told("psycopg", "is not installed"))


def load_extensions(con: duckdb.DuckDBPyConnection) -> None:
    """Raises WarehouseError with what to install."""
    for name in NEEDED:
        path = _packaged(name)
        try:
            # Without the package: what the user has installed by DuckDB's own INSTALL.
            con.execute(f"LOAD {quoted(str(path)) if path else name}")
        except duckdb.Error as error:
            first = str(error).partition("\n")[0]
            raise WarehouseError(_told(name, f"can't be loaded ({first})")) from None


def _told(name: str, problem: str) -> str:
    return (
        f"the lake needs {name}, which {problem} (DuckDB {duckdb.__version__}): "
        'pip install "channels-assets[lake]" brings the versions that are tested, or take '
        "`catalogue_env` out of [warehouse] in channels.toml"
    )


def _packaged(name: str) -> Path | None:
    """The package's file for exactly this DuckDB: no other could be loaded."""
    package = find_spec(f"duckdb_extension_{name}")
    if package is None or package.origin is None:
        return None
    file = Path(package.origin).parent.joinpath(
        "extensions", f"v{duckdb.__version__}", f"{name}.duckdb_extension"
    )
    return file if file.is_file() else None


def quoted(text: str) -> str:
    """A text as SQL writes it, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"
