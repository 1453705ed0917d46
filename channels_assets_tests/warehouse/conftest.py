import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from channels_assets.warehouse import Store
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
