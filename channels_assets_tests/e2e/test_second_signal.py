"""A second Ctrl-C ends a command at once, whatever it waits for; what was read until then is kept."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from channels_assets.cli.dev_guard import processes
from channels_assets.sandbox import Fault, World
from channels_assets_tests.helpers.project import Project

pytestmark = pytest.mark.slow

WINDOW_PATH = "/channels/ec/window/product/list/get"
BOTH = [signal.SIGINT, signal.SIGTERM]

Make = Callable[..., Project]


def until(done: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not done():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def stop_twice(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """The first time it says that it waits, and does; gives what it said."""
    assert process.stderr is not None
    process.send_signal(number)
    said = process.stderr.readline()
    assert "it waits for what is under way. Ctrl-C again" in said
    process.send_signal(number)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    return rest


@pytest.mark.parametrize("number", BOTH)
def test_a_call_without_an_answer(make_project: Make, number: signal.Signals) -> None:
    world = World.generate(seed=33, windows=1, products=2000, shops=0)
    project = make_project(world)
    project.write(league=False)
    # Until the client leaves.
    project.sandbox.inject(Fault("hang", path=WINDOW_PATH, after=7))
    process = project.start("refresh", "--json")
    until(lambda: len(project.sandbox.calls_to(WINDOW_PATH)) >= 8, process)

    (line,) = stop_twice(process, number).splitlines()

    assert line == "channels-assets: ended at once; the next refresh goes on from what was kept."
    project.wait_for_connections_to_end()
    project.sandbox.clear_faults()
    project.sandbox.reset_calls()
    done = project.refresh()
    assert (done.code, done.err) == (0, "")
    [(pages, resumed)] = project.rows("SELECT pages, resumed_pages FROM loads")
    assert resumed >= 1
    assert len(project.sandbox.calls_to(WINDOW_PATH)) == pages - resumed


@pytest.mark.parametrize("command", ["refresh", "doctor"])
def test_a_token_command_that_does_not_end(make_project: Make, command: str) -> None:
    project = make_project(World.generate(seed=34, windows=1, products=9, shops=0))
    (appid,) = project.world.windows
    noted = project.folder / "pid"
    line = json.dumps(
        ["sh", "-c", f"trap '' INT; echo $$ > {noted}.new; mv {noted}.new {noted}; sleep 1000"]
    )
    window = f'[[window]]\nappid = "{appid}"\nauth = "token_command"\ntoken_command = {line}'
    project.write_lines(window)
    process = project.start(command)
    until(noted.exists, process)

    process.send_signal(signal.SIGINT)
    # Where nothing holds it up, the first one has ended it.
    if command == "refresh":
        assert process.stderr is not None
        assert "Ctrl-C again" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 130
    pid = int(noted.read_text())
    deadline = time.monotonic() + 20
    while pid in {item.pid for item in processes()}:
        assert time.monotonic() < deadline, "the token command goes on"
        time.sleep(0.1)


@pytest.mark.parametrize("number", BOTH)
def test_a_lock_that_another_process_holds(make_project: Make, number: signal.Signals) -> None:
    project = make_project(World.generate(seed=35, windows=1, products=9, shops=0))
    project.write(league=False)
    assert project.refresh().code == 0
    with (project.data / "warehouse.lock").open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = project.start("refresh")
        until(lambda: _waits_for_a_lock(process.pid), process)
        process.send_signal(number)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            process.communicate(timeout=60)
        assert process.returncode == 130
    assert project.refresh().code == 0


def _waits_for_a_lock(pid: int) -> bool:
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f" {pid} " in line for line in lines)


def test_what_make_passes_on_is_not_a_second_one(make_project: Make) -> None:
    """make sends its child the SIGTERM that the whole group has got already."""
    project = make_project(World.generate(seed=36, windows=1, products=2000, shops=0), latency=1.0)
    project.write(league=False)
    process = project.start("refresh")
    until(lambda: len(project.sandbox.calls_to(WINDOW_PATH)) > 0, process)
    # Both at the same moment, however slow the machine is.
    process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the next refresh goes on from here" in err
