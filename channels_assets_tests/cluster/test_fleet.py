"""Celery workers refresh many lists, a worker is killed meanwhile: nothing is lost, nothing is stored twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, DagsterRunStatus, RunsFilter
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from channels_assets.cluster.celery_app import make_celery
from channels_assets.defs.active_runs import UNDER_WAY
from channels_assets.sandbox import Sandbox, World
from channels_assets.warehouse import WarehouseError
from channels_assets_tests.cluster.cpu_time import CpuTime
from channels_assets_tests.cluster.fleet import ROOT, Fleet, kill, wait_for
from channels_assets_tests.helpers.project import Project

pytestmark = pytest.mark.cluster
PARTITIONS = int(os.environ.get("PARTITIONS", "2000"))
WORKERS = 4
SIZE = max(10, PARTITIONS // 20)
BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""


def world(lists: int) -> World:
    """An agency with at least so many article lists: one for each promoter of each shop."""
    return World.generate(
        seed=8, windows=1, products=10, shops=10, promoters=lists * 3 // 20, sharers=1, articles=4
    )


def article_lists(made: World) -> list[tuple[str, str, str]]:
    return [
        (shop["shop_appid"], promoter["promoter_id"], made.league.sharers[0]["sharer_appid"])
        for shop in made.league.shops
        for promoter in made.league.promoters[shop["shop_appid"]]
        if promoter["promoter_type"] in (4, 5)
    ]


def readme_settings(folder: Path) -> str:
    """The README's additions to channels.toml, for this folder and with smaller runs."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Outgrowing one machine")[2]
    block = section.partition("```toml\n")[2].partition("```")[0]
    tomllib.loads(block)
    return block.replace("/shared/channels", str(folder / "lake")).replace("= 100 ", f"= {SIZE} ")


def prepared(folder: Path, sandbox: Sandbox, made: World) -> Project:
    folder.mkdir()
    project = Project(folder, sandbox, made)
    project.write(windows=[])
    with (folder / "channels.toml").open("a", encoding="utf-8") as settings:
        settings.write(readme_settings(folder))
    return project


def shorten_waits(project: Project, workers: int) -> None:
    """In the shipped dagster.yaml: a dead worker is found sooner."""
    file = Path(project.environment["DAGSTER_HOME"]) / "dagster.yaml"
    text = file.read_text(encoding="utf-8")
    text = text.replace("gone_after_seconds: 60", "gone_after_seconds: 10")
    text = text.replace("poll_interval_seconds: 20", "poll_interval_seconds: 3")
    text = re.sub(r"max_concurrent_runs: \d+", f"max_concurrent_runs: {workers}", text)
    file.write_text(text, encoding="utf-8")


