"""Dagster's Celery launcher, which also notices when a whole worker has died.

Celery keeps the task of a dead worker as started for ever, and Dagster's run monitoring believes it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Self

from dagster import DagsterRun, Field, Float

# Private: what a launcher says about the health of a run has no public name in Dagster.
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from channels_assets.cluster.celery_app import CONFIG

_INSPECT_EVERY_SECONDS = 5.0
_ANSWER_SECONDS = 2.0


class WatchfulCeleryLauncher(CeleryRunLauncher):
    """`gone_after_seconds`: a started run that no worker has had for so long counts as dead."""

    def __init__(self, gone_after_seconds: float = 60, **arguments: Any) -> None:  # noqa: ANN401
        super().__init__(**{**arguments, "config_source": CONFIG})
        self._gone_after = gone_after_seconds
        self._inspected_at = float("-inf")
        self._active: set[str] | None = None
        self._missing_since: dict[str, float] = {}

    @classmethod
    def config_type(cls) -> Any:  # noqa: ANN401
        return {
            **CeleryRunLauncher.config_type(),
            "gone_after_seconds": Field(Float, is_required=False, default_value=60.0),
        }

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:  # noqa: ANN401
        return cls(inst_data=inst_data, **config_value)

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        health = super().check_run_worker_health(run)
        if health.status != WorkerStatus.RUNNING:
            return health
        task = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        active = self._active_tasks()
        if active is None or task in active:
            # Without an answer the fault is more likely the broker's than a worker's.
            self._missing_since.pop(task, None)
            return health
        since = self._missing_since.setdefault(task, time.monotonic())
        if time.monotonic() - since < self._gone_after:
            return health
        del self._missing_since[task]
        return CheckRunHealthResult(WorkerStatus.FAILED, "No Celery worker has this run any more.")

    def _active_tasks(self) -> set[str] | None:
        """The tasks in progress, as the workers report them; None when the broker can't be reached."""
        if time.monotonic() - self._inspected_at >= _INSPECT_EVERY_SECONDS:
            try:
                answers = self.celery.control.inspect(timeout=_ANSWER_SECONDS).active() or {}
            except Exception:
                # Any error of the transport; none of them is a sign of a dead worker.
                return None
            self._active = {task["id"] for tasks in answers.values() for task in tasks}
            self._inspected_at = time.monotonic()
        return self._active
