"""`refresh` where warehouse.duckdb has gone or the published file is not alone: no history is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from channels_assets.sandbox import World, pass_day
from channels_assets_tests.support import Project

HISTORY = 'SELECT "window", product_id, valid_from FROM window_products_history ORDER BY ALL'
ROWS = "SELECT product_id FROM window_products ORDER BY ALL"


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """With two refreshes behind it, and a change between them."""
    project = make_project(World.generate(seed=5, windows=2, products=40, articles=2))
    for day in range(2):
        assert project.refresh().code == 0
        pass_day(project.world, day)
    return project


@pytest.mark.parametrize(
    "harm", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["gone", "empty"]
)
def test_a_refresh_goes_on_from_the_published_file(
    project: Project, harm: Callable[[Path], object]
) -> None:
    before = project.rows(HISTORY)
    harm(project.data / "warehouse.duckdb")
    done = project.refresh()
    assert done.code == 0, done.err
    assert [line for line in done.err.splitlines() if "restored from channels.duckdb" in line] != []
    assert done.err.count("restored") == 1
    after = project.rows(HISTORY)
    assert set(before) < set(after)
    # And it is the changes since then that were recorded, not everything once more.
    assert len(after) < 2 * len(before)
    assert "restored" not in project.refresh().err


def test_made_up_rows_never_replace_real_ones(project: Project) -> None:
    before = project.rows(ROWS)
    (project.data / "warehouse.duckdb").unlink()
    (project.folder / "channels.toml").unlink()
    del project.environment["CHANNELS_CONFIG"]
    done = project.refresh()
    assert done.code == 2
    assert "holds real data" in done.err
    assert project.rows(ROWS) == before


def test_somebody_wrote_into_the_published_file(project: Project) -> None:
    script = (
        "import os, sys, duckdb; con = duckdb.connect(sys.argv[1])\n"
        "con.execute('CREATE TABLE mine AS SELECT 1'); os.kill(os.getpid(), 9)\n"
    )
    published = project.data / "channels.duckdb"
    subprocess.run([sys.executable, "-c", script, str(published)], check=False)
    assert (project.data / "channels.duckdb.wal").exists()
    published.chmod(0o640)
    done = project.refresh()
    assert done.code == 0, done.err
    assert "read-only" in done.err
    assert not (project.data / "channels.duckdb.wal").exists()
    assert project.rows(ROWS)
    assert project.command("doctor").code == 0
    assert published.stat().st_mode & 0o777 == 0o640
    assert os.path.exists(project.data / "channels.duckdb.wal.set-aside")
