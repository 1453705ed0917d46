"""Several processes share the token of one account: no storm of token calls, nobody's token taken away."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from channels_assets.sandbox import Call, Fault, World
from channels_assets_tests.helpers.fork_server import start_python
from channels_assets_tests.helpers.project import Project

pytestmark = pytest.mark.slow

PRODUCTS = "/channels/ec/window/product/list/get"
STABLE = "/cgi-bin/stable_token"
PROCESSES = 8

# Reads a page each time it is told to, as every run of Dagster reads it.
READER = """
import sys
from channels_assets.defs.resources import WeChatResource
from channels_assets.wechat.client import Calls
from channels_assets.wechat.paging import fetch_page
from channels_assets.wechat.window import window_products

wechat = WeChatResource()
print("ready", flush=True)
for _ in sys.stdin:
    client = wechat.client(wechat.settings.window[0])
    print(len(fetch_page(client, window_products(), "", Calls()).items), flush=True)
"""


class Crowd:
    """Processes that read a page at the same moment."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def said(self) -> list[str]:
        return [process.stdout.readline().strip() for process in self._processes if process.stdout]

    def read(self) -> list[str]:
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        return self.said()


@contextmanager
def crowd_of(project: Project) -> Iterator[Crowd]:
    processes = [
        start_python(
            ["-c", READER],
            project.environment,
            cwd=project.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    try:
        crowd = Crowd(processes)
        assert crowd.said() == ["ready"] * PROCESSES
        yield crowd
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    # Slow enough for all to ask before the first one is answered.
    project = make_project(World.generate(seed=81, windows=1, products=9), latency=0.05)
    project.write(league=False)
    return project


def told(project: Project) -> tuple[int, int, list[int]]:
    """Token calls, how many of them were forced, and the errcodes of the list's calls."""
    calls: list[Call] = project.sandbox.calls_to(STABLE)
    forced = [call for call in calls if call.body and call.body["force_refresh"]]
    codes = [call.errcode for call in project.sandbox.calls_to(PRODUCTS)]
    project.sandbox.reset_calls()
    return len(calls), len(forced), codes


def test_processes_that_start_together_spend_a_call_each_and_never_meet_40001(
    project: Project,
) -> None:
    for _ in range(2):
        with crowd_of(project) as crowd:
            assert crowd.read() == ["9"] * PROCESSES
            assert told(project) == (PROCESSES, 0, [0] * PROCESSES)
            # It is theirs to use on.
            assert crowd.read() == ["9"] * PROCESSES
            assert told(project) == (0, 0, [0] * PROCESSES)
        # Those that start after it was revoked do not notice.
        project.sandbox.revoke_tokens()


def test_a_token_that_is_revoked_under_their_hands_is_not_forced(project: Project) -> None:
    with crowd_of(project) as crowd:
        crowd.read()
        told(project)
        project.sandbox.revoke_tokens()
        assert crowd.read() == ["9"] * PROCESSES
        calls, forced, codes = told(project)
        assert calls <= PROCESSES
        assert forced == 0
        # Each had it in hand, and learns it once.
        assert sorted(codes) == [0] * PROCESSES + [40001] * PROCESSES
        assert crowd.read() == ["9"] * PROCESSES
        assert told(project) == (0, 0, [0] * PROCESSES)


def test_a_token_that_must_be_forced_is_forced_by_one_for_all(project: Project) -> None:
    with crowd_of(project) as crowd:
        crowd.read()
        told(project)
        # WeChat refuses the token that it still hands out.
        project.sandbox.inject(Fault("token_replaced", path=PRODUCTS, times=PROCESSES))
        assert crowd.read() == ["9"] * PROCESSES
        calls, forced, _ = told(project)
        assert forced == 1
        assert calls <= 2 * PROCESSES
        assert crowd.read() == ["9"] * PROCESSES
        assert told(project)[2] == [0] * PROCESSES


def test_eight_refreshes_at_once(project: Project) -> None:
    running = [project.start("refresh", "--asset", "window_products") for _ in range(PROCESSES)]
    ended = [(process.communicate(timeout=200), process.returncode) for process in running]
    assert [code for _, code in ended] == [0] * PROCESSES, ended
    calls, forced, codes = told(project)
    assert calls <= PROCESSES
    assert forced == 0
    assert set(codes) == {0}


def test_the_runs_of_one_refresh_share_the_token_of_each_account(
    make_project: Callable[..., Project],
) -> None:
    world = World.generate(seed=82, windows=2, shops=2, products=9, articles=5)
    project = make_project(world)
    assert project.refresh().code == 0
    asked = [call.appid for call in project.sandbox.calls_to(STABLE)]
    assert sorted(asked) == sorted([*world.windows, world.league.appid])
