"""`channels-assets dev` ends as a whole, however it ends, and runs once per instance."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from channels_assets.cli import dev_guard
from channels_assets.sandbox import Fault, World
from channels_assets_tests.helpers.project import DagsterDev, Project, processes_of

# Each of these tests starts six processes that import Dagster.
pytestmark = pytest.mark.slow

WINDOW_PATH = "/channels/ec/window/product/list/get"
# Where the tests themselves run under nohup, what they start would ignore SIGHUP as well.
_HEEDS = "import os, pty, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
PLAIN = _HEEDS + "os.execv(sys.argv[1], sys.argv[1:])"
TERMINAL = _HEEDS + "pty.spawn(sys.argv[1:])"

Make = Callable[..., Project]


@pytest.fixture
def project(make_project: Make) -> Project:
    project = make_project(World.generate(seed=91, windows=1, products=30, shops=0))
    project.write(league=False)
    project.launcher = (sys.executable, "-c", PLAIN)
    return project


def with_a_run_under_way(project: Project, dagster: DagsterDev) -> None:
    """The sensor loads the new list at once; the sandbox holds its answer back."""
    dagster.wait_for(lambda: bool(project.sandbox.calls_to(WINDOW_PATH)), "the call of a run")


def has_ended(project: Project, dagster: DagsterDev) -> bool:
    with socket.socket() as port:
        taken = port.connect_ex(("127.0.0.1", dagster.port)) == 0
    return not taken and not processes_of(project)


# SIGHUP also by a closed terminal, SIGTERM also under nohup: both below.
@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGTERM],
)
def test_no_process_outlives_the_command(project: Project, number: signal.Signals) -> None:
    project.sandbox.inject(Fault("hang", path=WINDOW_PATH))
    with DagsterDev(project) as dagster:
        with_a_run_under_way(project, dagster)
        assert len(processes_of(project)) > 5
        dagster.process.send_signal(number)
        dagster.wait_for(lambda: has_ended(project, dagster), "the end of all processes")
        assert dagster.process.wait(60) == (-number if number == signal.SIGKILL else 0)


def test_a_second_ctrl_c_ends_all_of_it_at_once(project: Project) -> None:
    project.sandbox.inject(Fault("hang", path=WINDOW_PATH))
    with DagsterDev(project) as dagster:
        with_a_run_under_way(project, dagster)
        dagster.process.send_signal(signal.SIGINT)
        dagster.wait_for(lambda: "it waits for what is under way" in dagster.log(), "a word")
        dagster.process.send_signal(signal.SIGINT)
        assert dagster.process.wait(60) == 130
        dagster.wait_for(lambda: has_ended(project, dagster), "the end of all processes")
        assert "ended at once" in dagster.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_end_before_dagster_is_up_leaves_nothing(
    project: Project, number: signal.Signals
) -> None:
    process = project.start("dev", "--port", str(DagsterDev(project).port))
    while not any("dagster dev" in line for line in processes_of(project).values()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=100)
    assert process.returncode == (-number if number == signal.SIGKILL else 0)
    deadline = time.monotonic() + 100
    while left := processes_of(project):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def test_what_is_left_where_the_guard_was_killed_too_is_named(project: Project) -> None:
    with DagsterDev(project) as dagster:
        running = processes_of(project)
        (guard,) = [pid for pid, line in running.items() if "dev_guard.py" in line]
        (left,) = [
            pid for pid, line in running.items() if "-m dagster dev" in line and pid != guard
        ]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in (guard, dagster.process.pid):
                os.kill(pid, number)
        dagster.process.wait(60)
        lock = project.data / "dagster_home" / "channels_assets" / "dev.lock"
        with lock.open() as held, pytest.raises(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert json.loads(lock.read_text())["dagster"] == left
        os.kill(left, signal.SIGINT)
        dagster.wait_for(lambda: has_ended(project, dagster), "the end of all processes")
        dagster.start()


def test_a_closed_terminal_ends_it(project: Project) -> None:
    project.launcher = (sys.executable, "-c", TERMINAL)
    with DagsterDev(project) as dagster:
        dagster.process.kill()
        dagster.wait_for(lambda: has_ended(project, dagster), "the end of all processes")


def test_nohup_keeps_it_without_its_terminal(project: Project) -> None:
    project.launcher = ("nohup",)
    with DagsterDev(project) as dagster:
        dagster.process.send_signal(signal.SIGHUP)
        assert dagster.query("{ version }")["version"]
        assert dagster.process.poll() is None
        dagster.process.send_signal(signal.SIGTERM)
        assert dagster.process.wait(60) == 0


def test_a_killed_guard_leaves_nothing(project: Project) -> None:
    project.sandbox.inject(Fault("hang", path=WINDOW_PATH))
    with DagsterDev(project) as dagster:
        with_a_run_under_way(project, dagster)
        (guard,) = [pid for pid, line in processes_of(project).items() if "dev_guard.py" in line]
        os.kill(guard, signal.SIGKILL)
        dagster.wait_for(lambda: has_ended(project, dagster), "the end of all processes")
        assert dagster.process.wait(60) == 1
        assert "Dagster has ended by itself" in dagster.log()


def test_a_web_server_that_dies_is_no_success(project: Project) -> None:
    with DagsterDev(project) as dagster:
        for pid, line in processes_of(project).items():
            if "dagster_webserver" in line:
                os.kill(pid, signal.SIGKILL)
        assert dagster.process.wait(60) == 1
        assert "Dagster has ended by itself" in dagster.log()
        dagster.wait_for(lambda: has_ended(project, dagster), "the end of all processes")


def test_a_token_command_in_a_session_of_its_own_ends_as_well(project: Project) -> None:
    (appid,) = project.world.windows
    noted = project.folder / "pid"
    command = json.dumps(["sh", "-c", f"echo $$ > {noted}; exec sleep 1000"])
    project.write_lines("[[window]]", f'appid = "{appid}"', 'auth = "token_command"')
    with (project.folder / "channels.toml").open("a") as file:
        file.write(f"token_command = {command}\n")
    with DagsterDev(project) as dagster:
        dagster.wait_for(noted.exists, "the token command")
        dagster.wait_for(lambda: bool(noted.read_text()), "its pid")
        dagster.process.send_signal(signal.SIGKILL)
        dagster.wait_for(lambda: has_ended(project, dagster), "the end of all processes")
        assert int(noted.read_text()) not in {process.pid for process in dev_guard.processes()}


def test_a_taken_port_and_a_second_dev_are_refused_in_one_line(project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = project.command("dev", "--port", str(port))
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert f"Port {port} of 127.0.0.1 is in use" in line
    assert "--port" in line
    # Nothing of that attempt keeps the next from starting.
    with DagsterDev(project) as dagster:
        second = project.command("dev", "--port", str(DagsterDev(project).port))
        assert second.code == 2
        (line,) = second.err.splitlines()
        assert f"process {dagster.process.pid}, {dagster.url}." in line
        assert f"`kill {dagster.process.pid}`" in line


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_start_right_after_the_end_of_the_last_one_waits_for_it(
    project: Project, number: signal.Signals
) -> None:
    with DagsterDev(project) as dagster:
        dagster.process.send_signal(number)
        if number == signal.SIGTERM:
            dagster.wait_for(lambda: "Shutting down" in dagster.log(), "the beginning of the end")
        dagster.start()
        assert dagster.query("{ version }")["version"]


def test_the_lock_file_is_no_way_to_another_file(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("theirs")
    folder = project.data / "dagster_home" / "channels_assets"
    folder.mkdir(parents=True)
    (folder / "dev.lock").symlink_to(other)
    done = project.command("dev")
    assert done.code == 2
    assert "symbolic link" in done.err
    assert other.read_text() == "theirs"


def test_ps_and_proc_tell_the_same(tmp_path: Path) -> None:
    """macOS has ps alone."""
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as child:
        found = [
            (item.parent, item.session)
            for listed in (dev_guard.processes(), dev_guard.processes(tmp_path))
            for item in listed
            if item.pid == child.pid
        ]
        child.kill()
    assert found == [(os.getpid(), child.pid)] * 2
