"""The Dagster instance of a data folder: DAGSTER_HOME, the shipped dagster.yaml, and its databases."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from dagster import DagsterInstance

from channels_assets.files import copy_whole, locked


def dagster_home(data: Path) -> Path:
    return Path(os.environ.get("DAGSTER_HOME") or data / "dagster_home").absolute()


def prepare_instance(data: Path) -> None:
    """Sets DAGSTER_HOME and CHANNELS_DATA, and puts the shipped dagster.yaml there if there is none."""
    home = dagster_home(data)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["CHANNELS_DATA"] = str(data)
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shipped = resources.files("channels_assets") / "dagster.yaml"
        with resources.as_file(shipped) as path:
            copy_whole(path, home / "dagster.yaml")
    _create_databases(home)


def _create_databases(home: Path) -> None:
    """Once per DAGSTER_HOME: one process creates the databases while the others wait.

    Dagster creates each database at its first use, and processes that do so at the same time break
    each other's migrations (UNIQUE constraint failed: alembic_version).
    """
    created = home / ".databases-made"
    if created.exists():
        return
    with locked(home / ".databases.lock"):
        if created.exists():
            return
        with DagsterInstance.get() as instance:
            instance.get_runs(limit=1)
            instance.all_asset_keys()
            instance.all_instigator_state()
        created.touch()
