"""The command's process: its end is quick, and nothing of it is lost."""

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

from channels_assets.sandbox import World
from channels_assets_tests.support import Project

_RUN = """
import atexit, sys, threading, time
from channels_assets.cli.process import run
print("begun")
atexit.register(print, "atexit")
def later():
    time.sleep(0.3)
    print("thread")
def command():
    {body}
run(command)
"""


@pytest.mark.parametrize(
    ("body", "code", "out"),
    [
        ("sys.exit(0)", 0, "begun atexit"),
        ("sys.exit(130)", 130, "begun atexit"),
        ("pass", 0, "begun atexit"),
        ("sys.exit('no')", 1, "begun atexit"),
        ("1 / 0", 1, "begun atexit"),
        ("threading.Thread(target=later).start(); sys.exit(2)", 2, "begun thread atexit"),
    ],
)
def test_exit_codes_and_what_was_printed_survive_the_end(body: str, code: int, out: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _RUN.format(body=body)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, " ".join(done.stdout.split())) == (code, out)
    assert ("ZeroDivisionError" in done.stderr) == (body == "1 / 0")
    assert ("no\n" in done.stderr) == ("'no'" in body)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stdout_or_stderr_is_no_failure(closed: str) -> None:
    command = f'"{sys.executable}" -m channels_assets.cli --version {closed}'
    assert subprocess.run(["sh", "-c", command], capture_output=True, check=False).returncode == 0


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
