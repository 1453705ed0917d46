"""Dagster's Celery launcher, which also notices when a whole worker has died.

Celery keeps such a task as started for ever, and Dagster's monitoring believes it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Self

from dagster import DagsterRun, Field, Float
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from channels_assets.cluster.celery_app import CONFIG

_ASK_EVERY_SECONDS = 5.0
_ANSWER_SECONDS = 2.0


class WatchfulCeleryLauncher(CeleryRunLauncher):
    """`gone_after_seconds`: how long no worker may know of a started run before it counts as dead."""

    def __init__(self, gone_after_seconds: float = 60, **arguments: Any) -> None:  # noqa: ANN401
        super().__init__(**{**arguments, "config_source": CONFIG})
        self._gone_after = gone_after_seconds
        self._asked_at = float("-inf")
        self._active: set[str] | None = None
        self._missing_since: dict[str, float] = {}

    @classmethod
    def config_type(cls) -> Any:  # noqa: ANN401
        return {
            **CeleryRunLauncher.config_type(),
            "gone_after_seconds": Field(Float, is_required=False, default_value=60.0),
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        return cls(inst_data=inst_data, **config_value)

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        told = super().check_run_worker_health(run)
        if told.status != WorkerStatus.RUNNING:
            return told
        task = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        active = self._active_tasks()
        if active is None or task in active:
            # No answer at all says more about the broker than about a worker.
            self._missing_since.pop(task, None)
            return told
        since = self._missing_since.setdefault(task, time.monotonic())
        if time.monotonic() - since < self._gone_after:
            return told
        del self._missing_since[task]
        return CheckRunHealthResult(WorkerStatus.FAILED, "No Celery worker has this run any more.")

    def _active_tasks(self) -> set[str] | None:
        """The tasks that workers say they are at; None when the broker can't be asked."""
        if time.monotonic() - self._asked_at >= _ASK_EVERY_SECONDS:
            try:
                answers = self.celery.control.inspect(timeout=_ANSWER_SECONDS).active() or {}
            except Exception:
                # Whatever the transport raises: it is no sign of a dead worker.
                return None
            self._active = {task["id"] for tasks in answers.values() for task in tasks}
            self._asked_at = time.monotonic()
        return self._active
