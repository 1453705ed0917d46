"""Lists are pulled while Dagster is busy with an earlier run, and by nobody twice."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from unittest.mock import patch

import pytest

from channels_assets.defs.ahead import Ahead
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.defs.windows import begin_windows, window_task
from channels_assets.extract.lanes import Lanes
from channels_assets.extract.pull import Staging
from channels_assets.sandbox import Fault, World
from channels_assets_tests.support import Project
from channels_assets_tests.test_refresh import (
    ARTICLE_PATH,
    WINDOW_PATH,
    expected_windows,
    stored_windows,
)

Make = Callable[..., Project]


def test_windows_are_pulled_while_lists_are_found(make_project: Make) -> None:
    world = World.generate(seed=31, windows=3, products=500, shops=2)
    project = make_project(world, latency=0.05)
    done = project.refresh()
    assert done.code == 0
    assert stored_windows(project) == expected_windows(world)
    paths = [call.path for call in project.sandbox.calls]
    last_found = max(
        n for n, path in enumerate(paths) if "promoter/get" in path and "article" not in path
    )
    assert paths.index(WINDOW_PATH) < last_found
    assert paths.count(WINDOW_PATH) == done.assets["window_products"]["api_calls"]
    told = (
        "SELECT asset, sum(api_calls), sum(resumed_pages) FROM loads WHERE asset = ? GROUP BY ALL"
    )
    for asset, path in (("window_products", WINDOW_PATH), ("shop_articles", ARTICLE_PATH)):
        assert project.rows(told, [asset]) == [(asset, paths.count(path), 0)]
    # The instance tells when the windows' run was over; the sandbox, when article lists were asked for.
    with project.instance() as instance:
        [run] = [
            run
            for run in instance.get_run_records()
            if run.dagster_run.job_name == "refresh_windows"
        ]
    [asked, *_] = [call.at for call in project.sandbox.calls if call.path == ARTICLE_PATH]
    assert run.end_time is not None
    assert asked < run.end_time


def test_what_fails_ahead_fails_in_its_own_run_and_is_retried(make_project: Make) -> None:
    world = World.generate(seed=32, windows=2, products=50, shops=1)
    project = make_project(world)
    project.settings = ["backoff_seconds = 0.01", "tries = 1"]
    project.write()
    bad = next(iter(world.windows))
    project.sandbox.inject(Fault("system_busy", path=WINDOW_PATH, appid=bad))
    done = project.refresh()
    assert done.code == 1
    [failed] = done.assets["window_products"]["failed"]
    assert (failed["partition"], failed["class"]) == (bad, "Transient")
    assert done.assets["window_products"]["succeeded"] == 1
    assert not done.assets["shop_articles"]["failed"]


def test_discovery_that_is_stopped_stops_them_too_and_keeps_their_pages(make_project: Make) -> None:
    world = World.generate(seed=33, windows=1, products=6000, shops=1)
    project = make_project(world, latency=0.1)
    # One call at a time: what was found goes before, so this window has hardly begun.
    project.settings = ["max_in_flight = 1"]
    project.write()
    process = project.start("refresh", "--json")
    while len(project.sandbox.calls_to(WINDOW_PATH)) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert len(project.sandbox.calls_to(WINDOW_PATH)) < 20
    done = project.refresh()
    assert done.code == 0
    assert stored_windows(project) == expected_windows(world)
    [(resumed,)] = project.rows("SELECT resumed_pages FROM loads WHERE asset = 'window_products'")
    assert resumed >= 1


@pytest.fixture
def project(make_project: Make) -> Project:
    return make_project(World.generate(seed=34, windows=2, products=50, shops=1), latency=0.2)


def begun(project: Project) -> Ahead:
    ahead = Ahead()
    with patch.dict(os.environ, project.environment):
        begin_windows(ahead, WarehouseResource())
    return ahead


def test_only_the_same_lists_are_taken_over_and_once(project: Project) -> None:
    with patch.dict(os.environ, project.environment):
        wechat = WeChatResource()
        tasks = {one.key: window_task(wechat, one) for one in wechat.settings.window}
        with closing(begun(project)) as ahead:
            assert ahead.take("shop_articles", tasks) is None
            pulling = ahead.take("window_products", tasks)
            assert pulling is not None
            assert ahead.take("window_products", tasks) is None
            outcomes = [one for batch in pulling.batches(threading.Event()) for one in batch]
            assert {one.key for one in outcomes} == set(tasks)
            assert not any(isinstance(one.result, Exception) for one in outcomes)
        with closing(begun(project)) as ahead:
            assert ahead.take("window_products", dict(list(tasks.items())[:1])) is None
            calls = len(project.sandbox.calls)
            time.sleep(0.5)
            assert len(project.sandbox.calls) == calls


@pytest.mark.parametrize("why", ["the agency's account", "limits of many machines"])
def test_an_account_whose_every_call_must_be_known_is_left_to_its_run(
    project: Project, why: str
) -> None:
    if why == "limits of many machines":
        project.settings.append('limits_env = "CHANNELS_LIMITS"')
        project.write()
    else:
        project.world.league.appid = next(iter(project.world.windows))
        project.write()
    with closing(begun(project)):
        time.sleep(0.5)
        assert project.sandbox.calls == []


def test_article_lists_without_an_agency_fail_in_their_own_run(make_project: Make) -> None:
    project = make_project(World.generate(seed=35, windows=1, products=50, shops=1))
    assert project.refresh().code == 0
    project.write(league=False)
    done = project.refresh("--asset", "window_products", "--asset", "shop_articles")
    assert done.code == 1
    assert "There is no [league]" in done.assets["shop_articles"]["failed"][0]["error"]
    assert not done.assets["window_products"]["failed"]


def test_lists_that_nobody_reads_are_not_pulled_without_end(make_project: Make) -> None:
    """Each of them is an open file, of which a process may often have 256."""
    project = make_project(World.generate(seed=36, windows=150, products=1, shops=1))
    project.settings.append("max_in_flight = 8")
    project.write()
    with patch.dict(os.environ, project.environment), closing(begun(project)) as ahead:
        before = -1
        while len(project.sandbox.calls) != before:
            before = len(project.sandbox.calls)
            time.sleep(0.5)
        assert 64 <= len(list((project.data / "staging").glob("*.pages"))) <= 64 + 8
        wechat = WeChatResource()
        tasks = {one.key: window_task(wechat, one) for one in wechat.settings.window}
        pulling = ahead.take("window_products", tasks)
        assert pulling is not None
        batches = list(pulling.batches(threading.Event()))
        assert sum(len(batch) for batch in batches) == 150


def test_ctrl_c_while_it_begins_or_ends_leaves_nothing_behind(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = Ahead()
    walk = Lanes.walk

    def interrupted(lanes: Lanes, account: str, job: Callable[[], object]) -> object:
        walk(lanes, account, job)
        raise KeyboardInterrupt

    with patch.dict(os.environ, project.environment):
        monkeypatch.setattr(Lanes, "walk", interrupted)
        with pytest.raises(KeyboardInterrupt):
            begin_windows(ahead, WarehouseResource())
        monkeypatch.setattr(Lanes, "walk", walk)
        ahead.begin("another", {}, Staging(project.data / "staging"), 1)
        [first, second] = ahead._begun.values()
        monkeypatch.setattr(second, "close", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ahead.close()
    calls = len(project.sandbox.calls)
    time.sleep(0.5)
    assert len(project.sandbox.calls) == calls
    assert first._stop.is_set()