def backfill(fleet: Fleet, keys: list[str]) -> str:
    answer = fleet.query(
        BACKFILL,
        params={
            "assetSelection": [{"path": ["shop_articles"]}, {"path": ["article_products"]}],
            "partitionNames": keys,
        },
    )["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return answer["backfillId"]


def is_over(fleet: Fleet, backfill: str) -> bool:
    answer = fleet.query(
        "query ($id: String!) { partitionBackfillOrError(backfillId: $id)"
        " { ... on PartitionBackfill { status } ... on PythonError { message } } }",
        id=backfill,
    )["partitionBackfillOrError"]
    assert "status" in answer, answer
    return answer["status"] not in ("REQUESTED", "CANCELING", "FAILING")


def loaded(project: Project) -> int:
    """How many lists were loaded, however often."""
    try:
        [(count,)] = project.rows(
            "SELECT count(DISTINCT \"partition\") FROM loads WHERE asset = 'shop_articles'"
        )
    except WarehouseError:
        return 0
    return int(count)


def recorded(instance: DagsterInstance, asset: str) -> Counter[str]:
    """How often each list was recorded as materialized."""
    found: Counter[str] = Counter()
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(AssetKey(asset), limit=1000, cursor=cursor)
        found.update(str(record.partition_key) for record in page.records)
        if not page.has_more:
            return found
        cursor = page.cursor


def kill_busy_worker(
    fleet: Fleet, broker: str, workers: dict[str, subprocess.Popen[bytes]]
) -> None:
    """Kills the worker whose run was started last and still runs: most of it is left to do."""
    deadline = time.monotonic() + 300
    with fleet.project.instance() as instance:
        while time.monotonic() < deadline:
            answers = make_celery(broker).control.inspect(timeout=1).active() or {}
            found = [
                (task["time_start"], worker.partition("@")[0], task["id"])
                for worker, tasks in answers.items()
                for task in tasks
            ]
            for _, worker, task in sorted(found, reverse=True):
                # A stopped process can't end its run between the query and the kill.
                kill(workers[worker], signal.SIGSTOP)
                runs = instance.get_runs(RunsFilter(tags={DAGSTER_CELERY_TASK_ID_TAG: task}))
                if [run.status for run in runs] == [DagsterRunStatus.STARTED]:
                    kill(workers[worker], signal.SIGKILL)
                    return
                kill(workers[worker], signal.SIGCONT)
    raise AssertionError("no worker was busy")


def refreshed(
    fleet: Fleet, lists: int, meanwhile: Callable[[], None] = lambda: None
) -> tuple[float, CpuTime]:
    """Seconds from the first load to the last, of all lists, which the daemon finds by itself."""
    wait_for(lambda: loaded(fleet.project) > 0, "the first list", 600)
    begun = time.monotonic()
    with CpuTime() as cpu_time:
        wait_for(lambda: loaded(fleet.project) > lists // 4, "a quarter of the lists", 1200, 2)
        meanwhile()
        wait_for(lambda: loaded(fleet.project) == lists, "all lists", 2400, 2)
    return time.monotonic() - begun, cpu_time


@contextmanager
def fleet_of(project: Project, server: str, broker: str, workers: int) -> Iterator[Fleet]:
    with Fleet(project, server, broker, project.folder.name) as fleet:
        # For this process too: it reads the lake and the Dagster instance.
        for name in ("CHANNELS_LAKE", "DAGSTER_POSTGRES", "CHANNELS_BROKER"):
            os.environ[name] = fleet.environment[name]
        shorten_waits(project, workers)
        fleet.services()
        try:
            yield fleet
        except AssertionError as error:
            raise AssertionError(f"{error}\n{fleet.logs()}") from error


def test_one_worker_is_killed(tmp_path: Path, server: str, broker: str) -> None:
    made = world(PARTITIONS)
    keys = ["/".join(ids) for ids in article_lists(made)]
    with Sandbox(made, latency=0.05) as sandbox:
        project = prepared(tmp_path / "four", sandbox, made)
        with fleet_of(project, server, broker, WORKERS) as fleet:
            names = [f"worker{number}" for number in range(WORKERS)]
            workers = {name: fleet.worker(name) for name in names}
            seconds, cpu_time = refreshed(
                fleet, len(keys), lambda: kill_busy_worker(fleet, broker, workers)
            )
            with project.instance() as instance:
                wait_for(lambda: not under_way(instance), "the end of all runs", 60)
                check_rows(project, made)
                check_runs(project, instance, keys)
                check_backfill(fleet, instance, keys)
    show(f"{len(keys)} lists, {WORKERS} workers, one killed: {seconds:.0f} s", cpu_time)


@pytest.mark.skipif(PARTITIONS < 1000, reason="only the long form compares times")
def test_against_one_worker(tmp_path: Path, server: str, broker: str) -> None:
    """Nothing is asserted of their times: they are printed."""
    made = world(PARTITIONS)
    lists = len(article_lists(made))
    took: dict[int, float] = {}
    for number in (WORKERS, 1):
        with Sandbox(made, latency=0.05) as sandbox:
            project = prepared(tmp_path / f"workers{number}", sandbox, made)
            with fleet_of(project, server, broker, number) as fleet:
                for name in range(number):
                    fleet.worker(f"worker{name}")
                took[number], cpu_time = refreshed(fleet, lists)
            check_rows(project, made)
        show(f"{lists} lists, {number} at work: {took[number]:.0f} s", cpu_time)
    ratio = took[1] / took[WORKERS]
    show(f"1 worker {took[1]:.0f} s, {WORKERS} workers {took[WORKERS]:.0f} s: {ratio:.2f} times")


def show(line: str, cpu_time: CpuTime | None = None) -> None:
    print(f"\n{line} ({cpu_time})" if cpu_time else f"\n{line}")  # noqa: T201


def under_way(instance: DagsterInstance) -> bool:
    return instance.get_runs_count(RunsFilter(statuses=UNDER_WAY)) > 0


def check_backfill(fleet: Fleet, instance: DagsterInstance, keys: list[str]) -> None:
    """A backfill is split by the setting, and its runs go to the remaining workers."""
    # Neighbours in Dagster's order: each range of neighbours becomes a run.
    chosen = instance.get_dynamic_partitions("channels_article_lists")[: SIZE * 2 + 1]
    before = recorded(instance, "shop_articles")
    backfill_id = backfill(fleet, list(chosen))
    wait_for(lambda: is_over(fleet, backfill_id), "the end of the backfill", 300)
    runs = instance.get_runs(RunsFilter(tags={"dagster/backfill": backfill_id}))
    assert [run.status for run in runs] == [DagsterRunStatus.SUCCESS] * len(runs)
    assert len(runs) == 3
    after = recorded(instance, "shop_articles")
    assert min(after[key] for key in chosen) == 2
    assert after.total() == before.total() + len(chosen)


def check_rows(project: Project, made: World) -> None:
    articles: list[tuple[Any, ...]] = []
    products: list[tuple[Any, ...]] = []
    for scope in article_lists(made):
        for place, article in enumerate(made.articles_for(*scope), start=1):
            info = article["article_info"]
            articles.append(
                (
                    *scope,
                    info["article_url"],
                    info["article_title"],
                    info["promoter_share_link"],
                    place,
                )
            )
            products += [
                (*scope, info["article_url"], str(product["product_id"]))
                for product in article.get("product_list") or []
            ]
    scope = "shop_appid, promoter_id, sharer_appid, article_url"
    assert sorted(articles) == sorted(
        project.rows(
            f"SELECT {scope}, article_title, promoter_share_link, position FROM shop_articles"
        )
    )
    assert sorted(set(products)) == sorted(
        project.rows(f"SELECT {scope}, product_id FROM article_products")
    )
    # A list loaded twice would begin a period of history twice.
    assert sorted(set(products)) == sorted(
        project.rows(f"SELECT {scope}, product_id FROM article_products_history")
    )


def check_runs(project: Project, instance: DagsterInstance, keys: list[str]) -> None:
    for asset in ("shop_articles", "article_products"):
        times = recorded(instance, asset)
        assert set(times) == set(keys), asset
        # The list that the dead worker was about to record.
        assert times.total() <= len(keys) + 1, asset
    dead = [
        run
        for run in instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.FAILURE]))
        if run.job_name != "discover"
    ]
    assert len(dead) == 1, dead
    again = instance.get_runs(RunsFilter(tags={"dagster/parent_run_id": dead[0].run_id}))
    assert [run.status for run in again] == [DagsterRunStatus.SUCCESS]
    loads = project.rows(
        'SELECT "partition", count(*), string_agg(DISTINCT run_id) FROM loads '
        "WHERE asset = 'shop_articles' GROUP BY ALL"
    )
    assert sorted(key for key, _, _ in loads) == sorted(keys)
    # Lists that the dead worker had loaded, but not yet recorded, were loaded once more.
    twice = [runs for _, count, runs in loads if count > 1]
    assert all(set(runs.split(",")) == {dead[0].run_id, again[0].run_id} for runs in twice)
