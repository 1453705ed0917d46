"""The Dagster instance of a data folder: DAGSTER_HOME, the shipped dagster.yaml, and its databases."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from dagster import DagsterInstance

from channels_assets.config import ConfigError
from channels_assets.files import copy_whole, locked
from channels_assets.folders import require_usable_folder
from channels_assets.machine_errors import MachineError
from channels_assets.warehouse import machine_error_of

_CREATED = ".databases-made"
_NOT_IN_A_URL = re.compile(r"\?|%[0-9A-Fa-f]{2}")


def dagster_home(data: Path) -> Path:
    """Raises ConfigError for a path that Dagster would read as another one."""
    home = Path(os.path.expanduser(os.environ.get("DAGSTER_HOME") or data / "dagster_home"))
    if found := _NOT_IN_A_URL.search(str(home.absolute())):
        raise ConfigError(
            f"The path {home.absolute()} has {found[0]!r} in it, which Dagster's SQLite reads as part of a "
            "web address: set DAGSTER_HOME to a folder without it (or rename the folder, or set "
            f"CHANNELS_DATA). 路径中含有 {found[0]!r}，Dagster 的 SQLite 无法使用：请更换 DAGSTER_HOME 或 "
            "CHANNELS_DATA。"
        )
    return home.absolute()


def prepare_instance(data: Path) -> None:
    """Sets DAGSTER_HOME and CHANNELS_DATA, and puts the shipped dagster.yaml there if there is none.

    Raises MachineError where the instance can't be opened, ConfigError, and OSError.
    """
    home = _set_home(data)
    require_usable_folder(home)
    if not (home / "dagster.yaml").exists():
        shipped = resources.files("channels_assets") / "dagster.yaml"
        with resources.as_file(shipped) as path:
            copy_whole(path, home / "dagster.yaml")
    _create_databases(home)


@contextmanager
def open_existing_instance(data: Path) -> Generator[DagsterInstance | None]:
    """The instance, or None where prepare_instance has not made one; makes nothing. Raises MachineError."""
    home = _set_home(data)
    if not (home / _CREATED).exists():
        yield None
        return
    with open_instance(home) as instance:
        yield instance


@contextmanager
def open_instance(home: Path) -> Generator[DagsterInstance]:
    """Raises MachineError where dagster.yaml, or what it names, can't be used."""
    try:
        instance = DagsterInstance.get()
    except Exception as error:
        if (found := machine_error_of(error)) is not None:
            raise found from error
        settings = home / "dagster.yaml"
        line = " ".join(str(error).split())[:300] or type(error).__name__
        raise MachineError(
            f"{settings} can't be used: {line}. Correct it, or delete it to get the project's own back; or set "
            f"DAGSTER_HOME to another folder. {settings} 无法使用：请修正（删除后会恢复默认），"
            "或用 DAGSTER_HOME 指定其他目录。",
            settings,
        ) from error
    with instance:
        yield instance


def _set_home(data: Path) -> Path:
    home = dagster_home(data)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["CHANNELS_DATA"] = str(data)
    return home


def _create_databases(home: Path) -> None:
    """Once per DAGSTER_HOME: one process creates the databases while the others wait.

    Dagster creates each database at its first use, and processes that do so at the same time break
    each other's migrations (UNIQUE constraint failed: alembic_version).
    """
    created = home / _CREATED
    if created.exists():
        return
    with locked(home / ".databases.lock"):
        if created.exists():
            return
        with open_instance(home) as instance:
            instance.get_runs(limit=1)
            instance.all_asset_keys()
            instance.all_instigator_state()
        created.touch()
