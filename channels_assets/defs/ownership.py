"""The data folder that owns a Dagster instance: two folders that share names would mix their lists.

The owner is stored on the instance itself, as the only key of a partition set, so that it works with
every database of an instance.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from dagster import AssetExecutionContext, DagsterInstance, Failure

from channels_assets.config import ConfigError, Settings
from channels_assets.defs.names import Names
from channels_assets.warehouse import (
    Store,
    connect,
    is_published,
    may_contain_warehouse,
    warehouse_id,
)

OWNER_NAME = "channels_owner"


class OwnedByAnother(ConfigError):
    """The instance belongs to another data folder. The text is one line that says what to do."""


@dataclass(frozen=True)
class Owner:
    """A data folder; `folder` is "" for a lake, which has no folder of its own."""

    warehouse: str
    folder: str
    machine: str

    def __str__(self) -> str:
        return self.folder or f"the lake {self.warehouse}"

    @property
    def as_key(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of_key(cls, key: str) -> Owner:
        """Also reads a key that a person has added by hand."""
        try:
            fields = json.loads(key)
            return cls(str(fields["warehouse"]), str(fields["folder"]), str(fields["machine"]))
        except (ValueError, KeyError, TypeError):
            return cls(key, "", "")

    def may_exist(self) -> bool:
        """Whether its data may still exist; a lake or another machine's folder can't be checked from here."""
        if not self.folder or self.machine != socket.gethostname():
            return True
        return may_contain_warehouse(Path(self.folder), self.warehouse)


def claim(instance: DagsterInstance, store: Store, settings: Settings) -> str:
    """Makes this data folder the owner, if no other one is. Returns a line for the user, or nothing.

    Raises OwnedByAnother, before anything is changed.
    """
    with store.writing() as connection:
        mine = _owner(warehouse_id(connection), store.data_dir, settings)
    owners = Names.of(settings).name(OWNER_NAME)
    known = instance.get_dynamic_partitions(owners)
    if not known:
        instance.add_dynamic_partitions(owners, [mine.as_key])
        # Another process may have been first.
        known = instance.get_dynamic_partitions(owners)
    before = Owner.of_key(known[0])
    if before == mine:
        return ""
    if _conflict(before, mine):
        raise OwnedByAnother(_conflict_message(before, settings))
    instance.add_dynamic_partitions(owners, [mine.as_key])
    for key in known:
        if key != mine.as_key:
            instance.delete_dynamic_partition(owners, key)
    if before.folder == mine.folder:
        return ""
    return (
        f"The Dagster instance in {_home()} belonged to {before} before, whose data is not there any "
        f"more: now it belongs to {mine}."
    )


def require_owner(context: AssetExecutionContext, store: Store, settings: Settings) -> None:
    """Raises Failure in a run of a data folder that does not own the instance."""
    try:
        claim(context.instance, store, settings)
    except OwnedByAnother as error:
        raise Failure(str(error), allow_retries=False) from None


def require_free(instance: DagsterInstance, data: Path, settings: Settings) -> None:
    """Raises OwnedByAnother where claim() would. Changes nothing."""
    if owner := other_owner(instance, data, settings):
        raise OwnedByAnother(_conflict_message(owner, settings))


def other_owner(instance: DagsterInstance, data: Path, settings: Settings) -> Owner | None:
    """The owner that would make claim() raise, or None. Changes nothing."""
    known = instance.get_dynamic_partitions(Names.of(settings).name(OWNER_NAME))
    if not known:
        return None
    identity = ""
    if is_published(data):
        with connect(data) as connection:
            identity = warehouse_id(connection)
    before, mine = Owner.of_key(known[0]), _owner(identity, data, settings)
    return before if _conflict(before, mine) else None


def _owner(identity: str, data: Path, settings: Settings) -> Owner:
    is_lake = settings.warehouse.catalogue_env is not None
    return Owner(identity, "" if is_lake else str(data.resolve()), socket.gethostname())


def _conflict(before: Owner, mine: Owner) -> bool:
    if before.warehouse == mine.warehouse:
        # The same folder, perhaps moved; a copy of a folder that still exists is in conflict.
        other_folder = before.folder != mine.folder and bool(before.folder and mine.folder)
        same_machine = before.machine == mine.machine
        return other_folder and same_machine and before.may_exist()
    if (before.folder, before.machine) == (mine.folder, mine.machine) and mine.folder:
        # The data was deleted and loaded again.
        return False
    return before.may_exist()


def _conflict_message(before: Owner, settings: Settings) -> str:
    namespace = settings.dagster.namespace
    another = '`[dagster] namespace = "..."`' + (f' other than "{namespace}"' if namespace else "")
    return (
        f"The Dagster instance in {_home()} belongs to another data folder, {before}: set {another} in "
        "channels.toml, or another DAGSTER_HOME. 该 Dagster 实例已属于另一个数据目录，请在 channels.toml "
        "中设置 [dagster] namespace，或使用另一个 DAGSTER_HOME。"
    )


def _home() -> str:
    return os.environ.get("DAGSTER_HOME", "DAGSTER_HOME")
