"""A whole refresh against an API that leaves its list out, or that can't be reached."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

import pytest

from channels_assets.sandbox import Fault, World
from channels_assets_tests.e2e.test_refresh import (
    ARTICLE_PATH,
    WINDOW_PATH,
    expected_windows,
    stored_articles,
    stored_windows,
)
from channels_assets_tests.helpers.project import Project

Make = Callable[..., Project]


def test_a_list_is_emptied_by_a_missing_field_when_two_refreshes_say_so(make_project: Make) -> None:
    world = World.generate(seed=41, windows=2, products=3, shops=0)
    project = make_project(world)
    project.write(league=False)
    empty = next(iter(world.windows))
    lost = Fault("nothing_but_ok", path=WINDOW_PATH, appid=empty)
    assert project.refresh().code == 0
    before = stored_windows(project)

    project.sandbox.inject(lost)
    project.sandbox.reset_calls()
    first = project.refresh()

    assert first.code == 1
    [failed] = first.assets["window_products"]["failed"]
    assert (failed["partition"], failed["class"]) == (empty, "UnconfirmedEnd")
    assert "0 rows instead of 3" in failed["error"]
    assert "Refresh again" in failed["error"]
    assert stored_windows(project) == before
    # No retry of the asset: the same run would only say the same.
    assert len(project.sandbox.calls_to(WINDOW_PATH)) == 2

    # Another answer in between, and it begins anew.
    project.sandbox.clear_faults()
    assert project.refresh().code == 0
    project.sandbox.inject(lost)
    assert project.refresh().code == 1
    assert stored_windows(project) == before

    second = project.refresh()

    assert second.code == 0
    assert not second.assets["window_products"]["failed"]
    assert stored_windows(project) == [row for row in before if row[0] != empty]
    # It holds nothing now: the same answer is no question any more.
    assert project.refresh().code == 0
    ended = "SELECT end_reason, rows FROM loads WHERE partition = ? ORDER BY load_id DESC LIMIT 2"
    assert project.rows(ended, [empty]) == [("list_missing", 0)] * 2


def test_accounts_without_articles_whose_list_is_left_out_are_empty_lists(
    make_project: Make,
) -> None:
    world = World.generate(seed=42, windows=1, shops=1, articles=2)
    for articles in world.league.articles.values():
        articles.clear()
    project = make_project(world)
    project.sandbox.inject(Fault("no_defaults"))

    done = project.refresh()

    assert done.code == 0
    assert done.assets["shop_articles"]["partitions"] > 0
    assert done.assets["shop_articles"]["rows"] == 0
    assert stored_articles(project) == []
    assert stored_windows(project) == expected_windows(world)
    assert len(project.sandbox.calls_to(ARTICLE_PATH)) == done.assets["shop_articles"]["partitions"]


def refused_url() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def unreachable(project: Project, *settings: str) -> str:
    url = refused_url()
    project.settings = list(settings)
    project.write()
    path = project.folder / "channels.toml"
    path.write_text(path.read_text("utf-8").replace(project.sandbox.url, url), "utf-8")
    return url


def test_an_api_that_cannot_be_reached_is_tried_in_one_layer(make_project: Make) -> None:
    """All lists fail with the reason, no asset is tried again by Dagster, no list waits for itself."""
    project = make_project(World.generate(seed=43, windows=20, products=3, shops=1))
    url = unreachable(project, "backoff_seconds = 0.05", "tries = 4")

    done = project.refresh()

    assert done.code == 1
    failed = done.assets["window_products"]["failed"]
    assert len(failed) == 20
    assert {item["class"] for item in failed} == {"Transient"}
    assert all(f"The connection was refused: {url}." in item["error"] for item in failed)
    assert done.assets["window_products"]["api_calls"] == 0
    with project.instance() as instance:
        for run in instance.get_runs():
            events = [entry.dagster_event for entry in instance.all_logs(run.run_id)]
            retried = [event for event in events if event and event.is_step_up_for_retry]
            assert not retried


def test_an_answer_that_the_client_asked_for_again_is_not_asked_for_by_dagster_too(
    make_project: Make,
) -> None:
    project = make_project(World.generate(seed=45, windows=1, products=3, shops=0))
    project.settings = ["backoff_seconds = 0.05", "tries = 3"]
    project.write(league=False)
    project.sandbox.inject(Fault("gateway_json_502", path=WINDOW_PATH))

    done = project.refresh()

    assert done.code == 1
    assert len(project.sandbox.calls_to(WINDOW_PATH)) == 3
    assert done.assets["window_products"]["api_calls"] == 3


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_long_wait_for_the_api_is_said_at_once(
    make_project: Make, arguments: tuple[str, ...]
) -> None:
    """The first wait alone is longer than 10 seconds: the line comes before it."""
    project = make_project(World.generate(seed=44, windows=3, products=3, shops=0))
    url = unreachable(project, "backoff_seconds = 12")
    process = project.start("refresh", *arguments)
    assert process.stderr is not None
    line = next(line for line in process.stderr if "Still trying" in line)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=100)
    assert process.returncode == 130
    assert f"The connection was refused: {url}." in line
    assert "try 2 of 5" in line
