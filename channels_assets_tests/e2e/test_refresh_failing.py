"""What fails, is refused or is stopped in `channels-assets refresh`, and what stays then."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType

import pytest
from dagster import AssetKey, DagsterEventType

from channels_assets.defs.partitions import WINDOWS
from channels_assets.sandbox import Fault, World
from channels_assets_tests.e2e.test_refresh import (
    ARTICLE_PATH,
    WINDOW_PATH,
    article_lists,
    expected_articles,
    expected_windows,
    stored_articles,
    stored_windows,
)
from channels_assets_tests.helpers.project import Project

Make = Callable[..., Project]
Handler = Callable[[int, FrameType | None], object] | signal.Handlers


def test_article_lists_without_an_agency_fail_and_windows_do_not(make_project: Make) -> None:
    project = make_project(World.generate(seed=35, windows=1, products=50, shops=1))
    assert project.refresh().code == 0
    project.write(league=False)
    done = project.refresh("--asset", "window_products", "--asset", "shop_articles")
    assert done.code == 1
    assert "There is no [league]" in done.assets["shop_articles"]["failed"][0]["error"]
    assert not done.assets["window_products"]["failed"]


def test_200_partitions_of_which_3_fail(make_project: Make) -> None:
    world = World.generate(seed=13, windows=200, products=3, shops=0)
    project = make_project(world)
    project.write(league=False)
    bad = list(world.windows)[50:150:40]
    for appid in bad:
        project.sandbox.inject(Fault("window_banned", appid=appid))

    done = project.refresh()

    assert done.code == 1
    windows = done.assets["window_products"]
    assert (windows["partitions"], windows["succeeded"]) == (200, 197)
    assert [item["partition"] for item in windows["failed"]] == bad
    assert {item["class"] for item in windows["failed"]} == {"PermissionDenied"}
    assert all(
        "10022002" in item["error"] and "带货权限" in item["error"] for item in windows["failed"]
    )
    with project.instance() as instance:
        key = AssetKey("window_products")
        recorded = instance.get_materialized_partitions(key)
        assert recorded == set(world.windows) - set(bad)
        status = instance.get_status_by_partition(key, list(world.windows), WINDOWS)
        assert status is not None
        failed = {name for name, item in status.items() if item and item.value == "FAILED"}
        assert failed == set(bad)

    project.sandbox.clear_faults()
    project.sandbox.reset_calls()
    again = project.refresh(*(word for appid in bad for word in ("--partition", appid)))
    assert again.code == 0
    assert {call.appid for call in project.sandbox.calls_to(WINDOW_PATH)} == set(bad)
    assert stored_windows(project) == expected_windows(world)


def test_a_failed_list_keeps_its_rows(make_project: Make) -> None:
    world = World.generate(seed=14, products=250, shops=1)
    project = make_project(world)
    assert project.refresh().code == 0
    before = stored_windows(project), stored_articles(project)
    for window in world.windows.values():
        window.products.clear()
    project.sandbox.inject(Fault("wrong_account", path=WINDOW_PATH))
    project.sandbox.inject(Fault("sharer_unbound"))

    done = project.refresh()

    assert done.code == 1
    assert (stored_windows(project), stored_articles(project)) == before
    assert {item["class"] for item in done.assets["shop_articles"]["failed"]} == {
        "PermissionDenied"
    }
    assert done.assets["article_products"]["failed"]


def test_one_bad_answer_does_not_empty_the_warehouse(make_project: Make) -> None:
    world = World.generate(seed=15, shops=4)
    project = make_project(world)
    assert project.refresh().code == 0
    before = stored_articles(project)
    kept = world.league.shops[:]
    del world.league.shops[1:]

    done = project.command("refresh")

    assert "would vanish at once, so none was removed" in done.out
    assert stored_articles(project) == before
    world.league.shops[:] = kept
    assert project.refresh().code == 0
    assert stored_articles(project) == before


def test_a_retry_by_dagster_pulls_only_what_is_missing(make_project: Make) -> None:
    world = World.generate(seed=16, windows=4, products=250, shops=0)
    project = make_project(world)
    project.settings.append("tries = 1")
    project.write(league=False)
    largest = max(world.windows, key=lambda appid: len(world.products_for(appid)))
    project.sandbox.inject(Fault("http_502", path=WINDOW_PATH, appid=largest, after=1, times=1))

    done = project.refresh()

    assert done.code == 0
    assert stored_windows(project) == expected_windows(world)
    calls = Counter(call.appid for call in project.sandbox.calls_to(WINDOW_PATH))
    told = "SELECT resumed_pages, resumed_calls, api_calls FROM loads WHERE partition = ?"
    assert project.rows(told, [largest]) == [(1, 2, calls[largest] - 2)]
    assert done.assets["window_products"]["api_calls"] == sum(calls.values())
    others = [appid for appid in world.windows if appid != largest]
    assert all(calls[appid] <= 2 for appid in others)


def test_a_shop_that_fails_does_not_hide_the_lists_of_the_others(make_project: Make) -> None:
    world = World.generate(seed=22, shops=3)
    project = make_project(world)
    bad = world.league.shops[1]["shop_appid"]
    path = "/channels/ec/promoter/get_bind_shop_promoter_list"
    project.sandbox.inject(
        Fault("unknown_errcode", path=path, where=lambda body: body["shop_appid"] == bad)
    )

    done = project.refresh()

    assert done.code == 1
    assert [item["partition"] for item in done.assets["shop_promoters"]["failed"]] == [bad]
    good = {"/".join(keys) for keys in article_lists(world) if keys[0] != bad}
    assert good
    loaded = project.rows("SELECT partition FROM loads WHERE asset = 'shop_articles'")
    assert {row[0] for row in loaded} == good


def test_products_of_articles_that_were_never_loaded_are_not_derived(make_project: Make) -> None:
    project = make_project(World.generate(seed=23, windows=1, shops=1))
    project.sandbox.inject(Fault("wrong_account", path=ARTICLE_PATH))
    assert project.refresh().code == 1
    done = project.refresh("--asset", "article_products")
    assert done.code == 1
    assert done.assets["article_products"]["succeeded"] == 0
    assert project.rows("SELECT count(*) FROM loads WHERE asset = 'article_products'") == [(0,)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--asset", "shop_articles"),
        ("--asset", "window_products"),
    ],
)
def test_a_command_that_names_nothing_to_do_is_refused(
    make_project: Make, arguments: tuple[str, ...]
) -> None:
    project = make_project(World.generate(seed=24, windows=1, shops=1))
    if "window_products" in arguments:
        project.write(windows=[])
    done = project.refresh(*arguments)
    assert done.code == 2
    assert "no list of" in done.err


@pytest.mark.parametrize(
    ("number", "inherited", "moments"),
    [
        (signal.SIGTERM, signal.default_int_handler, 2),
        pytest.param(signal.SIGINT, signal.default_int_handler, 8, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, signal.default_int_handler, 8, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, signal.SIG_IGN, 2, marks=pytest.mark.slow),
    ],
)
def test_a_refresh_can_be_stopped_at_any_moment(
    make_project: Make, number: signal.Signals, inherited: Handler, moments: int
) -> None:
    """Dagster takes signals between the bodies of two assets, and often goes on, or tries the one that
    they hit again some seconds later. A shell's background jobs inherit that Ctrl-C is ignored."""
    world = World.generate(seed=26, windows=2, products=50, shops=1)
    project = make_project(world, latency=0.25)
    # Only a new interpreter inherits from this process what it ignores.
    project.fresh = inherited is signal.SIG_IGN
    for moment in range(moments):
        project.sandbox.reset_calls()
        before = signal.signal(signal.SIGINT, inherited)
        process = project.start("refresh", "--json")
        signal.signal(signal.SIGINT, before)
        while not project.sandbox.calls:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(moment * 0.25)
        process.send_signal(number)
        out, err = process.communicate(timeout=100)
        project.wait_for_connections_to_end()
        assert (process.returncode, out) == (130, ""), err
        assert "the next refresh goes on from here" in err
    with project.instance() as instance:
        for run in instance.get_runs():
            assert not instance.all_logs(run.run_id, DagsterEventType.STEP_UP_FOR_RETRY)

    assert project.refresh().code == 0
    assert stored_windows(project) == expected_windows(world)
    assert stored_articles(project) == expected_articles(world)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_refresh_that_is_stopped_ends_soon_and_goes_on_later(
    make_project: Make, number: signal.Signals
) -> None:
    world = World.generate(seed=25, windows=2, products=900, shops=0)
    project = make_project(world, latency=0.2)
    project.settings = ["backoff_seconds = 60"]
    project.write(league=False)
    largest = max(world.windows, key=lambda appid: len(world.products_for(appid)))
    project.sandbox.inject(Fault("system_busy", path=WINDOW_PATH, appid=largest, after=2))
    process = project.start("refresh", "--json")
    while len(project.sandbox.calls_to(WINDOW_PATH)) < 3:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=100)
    project.wait_for_connections_to_end()
    assert process.returncode == 130
    assert "the next refresh goes on from here" in err
    with project.instance() as instance:
        assert {run.is_finished for run in instance.get_runs()} == {True}

    project.sandbox.clear_faults()
    project.sandbox.reset_calls()
    done = project.refresh()
    assert done.code == 0
    assert stored_windows(project) == expected_windows(world)
    # Pages 2 and 3 are fetched side by side; when page 2 is the one that failed, page 3 goes with it.
    told = "SELECT resumed_pages FROM loads WHERE partition = ?"
    assert project.rows(told, [largest]) in ([(1,)], [(2,)])
