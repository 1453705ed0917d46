"""What a command works with: settings and the store, on a data folder and Dagster instance made ready."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from channels_assets.cli.bundled_sandbox import add_sandbox_day, bundled_sandbox
from channels_assets.clients import require_certificates, require_secrets
from channels_assets.config import (
    ConfigError,
    Settings,
    config_path,
    data_dir,
    load_settings,
)
from channels_assets.defs.checks import freshness_rules
from channels_assets.defs.instance import dagster_home, open_instance, prepare_instance
from channels_assets.defs.ownership import claim
from channels_assets.defs.partition_sync import forget_everything
from channels_assets.defs.resources import open_store
from channels_assets.environment import load_environment
from channels_assets.folders import require_usable_folder
from channels_assets.warehouse import (
    Store,
    calls_of_last_loads,
    clear,
    connect,
    get_meta,
    is_empty,
    is_published,
    save_freshness_rules,
    set_meta,
)

SOURCE = "source"
"""The entry in the warehouse's `meta` that says where its rows are from: SANDBOX or API."""
SANDBOX = "sandbox"
API = "api"


@dataclass(frozen=True)
class CommandContext:
    """`notice` is text for the user, or empty."""

    settings: Settings
    store: Store
    notice: str


@contextmanager
def command_context(*, next_day: bool = False) -> Generator[CommandContext]:
    """Prepares folders and environment; without a channels.toml, serves the bundled sandbox.

    `next_day`: the sandbox's world is a day older afterwards, so that the next refresh finds changes.
    Raises ConfigError, MachineError and WarehouseError, with one line that says what to do, and OSError.
    """
    load_environment()
    data = data_dir()
    # Refuses a path before anything is made there.
    dagster_home(data)
    require_usable_folder(data)
    prepare_instance(data)
    if is_configured():
        yield _open(data)
        return
    with bundled_sandbox(data) as url:
        context = _open(data)
        if next_day:
            add_sandbox_day(context.store)
        notice = (
            f"No channels.toml here: using the bundled sandbox at {url} (made-up data). "
            "没有 channels.toml，使用内置沙盒（虚构数据）。"
        )
        notices = "\n".join(filter(None, (notice, context.notice)))
        yield CommandContext(context.settings, context.store, notices)


@contextmanager
def quota_context() -> Generator[tuple[Settings, dict[tuple[str, str], int]]]:
    """Settings, and the calls of the last loads by asset and account; writes nothing."""
    load_environment()
    data = data_dir()
    with ExitStack() as stack:
        if not is_configured():
            stack.enter_context(bundled_sandbox(data, looking=True))
        settings = _usable_settings(data)
        costs = {}
        if is_published(data):
            with connect(data) as connection:
                costs = calls_of_last_loads(connection)
        yield settings, costs


def is_configured() -> bool:
    """Whether there is a channels.toml, or CHANNELS_CONFIG names one; else the sandbox is used."""
    return config_path().exists() or bool(os.environ.get("CHANNELS_CONFIG"))


def _usable_settings(data: Path) -> Settings:
    """Settings with which calls can be made. Raises ConfigError and MachineError."""
    settings = load_settings(config_path())
    require_secrets(settings, data)
    require_certificates(settings)
    return settings


def _open(data: Path) -> CommandContext:
    settings = _usable_settings(data)
    store = open_store(data, settings)
    return CommandContext(settings, store, _prepare_warehouse(settings, store))


def _prepare_warehouse(settings: Settings, store: Store) -> str:
    """Made-up and real rows never share a warehouse. Returns text for the user, or nothing."""
    source = SANDBOX if settings.api.sandbox else API
    with store.writing() as connection:
        before = get_meta(connection, SOURCE)
        if before == API and source == SANDBOX and not is_empty(connection):
            raise ConfigError(
                f"{store.data_dir} holds real data, but there is no channels.toml here: go to the "
                "folder that has it, or set CHANNELS_CONFIG (or CHANNELS_DATA, to try the sandbox).",
                f"{store.data_dir} 中已有真实数据，但找不到 channels.toml：请到其所在目录运行，"
                "或设置 CHANNELS_CONFIG（试用沙盒请设置 CHANNELS_DATA）。",
            )
    with open_instance(dagster_home(store.data_dir)) as instance:
        notices = [claim(instance, store, settings)]
        if before == SANDBOX and source == API:
            forget_everything(instance, store, settings)
    with store.writing() as connection:
        if before == SANDBOX and source == API:
            clear(connection)
            notices.append("The sandbox's made-up rows were removed. 已清除沙盒中的虚构数据。")
        if before != source:
            set_meta(connection, SOURCE, source)
        save_freshness_rules(
            connection, {rule.asset: rule.hours for rule in freshness_rules(settings)}
        )
    return "\n".join(filter(None, notices))
