"""The databases of a Dagster instance, made before several processes use them."""

from __future__ import annotations

from pathlib import Path

from dagster import DagsterInstance

from channels_assets.files import locked


def make_databases(home: Path) -> None:
    """Once per DAGSTER_HOME: one process makes the databases, while the others wait.

    Dagster makes each at its first use, and processes that do so at the same moment break each
    other's migrations (UNIQUE constraint failed: alembic_version).
    """
    made = home / ".databases-made"
    if made.exists():
        return
    with locked(home / ".databases.lock"):
        if made.exists():
            return
        with DagsterInstance.get() as instance:
            instance.get_runs(limit=1)
            instance.all_asset_keys()
            instance.all_instigator_state()
        made.touch()
