"""SIGINT or SIGTERM at any moment ends a command with one line and exit code 130."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from channels_assets.cli.first_signal import STOPPED
from channels_assets.sandbox import World
from channels_assets_tests.helpers.project import Project

Make = Callable[..., Project]
BOTH = [signal.SIGINT, signal.SIGTERM]
LINE = f"channels-assets: {STOPPED}"

MOMENTS: dict[str, Callable[[Project], bool]] = {
    "the data folder is made": lambda project: project.data.exists(),
    "the Dagster instance is made": lambda project: (project.data / "dagster_home").exists(),
    "the warehouse is made": lambda project: (project.data / "warehouse.duckdb").exists(),
    "the first call": lambda project: len(project.sandbox.calls) >= 1,
    "discovery": lambda project: len(project.sandbox.calls) >= 4,
    "windows": lambda project: any("window" in call.path for call in project.sandbox.calls),
    "published": lambda project: (project.data / "channels.duckdb").exists(),
}


def end_of(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """The exit code, and what was said on stderr besides imports."""
    assert process.stderr is not None
    said = process.stderr.read()
    code = process.wait(60)
    assert process.stdout is not None
    process.stdout.close()
    process.stderr.close()
    return code, [line for line in said.splitlines() if not line.startswith("import time:")]


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("imports", [1, 20, 100, 300, 600, 900, 1200])
def test_during_the_imports(make_project: Make, imports: int, number: signal.Signals) -> None:
    project = make_project(World.generate(seed=37, windows=1, products=9, shops=0))
    # Python says of each import when it has ended.
    project.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    process = project.start("refresh")
    assert process.stderr is not None
    while not process.stderr.readline().endswith("channels_assets.cli.first_signal\n"):
        assert process.poll() is None
    for _ in range(imports):
        assert "import time:" in process.stderr.readline()
    process.send_signal(number)
    assert end_of(process) == (130, [LINE])
    assert not project.data.exists()


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("moment", MOMENTS)
def test_while_a_refresh_runs(make_project: Make, moment: str, number: signal.Signals) -> None:
    world = World.generate(seed=38, windows=2, products=200, shops=1)
    project = make_project(world, latency=0.1)
    process = project.start("refresh")
    while not MOMENTS[moment](project):
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(number)
    assert end_of(process) == (130, [LINE])
    project.wait_for_connections_to_end()
    assert project.refresh().code == 0


@pytest.mark.parametrize("number", BOTH)
def test_at_the_end(make_project: Make, number: signal.Signals) -> None:
    """It has finished, or it is stopped; there is no third outcome."""
    project = make_project(World.generate(seed=39, windows=1, products=9, shops=0))
    project.write(league=False)
    for moment in range(6):
        process = project.start("refresh", "--json")
        assert process.stdout is not None
        assert process.stdout.readline().startswith("{")
        time.sleep(moment * 0.03)
        process.send_signal(number)
        assert end_of(process) in ((0, []), (130, [LINE]))


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("command", ["refresh", "doctor"])
def test_a_named_pipe_as_settings(make_project: Make, command: str, number: signal.Signals) -> None:
    project = make_project(World.generate(seed=40, windows=1, products=9, shops=0))
    path = project.folder / "channels.toml"
    path.unlink()
    os.mkfifo(path)
    process = project.start(command)
    writer = None
    while writer is None:
        assert process.poll() is None
        # There is no reader yet.
        with suppress(OSError):
            writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    process.send_signal(number)
    assert end_of(process) == (130, [LINE])
    os.close(writer)
