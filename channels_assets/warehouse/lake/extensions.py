"""DuckDB's extensions for the lake: those that `pip install channels-assets[lake]` brings, by path."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import duckdb

from channels_assets.warehouse.errors import WarehouseError

NEEDED = ("ducklake", "postgres_scanner")


def require_psycopg() -> None:
    """Raises WarehouseError when it is not installed."""
    if find_spec("psycopg") is None:
        raise WarehouseError(_told("psycopg", "is not installed"))


def load_extensions(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """Raises WarehouseError with what to install."""
    for name in names:
        path = _packaged(name)
        try:
            # Without the package: what the user has installed by DuckDB's own INSTALL.
            con.execute(f"LOAD {quoted(str(path)) if path else name}")
        except duckdb.Error as error:
            others = [one for one in _versions(name) if one != duckdb.__version__]
            problem = f"can't be loaded ({str(error).partition(chr(10))[0]})"
            if others and not path:
                problem = f"is here for DuckDB {', '.join(others)} alone"
            raise WarehouseError(_told(name, problem)) from None


def _told(name: str, problem: str) -> str:
    return (
        f"the lake needs {name}, which {problem}, and this is DuckDB {duckdb.__version__}: "
        'pip install "channels-assets[lake]" brings the versions that are tested, or take '
        "`catalogue_env` out of [warehouse] in channels.toml"
    )


def _packaged(name: str) -> Path | None:
    """The package's file for exactly this DuckDB: no other could be loaded."""
    return _versions(name).get(duckdb.__version__)


def _versions(name: str) -> dict[str, Path]:
    """The package's files, by the version of DuckDB that each is for."""
    package = find_spec(f"duckdb_extension_{name}")
    if package is None or package.origin is None:
        return {}
    found = Path(package.origin).parent.glob(f"extensions/v*/{name}.duckdb_extension")
    return {file.parent.name.removeprefix("v"): file for file in found}


def quoted(text: str) -> str:
    """A text as SQL writes it, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"
