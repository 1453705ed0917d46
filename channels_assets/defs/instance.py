"""The Dagster instance of a command, and its databases before several processes use them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import yaml
from dagster import DagsterInstance
from dagster._core.instance import InstanceRef

from channels_assets.files import open_lock_file

_UNCAPTURED = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


def instance_in_terminal() -> DagsterInstance:
    """The instance of DAGSTER_HOME, for runs within a command.

    What is printed meanwhile, progress bars above all, goes straight to the terminal, unless
    dagster.yaml says where logs are to be kept. By default Dagster would start four processes a
    step to keep it in a file and copy it from there.
    """
    home = os.environ["DAGSTER_HOME"]
    chosen = yaml.safe_load((Path(home) / "dagster.yaml").read_text("utf-8")) or {}
    return DagsterInstance.from_ref(
        InstanceRef.from_dir(home, overrides={} if "compute_logs" in chosen else _UNCAPTURED)
    )


def make_databases(home: Path) -> None:
    """Once per DAGSTER_HOME: one process makes the databases, while the others wait.

    Dagster makes each at its first use, and processes that do so at the same moment break each
    other's migrations (UNIQUE constraint failed: alembic_version).
    """
    made = home / ".databases-made"
    if made.exists():
        return
    with os.fdopen(open_lock_file(home / ".databases.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.exists():
            return
        with DagsterInstance.get() as instance:
            instance.get_runs(limit=1)
            instance.all_asset_keys()
            instance.all_instigator_state()
        made.touch()
