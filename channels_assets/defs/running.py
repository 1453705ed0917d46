"""Which refreshes are under way, told from those whose process has died."""

from __future__ import annotations

import os
import socket

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

PROCESS_TAG = "channels_assets/process"
UNDER_WAY = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def process_tag() -> dict[str, str]:
    """Marks a run that lives in this very process, which no daemon watches."""
    return {PROCESS_TAG: f"{socket.gethostname()} {os.getpid()}"}


def end_dead_runs(instance: DagsterInstance, job: str) -> int:
    """Ends runs of `job` whose process was killed; gives the number of those still under way."""
    alive = 0
    for run in instance.get_runs(RunsFilter(job_name=job, statuses=UNDER_WAY)):
        if _has_died(run.tags.get(PROCESS_TAG, "")):
            instance.report_run_failed(run, "The process of this run was killed.")
        else:
            alive += 1
    return alive


def is_under_way(instance: DagsterInstance, job: str) -> bool:
    """Whether a run of `job` is queued or running."""
    return end_dead_runs(instance, job) > 0


def _has_died(tag: str) -> bool:
    host, _, process = tag.partition(" ")
    return host == socket.gethostname() and not is_alive(int(process))


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
