"""One bench per module: a sandbox on a real socket and a real DuckDB file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from channels_assets.warehouse import FileStore
from channels_assets_tests.faults.bench import Bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("faults")
    with FileStore(folder / "data").writing() as con:
        # Lists of seven rows: more threads only get into each other's way.
        con.execute("SET threads = 1")
        bench = Bench(folder / "staging", con)
        with bench.sandbox:
            yield bench
