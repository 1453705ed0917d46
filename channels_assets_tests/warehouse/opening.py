"""The warehouse that these tests are about: the files, or with LAKE=1 a lake (make test-cluster)."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from channels_assets.warehouse import Lake, Store, open_store

ON_LAKE = os.environ.get("LAKE") == "1"
NUL = "\1" if ON_LAKE else "\0"
"""PostgreSQL, and so the lake's catalogue, can't take it in what names a row."""
SERVER = "LAKE_TESTS_SERVER"
files_only = pytest.mark.skipif(ON_LAKE, reason="about the files")


def opened(folder: Path, publish_every: float = 3.0) -> Store:
    """The folder's warehouse, as every process that asks gets it; a lake has its own catalogue."""
    lake = Lake.of_folder(folder)
    if lake is None and ON_LAKE:
        from channels_assets_tests.cluster.services import new_database

        name = f"lake_{uuid.uuid4().hex}"
        os.environ[name] = new_database(os.environ[SERVER], name)
        lake = Lake(name, str(folder / "lake"))
    return open_store(folder, publish_every, lake)
