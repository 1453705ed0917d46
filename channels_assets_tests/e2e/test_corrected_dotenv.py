"""A corrected .env is seen by the next run of a `dev` that is running; what the shell has set wins."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from channels_assets.environment import load_environment, reload_environment
from channels_assets.sandbox import World
from channels_assets_tests.e2e.test_dagster_dev import BACKFILL, RUNS
from channels_assets_tests.helpers.project import DagsterDev, Project


def test_the_next_run_of_dev_has_the_corrected_secret(
    make_project: Callable[..., Project],
) -> None:
    world = World.generate(seed=59, windows=3, products=9, shops=0)
    project = make_project(world)
    project.write(league=False)
    good, wrong, missing = world.windows
    secrets = {name: project.environment.pop(f"SECRET_{name}") for name in (wrong, missing)}
    dotenv = project.folder / ".env"
    dotenv.write_text(f"SECRET_{wrong}=mistyped\n")

    with DagsterDev(project) as dagster:

        def ended() -> list[str]:
            runs = dagster.query(RUNS)["runsOrError"]["results"]
            return [run["status"] for run in runs if run["status"] in ("SUCCESS", "FAILURE")]

        # The sensor finds the new lists.
        dagster.wait_for(lambda: ended() == ["FAILURE"], "the end of the first run")
        assert project.rows('SELECT "partition" FROM loads') == [(good,)]
        dotenv.write_text("".join(f"SECRET_{name}={value}\n" for name, value in secrets.items()))
        launched = dagster.query(BACKFILL, keys=[wrong, missing])["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        dagster.wait_for(lambda: len(ended()) == 2, "the end of the second run")
        assert sorted(ended()) == ["FAILURE", "SUCCESS"], dagster.log()
    loaded = project.rows('SELECT DISTINCT "partition" FROM loads ORDER BY 1')
    assert loaded == [(name,) for name in sorted(world.windows)]


@pytest.mark.parametrize("later", ["A=corrected\nB=file\nC=file\n", b"\xff\xfe", None])
def test_what_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: str | bytes | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("B", "shell")
    for name in ("A", "C", "OTHER", "CHANNELS_FROM_DOTENV"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    dotenv = tmp_path / ".env"
    dotenv.write_text("A=file\nB=file\nOTHER=file\n")
    load_environment()
    assert environment("A", "B", "C", "OTHER") == ["file", "shell", None, "file"]

    if later is None:
        dotenv.unlink()
    elif isinstance(later, bytes):
        dotenv.write_bytes(later)
    else:
        dotenv.write_text(later + "OTHER=changed\n")
    reload_environment({"A", "B", "C"})

    corrected = isinstance(later, str)
    assert environment("A", "B", "C", "OTHER") == [
        "corrected" if corrected else "file",
        "shell",
        "file" if corrected else None,
        "file",
    ]


def environment(*names: str) -> list[str | None]:
    return [os.environ.get(name) for name in names]
