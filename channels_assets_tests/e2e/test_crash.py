"""Processes that die and processes that meet. `make test` runs this short, `make soak` in full.

SOAK=1 in the environment: 50 kills in a row, and 60 seconds of four writers beside eight readers.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from channels_assets.files import ProcessLock
from channels_assets.sandbox import Fault, World
from channels_assets_tests.helpers.fork_server import start_python
from channels_assets_tests.helpers.project import Project

pytestmark = pytest.mark.slow

SOAK = bool(os.environ.get("SOAK"))
KILLS = 50 if SOAK else 4
SECONDS = 60 if SOAK else 6
WRITERS, READERS = (4, 8) if SOAK else (2, 3)
WINDOW_PATH = "/channels/ec/window/product/list/get"

Make = Callable[..., Project]
Lists = dict[str, list[str]]

READER = """
import json, sys, time
from channels_assets.warehouse import query
until, data, seen = time.time() + float(sys.argv[1]), sys.argv[2], 0
torn = '''
    SELECT w."window", count(DISTINCT w.load_id) AS loads, count(*) AS stored, any_value(l.rows) AS loaded
    FROM window_products w LEFT JOIN loads l USING (load_id) GROUP BY ALL
    HAVING loads > 1 OR stored <> loaded OR loaded IS NULL
'''
while time.time() < until:
    rows = query(torn, data=data)
    assert rows.empty, rows.to_string()
    seen += 1
