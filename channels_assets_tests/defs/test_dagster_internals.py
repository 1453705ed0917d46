"""Events written together leave the same rows as Dagster's own event log, one by one."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    EventLogEntry,
)
from dagster._core.events import (
    AssetMaterializationPlannedData,
    AssetObservationData,
    StepMaterializationData,
)
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_assets.defs import dagster_internals
from channels_assets.defs.dagster_internals import BatchedSqliteEventLog, batched
from channels_assets.sandbox import World
from channels_assets_tests.helpers.fork_server import start_python
from channels_assets_tests.helpers.project import Project

RUNS = ("run-one", "run-two")
KINDS = ("planned", "materialized", "observed", "check", "step")
OURS = """
event_log_storage:
  module: channels_assets.defs.dagster_internals
  class: BatchedSqliteEventLog
  config:
    base_dir: {home}
"""


@pytest.fixture(scope="module")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[DagsterInstance]]:
    """Dagster's own event log, and ours."""
    made: list[DagsterInstance] = []
    for name, more in (("dagsters", ""), ("ours", OURS)):
        home = tmp_path_factory.mktemp(name)
        text = "telemetry:\n  enabled: false\n" + more.format(home=home)
        (home / "dagster.yaml").write_text(text)
        made.append(DagsterInstance.from_config(str(home)))
    yield made
    for instance in made:
        instance.dispose()


def event(run: str, kind: str, asset: str, partition: str | None, moment: int) -> EventLogEntry:
    key = AssetKey(asset)
    told: dict[str, tuple[DagsterEventType, object]] = {
        "planned": (
            DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
            AssetMaterializationPlannedData(key, partition, None),
        ),
        "materialized": (
            DagsterEventType.ASSET_MATERIALIZATION,
            StepMaterializationData(
                AssetMaterialization(key, partition=partition, tags={"dagster/data_version": "7"})
            ),
        ),
        "observed": (
            DagsterEventType.ASSET_OBSERVATION,
            AssetObservationData(AssetObservation(key, partition=partition)),
        ),
        "check": (
            DagsterEventType.ASSET_CHECK_EVALUATION,
            AssetCheckEvaluation(asset_key=key, check_name="good", passed=True, metadata={}),
        ),
        "step": (DagsterEventType.STEP_START, None),
    }
    event_type, data = told[kind]
    made = DagsterEvent(event_type.value, "job", step_key=asset, event_specific_data=data)  # pyright: ignore[reportArgumentType]
    # Checks of no run are written as they come; the others wait to be planned first.
    run_id = "" if kind == "check" else run
    return EventLogEntry(None, 20, "", run_id, float(moment), asset, "job", made)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(RUNS),
        st.sampled_from(KINDS),
        st.sampled_from(("a", "b")),
        st.sampled_from((None, "p", "q")),
    ),
    max_size=8,
)


def rows(instance: DagsterInstance) -> dict[str, list[tuple[object, ...]]]:
    storage = instance.event_log_storage
    assert isinstance(storage, SqliteEventLogStorage)
    found: dict[str, list[tuple[object, ...]]] = {}
    for shard in (INDEX_SHARD_NAME, *RUNS):
        path = Path(storage.path_for_shard(shard))
        if path.exists():
            with sqlite3.connect(path) as connection:
                tables = connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'alembic%'"
                ).fetchall()
                for (table,) in tables:
                    found[f"{shard}.{table}"] = connection.execute(
                        _columns(connection, table)
                    ).fetchall()
            connection.close()
    return found


def _columns(connection: sqlite3.Connection, table: str) -> str:
    """All but when SQLite wrote the row."""
    told = connection.execute(f"PRAGMA table_info('{table}')").fetchall()
    kept = [
        f'"{name}"'
        for _, name, *_ in told
        if name not in ("create_timestamp", "migration_completed")
    ]
    return f'SELECT {", ".join(kept)} FROM "{table}" ORDER BY 1'  # noqa: S608


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(EVENTS, max_size=4), first=st.integers(1_700_000_000, 1_800_000_000))
def test_the_same_rows_as_dagsters_own(
    instances: Sequence[DagsterInstance],
    monkeypatch: pytest.MonkeyPatch,
    batches: list[list[tuple[str, str, str, str | None]]],
    first: int,
) -> None:
    monkeypatch.setattr(dagster_internals, "_MOST_EVENTS", 3)
    dagsters, ours = instances
    moment = first
    for batch in batches:
        with batched(ours):
            for item in batch:
                moment += 1
                entry = event(*item, moment)
                dagsters.handle_new_event(entry)
                ours.handle_new_event(entry)
        assert rows(ours) == rows(dagsters)


def told(instance: DagsterInstance) -> list[str | None]:
    page = instance.fetch_materializations(AssetKey("c"), limit=100)
    return [record.partition_key for record in reversed(page.records)]


def test_what_was_logged_before_an_error_is_kept(instances: Sequence[DagsterInstance]) -> None:
    _, ours = instances
    before = told(ours)

    def fail_after_one() -> None:
        with batched(ours):
            ours.handle_new_event(event("run-one", "materialized", "c", "kept", 1_800_000_001))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_one()
    assert told(ours) == [*before, "kept"]


