"""Which runs count as dead: real lock files, real processes, a real Dagster instance."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Definitions,
    asset,
    define_asset_job,
    job,
    op,
)

from channels_assets.config import Settings
from channels_assets.definitions import build
from channels_assets.defs.active_runs import LOCKED_TAG, active_runs, end_dead_runs, lock_run
from channels_assets.defs.dagster_internals import origin_of
from channels_assets.defs.names import Names
from channels_assets.defs.runner import MODULE
from channels_assets_tests.helpers.project import holder_of, kill_holder_of

DEFINITIONS = build(Settings.model_construct())
NAMES = Names()
STARTED = DagsterRunStatus.STARTED
LATER = 24 * 3600


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with DagsterInstance.from_config(str(tmp_path)) as made:
        yield made


def make_run(
    instance: DagsterInstance,
    status: DagsterRunStatus = STARTED,
    name: str = "refresh_windows",
    tags: dict[str, str] | None = None,
    run_id: str | None = None,
) -> DagsterRun:
    return instance.create_run_for_job(
        DEFINITIONS.resolve_job_def(name),
        run_id=run_id,
        status=status,
        tags=tags or {},
        remote_job_origin=origin_of(name, MODULE),
    )


def locks(instance: DagsterInstance) -> list[str]:
    folder = Path(instance.root_directory) / "channels_assets" / "runs"
    return sorted(path.stem for path in folder.glob("*.lock"))


def status_after(instance: DagsterInstance, run: DagsterRun, later: float = 0) -> DagsterRunStatus:
    end_dead_runs(instance, NAMES, time.time() + later)
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_run_whose_process_was_killed_is_ended_at_once(instance: DagsterInstance) -> None:
    run = make_run(instance)
    process = holder_of(instance, run.run_id)
    assert status_after(instance, run, LATER) == STARTED
    process.kill()
    process.communicate()
    [dead] = active_runs(instance, NAMES)
    assert dead.is_dead
    assert "refresh_windows" in str(dead)
    assert status_after(instance, run) == DagsterRunStatus.FAILURE
    assert locks(instance) == []


def test_host_and_process_id_say_nothing(instance: DagsterInstance) -> None:
    """In a container the host's name is another one each time, and small process ids come again."""
    for host, process in (("another-host", 1), (os.uname().nodename, os.getpid())):
        tags = {"channels_assets/process": f"{host} {process}"}
        run = make_run(instance, tags=tags)
        kill_holder_of(instance, run.run_id)
        assert status_after(instance, run) == DagsterRunStatus.FAILURE


@pytest.mark.parametrize(
    ("status", "alive_for", "ended"),
    [
        (DagsterRunStatus.NOT_STARTED, 100, DagsterRunStatus.FAILURE),
        (DagsterRunStatus.STARTING, 80, DagsterRunStatus.FAILURE),
        (DagsterRunStatus.STARTED, 50, DagsterRunStatus.FAILURE),
        (DagsterRunStatus.CANCELING, 50, DagsterRunStatus.CANCELED),
        (DagsterRunStatus.QUEUED, LATER, DagsterRunStatus.QUEUED),
    ],
)
def test_without_a_lock_the_time_without_a_sign_tells(
    instance: DagsterInstance,
    status: DagsterRunStatus,
    alive_for: float,
    ended: DagsterRunStatus,
) -> None:
    run = make_run(instance, status)
    assert status_after(instance, run, alive_for) == status
    assert status_after(instance, run, max(alive_for, 120) + 10) == ended


def test_a_killed_run_that_was_being_stopped_is_canceled(instance: DagsterInstance) -> None:
    run = make_run(instance, DagsterRunStatus.CANCELING)
    kill_holder_of(instance, run.run_id)
    assert status_after(instance, run) == DagsterRunStatus.CANCELED


def test_a_run_of_another_machine_is_left_alone(instance: DagsterInstance) -> None:
    """Its process holds its lock from the first moment: if none is here, it is elsewhere."""
    run_id = str(uuid4())
    run = make_run(instance, tags={LOCKED_TAG: run_id}, run_id=run_id)
    assert status_after(instance, run, LATER) == STARTED
    # One that executes it again inherits its tags, but not where it runs.
    again = make_run(instance, tags={LOCKED_TAG: run_id})
    assert status_after(instance, again, LATER) == DagsterRunStatus.FAILURE
    assert status_after(instance, run, LATER) == STARTED


def test_one_of_several_processes_is_enough(instance: DagsterInstance) -> None:
    run = make_run(instance)
    kill_holder_of(instance, run.run_id)
    lock, again = lock_run(instance, run.run_id), lock_run(instance, run.run_id)
    assert status_after(instance, run, LATER) == STARTED
    again.release()
    assert status_after(instance, run, LATER) == STARTED
    lock.release()
    assert locks(instance) == []
    # Its last step ended as it should: what comes next, or its end, may take a moment.
    assert status_after(instance, run) == STARTED


def test_other_projects_runs_are_never_ended(instance: DagsterInstance) -> None:
    @asset
    def foreign() -> None: ...

    @op
    def nothing() -> None: ...

    @job(name="refresh_windows")
    def of_the_same_name() -> None:
        nothing()

    theirs = Definitions(
        assets=[foreign], jobs=[define_asset_job("discover", [foreign]), of_the_same_name]
    )
    foreigners = [
        instance.create_run_for_job(
            theirs.resolve_job_def(name), status=STARTED, asset_selection=selection
        )
        for name, selection in (
            ("discover", None),
            ("refresh_windows", None),
            ("__ASSET_JOB", {AssetKey("foreign")}),
        )
    ]
    for run in foreigners:
        kill_holder_of(instance, run.run_id)
    ours = instance.create_run_for_job(
        DEFINITIONS.resolve_job_def("__ASSET_JOB"),
        status=STARTED,
        asset_selection={AssetKey("window_products")},
    )
    assert status_after(instance, ours, LATER) == DagsterRunStatus.FAILURE
    for run in foreigners:
        assert status_after(instance, run, LATER) == STARTED


def test_of_two_namespaces_each_ends_its_own(instance: DagsterInstance) -> None:
    run = make_run(instance)
    kill_holder_of(instance, run.run_id)
    assert end_dead_runs(instance, Names("second")) == []
    assert locks(instance) == [run.run_id]
    assert status_after(instance, run) == DagsterRunStatus.FAILURE


def test_lock_files_are_private_and_follow_no_link(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    run = make_run(instance)
    lock = lock_run(instance, run.run_id)
    assert lock.path.stat().st_mode & 0o077 == 0
    assert lock.path.parent.stat().st_mode & 0o077 == 0
    lock.release()
    elsewhere = tmp_path / "elsewhere"
    lock.path.symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic"):
        lock_run(instance, run.run_id)
    assert not elsewhere.exists()


def test_what_ended_otherwise_leaves_no_lock_file(instance: DagsterInstance) -> None:
    run = make_run(instance)
    kill_holder_of(instance, run.run_id)
    instance.report_run_failed(run)
    assert locks(instance) == [run.run_id]
    end_dead_runs(instance, NAMES)
    assert locks(instance) == []