print(json.dumps(seen))
"""


def truth(world: World) -> Lists:
    return {
        appid: [str(item["product_id"]) for item in world.products_for(appid)]
        for appid in world.windows
    }


def stored(project: Project, file: str) -> Lists:
    """The lists in one of the two files, opened as any program would."""
    lists: Lists = {appid: [] for appid in project.world.windows}
    path = project.data / file
    if path.exists():
        with duckdb.connect(str(path), read_only=file == "channels.duckdb") as connection:
            if connection.execute(
                "SELECT 1 FROM duckdb_tables() WHERE table_name = 'loads'"
            ).fetchall():
                for appid, product in connection.execute(
                    "SELECT account_appid, product_id FROM window_products ORDER BY position"
                ).fetchall():
                    lists[appid].append(product)
    return lists


def change(world: World, dice: random.Random) -> None:
    """Another state of every list: shuffled, and some products gone."""
    for window in world.windows.values():
        dice.shuffle(window.products)
        if len(window.products) > 300:
            del window.products[: dice.randrange(3)]


def test_kill_9_at_any_moment_leaves_each_list_old_or_new(
    make_project: Make, figures: list[str]
) -> None:
    dice = random.Random(4)
    world = World.generate(seed=31, windows=6, products=500, shops=0)
    project = make_project(world, latency=0.01)
    project.write(league=False)
    assert project.refresh().code == 0
    old = truth(world)
    change(world, dice)
    looks = 0
    for number in range(KILLS):
        process = project.start("refresh", "--json")
        time.sleep(dice.uniform(0.1, 3.0))
        process.kill()
        process.communicate()
        for file in ("channels.duckdb", "warehouse.duckdb"):
            now = stored(project, file)
            for appid, new in truth(world).items():
                assert now[appid] in (old[appid], new), (number, file, appid)
                looks += 1
        if number % 5 == 3 or number == KILLS - 1:
            done = project.refresh()
            assert done.code == 0, done.err
            assert stored(project, "channels.duckdb") == truth(world)
            old = truth(world)
            change(world, dice)
    with project.instance() as instance:
        assert all(run.is_finished for run in instance.get_runs())
    assert sorted(path.name for path in project.data.glob(".*.tmp")) == []
    assert list((project.data / "staging").iterdir()) == []
    figures.append(
        f"killed {KILLS} times; {looks} looks at a list, each found it whole, old or new; "
        "every refresh after a kill succeeded"
    )


def test_a_pull_that_was_killed_goes_on_after_its_last_page(make_project: Make) -> None:
    world = World.generate(seed=32, windows=1, products=2000, shops=0)
    project = make_project(world)
    project.write(league=False)
    project.sandbox.inject(Fault("hang", path=WINDOW_PATH, after=7, times=1))
    process = project.start("refresh")
    while len(project.sandbox.calls_to(WINDOW_PATH)) < 8:
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    project.wait_for_connections_to_end()
    project.sandbox.reset_calls()

    done = project.refresh()

    assert done.code == 0
    assert stored(project, "channels.duckdb") == truth(world)
    [(pages, resumed)] = project.rows("SELECT pages, resumed_pages FROM loads")
    # Pages come side by side: those behind the one that hangs go with it.
    assert pages == 11
    assert 1 <= resumed < 11
    assert len(project.sandbox.calls_to(WINDOW_PATH)) == 11 - resumed


def test_writers_and_readers_at_once(make_project: Make, figures: list[str]) -> None:
    world = World.generate(seed=33, windows=8, products=400, shops=1)
    project = make_project(world)
    project.settings.append("max_in_flight = 4")
    project.write()
    assert project.refresh().code == 0
    notebook = project.query("SELECT count(*) AS n FROM window_products")
    until = time.monotonic() + SECONDS

    def reader() -> subprocess.Popen[str]:
        return start_python(
            ["-c", READER, str(SECONDS), str(project.data)],
            project.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    readers = [reader() for _ in range(READERS)]
    writers = [project.start("refresh", "--json") for _ in range(WRITERS)]
    reports: list[dict[str, Any]] = []
    while writers:
        for process in list(writers):
            if process.poll() is None:
                continue
            out, err = process.communicate()
            assert process.returncode == 0, err
            reports.append(json.loads(out)["assets"])
            writers.remove(process)
            if time.monotonic() < until:
                writers.append(project.start("refresh", "--json"))
        time.sleep(0.05)
    queries = 0
    for process in readers:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert json.loads(out) > 0
        queries += json.loads(out)
    assert stored(project, "channels.duckdb") == truth(world)
    loaded = project.rows("SELECT count(*) FROM loads WHERE asset = 'window_products'")
    told = sum(report["window_products"]["succeeded"] for report in reports)
    assert loaded == [(told + len(world.windows),)]
    assert len(notebook) == 1
    figures.append(
        f"{SECONDS} s: {WRITERS} processes refreshed at once, {len(reports)} times in all, {told} lists "
        f"loaded, none lost; {READERS} readers asked {queries} times: no error, no half-replaced list"
    )


@pytest.mark.skipif(not SOAK, reason="long; make soak")
def test_a_notebook_that_stays_open_neither_blocks_nor_breaks(make_project: Make) -> None:
    from channels_assets.warehouse import connect

    world = World.generate(seed=34, windows=2, products=300, shops=0)
    project = make_project(world)
    project.write(league=False)
    assert project.refresh().code == 0
    with connect(project.data) as connection:
        before = connection.execute("SELECT count(*) FROM window_products").fetchall()
        for _ in range(10):
            next(iter(world.windows.values())).products.pop()
            assert project.refresh().code == 0
            assert connection.execute("SELECT count(*) FROM window_products").fetchall() == before
    assert stored(project, "channels.duckdb") == truth(world)


def test_settings_of_a_sandbox_go_when_its_process_died(make_project: Make) -> None:
    project = make_project(World.generate(seed=35, windows=1))
    del project.environment["CHANNELS_CONFIG"]
    (project.folder / "channels.toml").unlink()
    folder = project.data / "dagster_home" / "channels_assets" / "sandbox"
    process = project.start("refresh")
    while not list(folder.glob("*.toml")):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert len(list(folder.glob("*.toml"))) == 1
    serving = ProcessLock(folder / "another.toml")
    assert project.command("refresh").code == 0
    assert [path.name for path in folder.glob("*.toml")] == ["another.toml"]
    serving.release()