def test_other_threads_see_a_batch_whole(instances: Sequence[DagsterInstance]) -> None:
    _, ours = instances
    before = told(ours)
    seen: list[list[str | None]] = []
    writer = event("run-two", "materialized", "c", "other", 1_800_000_004)

    def other() -> None:
        ours.handle_new_event(writer)
        seen.append(told(ours))

    thread = threading.Thread(target=other)
    with batched(ours):
        ours.handle_new_event(event("run-one", "materialized", "c", "first", 1_800_000_002))
        thread.start()
        ours.handle_new_event(event("run-one", "materialized", "c", "second", 1_800_000_003))
    thread.join()
    assert seen == [[*before, "first", "second", "other"]]


def test_the_shipped_instance_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shipped = Path("channels_assets/dagster.yaml").read_text(encoding="utf-8")
    (tmp_path / "dagster.yaml").write_text(shipped)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, BatchedSqliteEventLog)
        assert Path(instance.event_log_storage.path_for_shard("x")).is_relative_to(tmp_path)


def shape(path: Path) -> set[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        made = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        mode = connection.execute("PRAGMA journal_mode").fetchall()
    connection.close()
    return {*made, *revision, *mode}


def test_each_runs_database_is_made_as_dagster_makes_it(tmp_path: Path) -> None:
    dagsters, ours = (
        SqliteEventLogStorage(str(tmp_path / "dagsters")),
        BatchedSqliteEventLog(str(tmp_path)),
    )
    again = BatchedSqliteEventLog(str(tmp_path))
    for run in ("first", "second", INDEX_SHARD_NAME):
        shapes: list[set[tuple[object, ...]]] = []
        for storage in (dagsters, ours, again):
            with storage._connect(run):
                shapes.append(shape(Path(storage.path_for_shard(run))))
        assert shapes == [shapes[0]] * 3


def test_those_who_make_the_same_database_at_once_do_not_break_each_other(tmp_path: Path) -> None:
    storages = [BatchedSqliteEventLog(str(tmp_path)) for _ in range(6)]
    with storages[0]._connect("first"):
        expected = shape(Path(storages[0].path_for_shard("first")))
    ready = threading.Barrier(len(storages))

    def make(storage: BatchedSqliteEventLog, run: str) -> None:
        ready.wait(20)
        with storage._connect(run):
            pass

    with ThreadPoolExecutor(len(storages)) as threads:
        for run in map(str, range(10)):
            list(threads.map(make, storages, [run] * len(storages)))
            assert shape(Path(storages[0].path_for_shard(run))) == expected


PRIVATE = [
    ("dagster._core.storage.event_log", "SqliteEventLogStorage"),
    ("dagster._core.storage.event_log", "SqliteEventLogStorage._connect"),
    ("dagster._core.storage.event_log", "SqliteEventLogStorage._initdb"),
    ("dagster._core.definitions.job_base", "InMemoryJob"),
    ("dagster._core.execution.api", "execute_run"),
    ("dagster._core.remote_origin", "RemoteRepositoryOrigin"),
    ("dagster._core.remote_origin", "ManagedGrpcPythonEnvCodeLocationOrigin"),
    ("dagster._core.types.loadable_target_origin", "LoadableTargetOrigin"),
]
_WITHOUT = """
import builtins, sys
module, name = sys.argv[1:]
# A forked process has imported them already, with the name.
for loaded in [one for one in sys.modules if one.partition(".")[0] == "channels_assets"]:
    del sys.modules[loaded]
attribute = name.partition(".")[2]
real_import, real_hasattr = builtins.__import__, hasattr

def without(asked, globals=None, locals=None, fromlist=(), level=0):
    ours = (globals or {}).get("__name__") == "channels_assets.defs.dagster_internals"
    if ours and asked == module and name in (fromlist or ()):
        raise ImportError(name)
    return real_import(asked, globals, locals, fromlist, level)

builtins.__import__ = without
from channels_assets.defs import dagster_internals
if attribute:
    dagster_internals.hasattr = lambda one, what: what != attribute and real_hasattr(one, what)
sys.argv = ["channels-assets", "refresh", "--json"]
from channels_assets.cli.__main__ import entry
entry()
"""


@pytest.mark.parametrize(("module", "name"), PRIVATE, ids=[name for _, name in PRIVATE])
def test_a_refresh_without_a_private_name(
    make_project: Callable[..., Project], module: str, name: str
) -> None:
    """Dagster has taken it away, or has changed it: the public way is taken."""
    project = make_project(World.generate(seed=4, windows=2, products=9, articles=2))
    with start_python(
        ["-c", _WITHOUT, module, name],
        project.environment,
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        out, err = process.communicate(timeout=200)
    assert process.returncode == 0, out + err
    assert all(not asset["failed"] for asset in json.loads(out)["assets"].values())
    with project.instance() as instance:
        runs = instance.get_runs()
        assert {run.status.value for run in runs} == {"SUCCESS"}
        assert {run.job_name for run in runs} == {"discover", "refresh_windows", "refresh_articles"}
        of_windows = AssetKey("window_products")
        assert instance.get_materialized_partitions(of_windows) == set(project.world.windows)
