import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from channels_assets.warehouse import FileStore, Store
from channels_assets_tests.warehouse.damage import put
from channels_assets_tests.warehouse.opening import ON_LAKE, SERVER, opened


@pytest.fixture(scope="session", autouse=True)
def server() -> Iterator[None]:
    if not ON_LAKE:
        yield
        return
    from channels_assets_tests.cluster.services import postgres

    with postgres() as address:
        os.environ[SERVER] = address
        yield


@pytest.fixture
def warehouse(tmp_path: Path) -> Store:
    return opened(tmp_path / "data")


@pytest.fixture
def con(warehouse: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.writing() as connection:
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A published warehouse in files, with a history, as another process left it."""
    store = FileStore(tmp_path / "data")
    put(store, *range(3000))
    put(store, *range(1000, 4000))
    store.publish()
    return store.data_dir
