"""What a user does in the Dagster UI, through the same GraphQL, with `channels-assets dev` running."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from channels_assets.sandbox import Fault, World
from channels_assets_tests.helpers.project import DagsterDev, Project, processes_of

pytestmark = pytest.mark.slow

WINDOW_PATH = "/channels/ec/window/product/list/get"
RUNS = """{
  runsOrError { ... on Runs { results { runId status jobName tags { key value } } } }
}"""
REEXECUTE = """
mutation ($run: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $run, strategy: FROM_FAILURE}) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
BACKFILL = """
mutation ($keys: [String!]!) {
  launchPartitionBackfill(
    backfillParams: {assetSelection: [{path: ["window_products"]}], partitionNames: $keys}
  ) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
BACKFILLED = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status runs { runId status } }
  }
}
"""
STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"


def status_of(dagster: DagsterDev, run: str) -> str:
    return dagster.query(STATUS, run=run)["runOrError"]["status"]


def test_reexecution_from_failure_calls_for_the_failed_lists_alone(
    make_project: Callable[..., Project],
) -> None:
    world = World.generate(seed=21, windows=12, products=450, shops=0)
    project = make_project(world)
    project.write(league=False)
    broken_off, *bad = sorted(world.windows, key=lambda item: -len(world.products_for(item)))[:3]
    for appid in bad:
        project.sandbox.inject(Fault("window_banned", appid=appid))
    project.sandbox.inject(Fault("quota_day", appid=broken_off, path=WINDOW_PATH, after=2))
    assert project.refresh().code == 1
    project.sandbox.clear_faults()
    project.sandbox.reset_calls()

    with DagsterDev(project) as dagster:
        (failed,) = dagster.query(RUNS)["runsOrError"]["results"]
        assert (failed["status"], failed["jobName"]) == ("FAILURE", "refresh_windows")
        launched = dagster.query(REEXECUTE, run=failed["runId"])["launchRunReexecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run = launched["run"]["runId"]
        ended = ("SUCCESS", "FAILURE", "CANCELED")
        dagster.wait_for(lambda: status_of(dagster, run) in ended, "the end of the run")
        assert status_of(dagster, run) == "SUCCESS", dagster.log()

    dagster.wait_for(lambda: not processes_of(project), "the end of all processes", seconds=20)
    told = "SELECT partition, pages, resumed_pages FROM loads WHERE run_id = ?"
    loads = {row[0]: row[1:] for row in project.rows(told, [run])}
    assert set(loads) == {broken_off, *bad}
    # What was read before it broke off is not read again.
    assert loads[broken_off] in ((3, 1), (3, 2))
    spent = Counter(call.appid for call in project.sandbox.calls_to(WINDOW_PATH))
    assert spent == {appid: pages - resumed for appid, (pages, resumed) in loads.items()}


def test_a_run_that_died_with_dev_is_ended_and_its_schedule_goes_on(
    make_project: Callable[..., Project],
) -> None:
    world = World.generate(seed=23, windows=2, products=3, shops=0)
    project = make_project(world)
    project.write(league=False)
    with (project.folder / "channels.toml").open("a") as file:
        file.write('[automation]\nwindows_cron = "* * * * *"\n')
    hanging = list(world.windows)[1]
    project.sandbox.inject(Fault("hang", appid=hanging, path=WINDOW_PATH))
    dagster = DagsterDev(project)

    def runs() -> list[dict[str, Any]]:
        return dagster.query(RUNS)["runsOrError"]["results"]

    with dagster:
        dagster.wait_for(lambda: bool(project.sandbox.calls_to(WINDOW_PATH)), "a call")
        (dead,) = runs()
        assert (dead["jobName"], dead["status"]) == ("refresh_windows", "STARTED")
        for process in processes_of(project):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        dagster.wait_for(lambda: not processes_of(project), "the end of all processes")
    project.sandbox.clear_faults()

    def is_refreshed_by_the_clock() -> bool:
        clock = {"key": "dagster/schedule_name", "value": "windows_by_the_clock"}
        return any(run["status"] == "SUCCESS" and clock in run["tags"] for run in runs())

    with dagster:
        dagster.wait_for(
            lambda: status_of(dagster, dead["runId"]) == "FAILURE", "the dead run's end"
        )
        dagster.wait_for(is_refreshed_by_the_clock, "a refresh by the clock", seconds=240)
    loaded = project.rows('SELECT DISTINCT "partition" FROM loads ORDER BY 1')
    assert loaded == [(appid,) for appid in sorted(world.windows)]


def test_a_backfill_of_300_windows_is_one_run(make_project: Callable[..., Project]) -> None:
    world = World.generate(seed=22, windows=300, products=2, shops=0)
    project = make_project(world)
    project.write(league=False)
    assert project.refresh().code == 0  # or the sensor would load them too
    project.sandbox.reset_calls()

    with DagsterDev(project) as dagster:
        launched = dagster.query(BACKFILL, keys=list(world.windows))["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched

        def backfill() -> dict[str, Any]:
            found = dagster.query(BACKFILLED, id=launched["backfillId"])
            return found["partitionBackfillOrError"]

        dagster.wait_for(lambda: backfill()["status"] != "REQUESTED", "the end of the backfill")
        assert backfill()["status"] == "COMPLETED_SUCCESS", dagster.log()
        (run,) = backfill()["runs"]
        assert run["status"] == "SUCCESS"

    called = Counter(call.appid for call in project.sandbox.calls_to(WINDOW_PATH))
    assert called == dict.fromkeys(world.windows, 1)
    loaded = project.rows("SELECT partition FROM loads WHERE run_id = ?", [run["runId"]])
    assert sorted(row[0] for row in loaded) == sorted(world.windows)
