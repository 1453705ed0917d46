"""A command that is forked does what one in a new interpreter does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from channels_assets.sandbox import Fault, World
from channels_assets_tests.helpers.fork_server import ForkedProcess, forkable, start_python
from channels_assets_tests.helpers.project import Project

LISTS = "SELECT * EXCLUDE (fetched_at, load_id) FROM window_products ORDER BY ALL"
LOADS = 'SELECT asset, "partition", rows, pages, api_calls, end_reason FROM loads ORDER BY ALL'
# What a process has, apart from its own numbers.
STATE = """
import json, logging, os, signal, sys, threading
print(json.dumps({
    "arguments": sys.argv, "environment": dict(os.environ), "folder": os.getcwd(),
    "descriptors": sorted(os.listdir("/proc/self/fd"))[:-1], "path": sys.path[1:],
    "threads": len(os.listdir("/proc/self/task")), "loggers": len(logging.getLogger().handlers),
    "handlers": [str(signal.getsignal(number)) for number in signal.valid_signals()],
    "streams": [[s.encoding, s.errors, s.line_buffering] for s in (sys.stdin, sys.stdout, sys.stderr)],
    "input": sys.stdin.read(),
}))
sys.exit(7)
"""


def started(project: Project, fresh: bool, code: str, **options: object) -> subprocess.Popen[str]:
    piped = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return start_python(
        ["-c", code, "a word"],
        project.environment,
        fresh=fresh,
        cwd=project.folder,
        **{**piped, **options},
    )


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    return make_project(World.generate(seed=51, windows=2, products=9, shops=1, articles=3))


def test_both_ways_give_the_same_output_exit_codes_and_rows(
    make_project: Callable[..., Project],
) -> None:
    world = World.generate(seed=52, windows=2, products=9, shops=1, articles=3)
    found = []
    for fresh in (True, False):
        project = make_project(world)
        project.fresh = fresh
        project.environment["LC_ALL"] = "zh_CN.UTF-8"
        project.data = project.folder / ("fresh" if fresh else "forked")
        project.environment["CHANNELS_DATA"] = str(project.data)
        project.environment["DAGSTER_HOME"] = str(project.data / "dagster_home")
        bad = next(iter(world.windows))
        project.sandbox.inject(Fault("window_banned", appid=bad))
        commands = [
            ("refresh", "--json"),
            ("refresh", "--partition", "unknown"),
            ("doctor", "--json"),
            ("--version",),
        ]
        told = [project.command(*command) for command in commands]
        # Seconds, ports, ids of requests, free space, and the folder's name.
        varying = re.compile(r"rid [^],]+|[0-9][0-9a-f,.-]*|fresh|forked")
        found.append(
            (
                [
                    (finding.code, varying.sub("", finding.out), varying.sub("", finding.err))
                    for finding in told
                ],
                project.rows(LISTS),
                project.rows(LOADS),
            )
        )
        assert [finding.code for finding in told] == [1, 2, 1, 0]
    assert found[0] == found[1]


def test_a_fork_has_the_state_of_a_new_process(project: Project) -> None:
    states = []
    for fresh in (True, False):
        process = started(project, fresh, STATE)
        out, err = process.communicate("some input", timeout=60)
        assert (process.returncode, err) == (7, "")
        states.append(json.loads(out))
        assert isinstance(process, ForkedProcess) is not fresh
    assert states[0] == states[1]


def test_signals_waiting_and_sessions_are_those_of_any_process(project: Project) -> None:
    sleeper = "import time; print('up', flush=True); time.sleep(600)"
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = started(project, False, sleeper, start_new_session=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        assert process.poll() is None
        assert os.getsid(process.pid) == process.pid
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == process.poll() == -number
        assert not Path(f"/proc/{process.pid}").exists()


def test_one_output_for_both_streams(project: Project) -> None:
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    process = started(project, False, code, stderr=subprocess.STDOUT)
    assert process.communicate(timeout=60) == ("out\nerr\n", None)


@pytest.mark.parametrize("name", ["PYTHONPATH", "DAGSTER_EVENT_BATCH_SIZE", "LC_ALL", "TZ"])
def test_what_is_read_at_the_start_needs_a_new_interpreter(project: Project, name: str) -> None:
    assert forkable(project.environment) == (sys.platform == "linux")
    assert not forkable({**project.environment, name: "C"})
    assert forkable({**project.environment, "LC_ALL": "zh_CN.UTF-8"}) == (sys.platform == "linux")
