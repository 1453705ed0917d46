"""The command's process: what it prints, where, and which logs it keeps."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import resources
from pathlib import Path

import pytest
from dagster import DagsterInstance

from channels_assets.sandbox import Fault, World
from channels_assets_tests.helpers.project import Project


def test_nothing_is_said_on_stderr_at_the_end() -> None:
    """DuckDB's binding lists there what is left of it, which `gc.freeze` would bring about."""
    command = [sys.executable, "-m", "channels_assets.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stdout_or_stderr_is_no_failure(closed: str) -> None:
    command = f'"{sys.executable}" -m channels_assets.cli --version {closed}'
    assert subprocess.run(["sh", "-c", command], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    "changed", [{"LC_ALL": "C"}, {"LANG": "C"}, {"LC_ALL": "POSIX", "HOME": None}, {"HOME": None}]
)
def test_without_a_locale_or_a_home(
    make_project: Callable[..., Project], changed: dict[str, str | None]
) -> None:
    project = make_project(World.generate(seed=32, windows=1, products=9, shops=1))
    (appid,) = project.world.windows
    project.sandbox.inject(Fault("window_banned", appid=appid))
    for name, value in changed.items():
        if value is None:
            del project.environment[name]
        else:
            project.environment[name] = value
    done = project.command("refresh")
    assert (done.code, done.err) == (1, "")
    assert "带货权限" in done.out
    assert project.rows("SELECT count(*) FROM shop_articles")[0][0]


def test_progress_goes_straight_to_the_terminal(make_project: Callable[..., Project]) -> None:
    world = World.generate(seed=31, windows=2, shops=1)
    project = make_project(world, latency=0.1)
    terminal, other_end = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "channels_assets.cli", "refresh"],
        cwd=project.folder,
        env={**project.environment, "TERM": "xterm", "COLUMNS": "120"},
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
    )
    os.close(other_end)
    shown = b""
    # The end of a terminal is an error on Linux.
    with suppress(OSError):
        while piece := os.read(terminal, 65536):
            shown += piece
    os.close(terminal)

    assert child.wait(60) == 0
    bars, _, report = shown.decode().partition("api calls")
    for asset in ("shop_promoters", "window_products", "shop_articles"):
        assert f"{asset:<18}" in bars
        assert asset in report
    assert not list(project.data.glob("dagster_home/storage/*/compute_logs"))


def test_what_runs_print_is_not_kept_unless_the_user_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    shipped = (resources.files("channels_assets") / "dagster.yaml").read_text("utf-8")
    (tmp_path / "dagster.yaml").write_text(shipped, "utf-8")
    with DagsterInstance.get() as instance:
        assert type(instance.compute_log_manager).__name__ == "NoOpComputeLogManager"
