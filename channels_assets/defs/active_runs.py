"""Runs of our assets that have not ended, and which of them have lost their process.

A process that executes such a run holds a lock file for it; the system releases the lock with the process.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunRecord,
    RunsFilter,
)

from channels_assets.defs.names import Names
from channels_assets.files import LockState, ProcessLock, lock_state, remove_if_free

LOCKED_TAG = "channels_assets/locked"
"""The id of a run whose process holds the lock from the beginning. A retry of that run inherits the tag,
but has another id."""
UNDER_WAY = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
_SILENT_SECONDS: Mapping[DagsterRunStatus, float] = {
    DagsterRunStatus.NOT_STARTED: 120,
    DagsterRunStatus.STARTING: 90,
    DagsterRunStatus.STARTED: 60,
    DagsterRunStatus.CANCELING: 60,
}
"""How long a run without a lock file may write no event. Dagster takes care of queued runs."""
_ASSET_JOB = "__ASSET_JOB"
"""Dagster's name for the job of assets that a person has selected."""
_RETRY_NUMBER = "dagster/retry_number"


@dataclass(frozen=True)
class ActiveRun:
    """A run of our assets that has not ended; `is_dead` when no process executes it any more."""

    run: DagsterRun
    since: datetime
    is_dead: bool = False

    def __str__(self) -> str:
        local = self.since.astimezone()
        return (
            f"{self.run.job_name} ({self.run.run_id[:8]}), under way since {local:%Y-%m-%d %H:%M}"
        )


def lock_run(instance: DagsterInstance, run_id: str) -> ProcessLock:
    """Each process that executes the run holds this lock, and releases it afterwards."""
    return ProcessLock(_lock_path(instance, run_id))


@contextmanager
def locked_run(instance: DagsterInstance, run_id: str) -> Generator[dict[str, str]]:
    """For a run that begins and ends in this process; yields the tags that the run needs."""
    lock = lock_run(instance, run_id)
    try:
        yield {LOCKED_TAG: run_id}
    finally:
        lock.release()


def active_runs(
    instance: DagsterInstance, names: Names, now: float | None = None
) -> Iterator[ActiveRun]:
    """All runs of our assets that have not ended, never those of another project."""
    moment = time.time() if now is None else now
    for record in instance.get_run_records(RunsFilter(statuses=UNDER_WAY)):
        run = record.dagster_run
        if _is_ours(instance, run, names):
            since = record.start_time or record.create_timestamp.timestamp()
            is_dead = _is_dead(instance, record, names, moment)
            yield ActiveRun(run, datetime.fromtimestamp(since, UTC), is_dead)


def end_dead_runs(
    instance: DagsterInstance, names: Names, now: float | None = None
) -> list[ActiveRun]:
    """Ends our dead runs. Returns those that go on, with those that Dagster will retry."""
    active = active_runs(instance, names, now)
    alive = [run for run in active if not run.is_dead or _end(instance, run.run)]
    _remove_old_locks(instance)
    return alive


def of_job(active: list[ActiveRun], names: Names, job: str) -> ActiveRun | None:
    return next((run for run in active if run.run.job_name == names.name(job)), None)


def _end(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Returns whether Dagster's run_retries will retry it."""
    path = _lock_path(instance, run.run_id)
    current = instance.get_run_by_id(run.run_id)
    if current is None or current.is_finished:
        return False
    message = (
        "The process of this run has died: it was killed, or its machine or container stopped."
    )
    if current.status == DagsterRunStatus.CANCELING:
        instance.report_run_canceled(current, message)
        will_retry = False
    else:
        instance.report_run_failed(current, message)
        max_retries = current.tags.get("dagster/max_retries", instance.run_retries_max_retries)
        retries = int(current.tags.get(_RETRY_NUMBER, 0))
        will_retry = instance.run_retries_enabled and retries < int(max_retries)
    remove_if_free(path)
    return will_retry


def _is_ours(instance: DagsterInstance, run: DagsterRun, names: Names) -> bool:
    keys = set(names.asset_keys.values())
    if run.asset_selection:
        return not keys.isdisjoint(run.asset_selection)
    if run.job_name not in names.jobs and not run.job_name.startswith(_ASSET_JOB):
        return False
    # Another project may have a job of the same name: the planned assets decide.
    planned = instance.get_records_for_run(
        run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION_PLANNED, limit=1
    ).records
    events = [entry.event_log_entry.dagster_event for entry in planned]
    return any(event is not None and event.asset_key in keys for event in events)


def _is_dead(instance: DagsterInstance, record: RunRecord, names: Names, now: float) -> bool:
    run = record.dagster_run
    if run.status == DagsterRunStatus.QUEUED:
        return False
    state = lock_state(_lock_path(instance, run.run_id))
    if state != LockState.MISSING:
        return state == LockState.FREE
    is_elsewhere = run.tags.get(LOCKED_TAG) == run.run_id
    if is_elsewhere or instance.run_launcher.supports_check_run_worker_health:
        # Its lock is on another machine, or its launcher checks it.
        return False
    if not set(run.asset_selection or ()) <= set(names.asset_keys.values()):
        # It may be at a step of another project, which holds no lock.
        return False
    return now - _last_event_time(instance, record) > _SILENT_SECONDS[run.status]


def _last_event_time(instance: DagsterInstance, record: RunRecord) -> float:
    newest = instance.get_records_for_run(
        record.dagster_run.run_id, limit=1, ascending=False
    ).records
    return max(
        record.create_timestamp.timestamp(),
        *(entry.event_log_entry.timestamp for entry in newest),
    )


def _remove_old_locks(instance: DagsterInstance) -> None:
    """Of runs that ended in another way, or were deleted."""
    for path in _folder(instance).glob("*.lock"):
        run = instance.get_run_by_id(path.stem)
        if run is None or run.is_finished:
            remove_if_free(path)


def _folder(instance: DagsterInstance) -> Path:
    return Path(instance.root_directory) / "channels_assets" / "runs"


def _lock_path(instance: DagsterInstance, run_id: str) -> Path:
    return _folder(instance) / f"{run_id}.lock"
