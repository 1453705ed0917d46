"""The Celery app of the workers: `celery -A channels_assets.cluster.celery_app worker`.

A task is a whole Dagster run: it has many lists, one process, one token and its own pool of calls.
"""

from __future__ import annotations

import os
from typing import Any

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

BROKER_ENV = "CHANNELS_BROKER"
# After so long, Redis gives an unfinished task to another worker. The launcher finds a dead worker
# much sooner, and a run that is still in progress refuses to be started a second time.
_REDELIVERY_SECONDS = 24 * 3600
CONFIG: dict[str, Any] = {
    # Loaded by the worker, before it makes the processes of its runs: not again in each of them.
    "imports": ["channels_assets.definitions"],
    # A task stays in the queue until it is done, and no worker reserves one that another could do.
    "task_acks_late": True,
    "worker_prefetch_multiplier": 1,
    # A new process for each run, so that nothing of an earlier run is left in it.
    "worker_max_tasks_per_child": 1,
    "broker_connection_retry_on_startup": True,
    "broker_transport_options": {"visibility_timeout": _REDELIVERY_SECONDS},
    "result_extended": True,
    "worker_hijack_root_logger": False,
}


def make_celery(broker: str) -> Any:  # noqa: ANN401 (Celery has no types)
    return make_app(
        {
            "broker": broker,
            "backend": broker,
            "config_source": CONFIG,
            "task_default_queue": "dagster",
        }
    )


app = make_celery(os.environ.get(BROKER_ENV, "redis://127.0.0.1:6379/0"))
execute_job = create_execute_job_task(app)
resume_job = create_resume_job_task(app)
