"""DuckDB's extensions for the lake, from the packages that `pip install channels-assets[lake]` brings."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import duckdb

from channels_assets.warehouse.connection import first_line, quoted
from channels_assets.warehouse.errors import WarehouseError

LAKE_EXTENSIONS = ("ducklake", "postgres_scanner")


def require_psycopg() -> None:
    """Raises WarehouseError when it is not installed."""
    if find_spec("psycopg") is None:
        raise WarehouseError(_message("psycopg", "is not installed"))


def load_extensions(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """Raises WarehouseError, which says what to install."""
    for name in names:
        path = _packaged(name)
        try:
            # Without the package: what the user installed with DuckDB's own INSTALL.
            con.execute(f"LOAD {quoted(str(path)) if path else name}")
        except duckdb.Error as error:
            others = [version for version in _versions(name) if version != duckdb.__version__]
            cause = f"can't be loaded ({first_line(error)})"
            if others and not path:
                cause = f"is here for DuckDB {', '.join(others)} alone"
            raise WarehouseError(_message(name, cause)) from None


def _message(name: str, cause: str) -> str:
    return (
        f"the lake needs {name}, which {cause}, and this is DuckDB {duckdb.__version__}: "
        'pip install "channels-assets[lake]" brings the versions that are tested, or take '
        "`catalogue_env` out of [warehouse] in channels.toml"
    )


def _packaged(name: str) -> Path | None:
    """The package's file for exactly this version of DuckDB, which loads no other."""
    return _versions(name).get(duckdb.__version__)


def _versions(name: str) -> dict[str, Path]:
    """The package's files, by the version of DuckDB that each is for."""
    package = find_spec(f"duckdb_extension_{name}")
    if package is None or package.origin is None:
        return {}
    files = Path(package.origin).parent.glob(f"extensions/v*/{name}.duckdb_extension")
    return {file.parent.name.removeprefix("v"): file for file in files}
