"""`refresh` where warehouse.duckdb has gone or the published file is not alone: no history is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from channels_assets.sandbox import World, pass_day
from channels_assets_tests.helpers.project import Project

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
    assert os.path.exists(project.data / "channels.duckdb.wal.set-aside-1")


def test_doctor_says_the_same_for_the_sandbox_and_changes_nothing(tmp_path: Path) -> None:
    project = object.__new__(Project)
    project.folder, project.data = tmp_path, tmp_path / "data"
    project.environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "en_US.UTF-8"}
    assert project.refresh().code == 0
    files = [project.data / "warehouse.duckdb", project.data / "channels.duckdb"]
    for harmed, words in ((files[:1], "restores it from channels.duckdb"), (files, "backup")):
        for path in harmed:
            path.write_bytes(b"this is no database")
        before = {path: path.read_bytes() for path in files}
        done = project.command("doctor")
        assert words in " ".join(done.out.split()), done.out + done.err
        assert "Dagster" in done.out
        assert done.err == ""
        assert {path: path.read_bytes() for path in files} == before
    assert "is damaged" in project.command("notebook").err
    assert "Traceback" not in project.command("export-links").err


def test_a_first_refresh_that_fails_does_not_bar_the_way_back_to_the_sandbox(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(World.generate(seed=6, windows=1, products=4, articles=1))
    own = project.environment["CHANNELS_CONFIG"]
    del project.environment["CHANNELS_CONFIG"]
    (project.folder / "channels.toml").rename(own + ".kept")
    assert project.refresh().code == 0
    project.environment["CHANNELS_CONFIG"] = own + ".kept"
    for name in project.environment:
        if name.startswith("SECRET_"):
            project.environment[name] = "0" * 32
    assert project.refresh().code == 1
    del project.environment["CHANNELS_CONFIG"]
    assert project.refresh().code == 0
