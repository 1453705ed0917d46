"""What a command runs in: settings, secrets, data folder and Dagster instance, or the sandbox's."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from uuid import uuid4

from dagster import DagsterInstance
from dotenv import load_dotenv

from channels_assets.clients import require_secrets
from channels_assets.config import (
    ConfigError,
    Settings,
    config_path,
    data_dir,
    load_settings,
)
from channels_assets.defs.checks import freshness_rules
from channels_assets.defs.instance import make_databases
from channels_assets.defs.lock_files import HeldFile, remove_free
from channels_assets.defs.ownership import claim
from channels_assets.defs.partition_sync import forget_everything
from channels_assets.defs.resources import open_store
from channels_assets.files import copy_whole
from channels_assets.warehouse import (
    Store,
    WarehouseError,
    clear,
    connect,
    get_meta,
    is_empty,
    keep_promises,
    set_meta,
)

SOURCE = "source"
"""What `meta` of the warehouse calls where its rows are from: SANDBOX or API."""
SANDBOX = "sandbox"
API = "api"
_SANDBOX_DAYS = "sandbox_days"


@dataclass(frozen=True)
class Surroundings:
    """Everything a command needs; `notice` is a line for the user, or empty."""

    settings: Settings
    store: Store
    notice: str


@contextmanager
def surroundings(*, next_day: bool = False) -> Generator[Surroundings]:
    """Prepares folders and environment; without a channels.toml, serves the bundled sandbox.

    `next_day`: the sandbox's world is a day older afterwards, so that the next refresh has something
    to find.
    Raises ConfigError, with one line that says what to change.
    """
    load_dotenv(Path(".env"))
    data = data_dir()
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"The data folder {data} can't be made: {error.strerror}.") from None
    prepare_instance(data)
    if config_path().exists() or os.environ.get("CHANNELS_CONFIG"):
        settings = load_settings(config_path())
        yield _checked(settings, data)
        return
    with bundled_sandbox(data) as url:
        settings = load_settings(config_path())
        checked = _checked(settings, data)
        if next_day:
            _pass_sandbox_day(checked.store)
        notice = (
            f"No channels.toml here: using the bundled sandbox at {url} (made-up data). "
            "没有 channels.toml，使用内置沙盒（虚构数据）。"
        )
        told = "\n".join(filter(None, (notice, checked.notice)))
        yield Surroundings(settings, checked.store, told)


def _checked(settings: Settings, data: Path) -> Surroundings:
    require_secrets(settings, data)
    store = open_store(data, settings)
    return Surroundings(settings, store, _prepared(settings, store))


def _prepared(settings: Settings, store: Store) -> str:
    """Made-up and real rows never share a warehouse. Returns a line for the user, or nothing."""
    source = SANDBOX if settings.api.sandbox else API
    with store.writing() as connection:
        before = get_meta(connection, SOURCE)
        if before == API and source == SANDBOX and not is_empty(connection):
            raise ConfigError(
                f"{store.data_dir} holds real data, but there is no channels.toml here: go to the "
                "folder that has it, or set CHANNELS_CONFIG (or CHANNELS_DATA, to try the sandbox). "
                "数据目录中已有真实数据，但找不到 channels.toml。"
            )
    with DagsterInstance.get() as instance:
        notices = [claim(instance, store, settings)]
        if before == SANDBOX and source == API:
            forget_everything(instance, store, settings)
    with store.writing() as connection:
        if before == SANDBOX and source == API:
            clear(connection)
            notices.append("The sandbox's made-up rows were removed. 已清除沙盒中的虚构数据。")
        if before != source:
            set_meta(connection, SOURCE, source)
        keep_promises(connection, {rule.asset: rule.hours for rule in freshness_rules(settings)})
    return "\n".join(filter(None, notices))


def _sandbox_days(data: Path) -> int:
    """How many days have gone by in the sandbox's world, as of the last refresh; nothing is written."""
    with suppress(WarehouseError), connect(data) as connection:
        return int(get_meta(connection, _SANDBOX_DAYS) or 0)
    return 0


def _pass_sandbox_day(store: Store) -> None:
    with store.writing() as connection:
        days = int(get_meta(connection, _SANDBOX_DAYS) or 0)
        set_meta(connection, _SANDBOX_DAYS, str(days + 1))


def dagster_home(data: Path) -> Path:
    return Path(os.environ.get("DAGSTER_HOME") or data / "dagster_home").absolute()


def prepare_instance(data: Path) -> None:
    """Sets DAGSTER_HOME and CHANNELS_DATA, and puts the project's dagster.yaml there if there is none."""
    home = dagster_home(data)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["CHANNELS_DATA"] = str(data)
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shipped = resources.files("channels_assets") / "dagster.yaml"
        with resources.as_file(shipped) as path:
            copy_whole(path, home / "dagster.yaml")
    make_databases(home)


@contextmanager
def bundled_sandbox(data: Path) -> Generator[str]:
    """Serves the bundled sandbox and points CHANNELS_CONFIG at its accounts; gives its URL."""
    from channels_assets.sandbox import Sandbox, World, pass_day  # noqa: PLC0415 (only where it is used)

    folder = dagster_home(data) / "channels_assets" / "sandbox"
    for leftover in folder.glob("*.toml"):
        remove_free(leftover)
    world = World.generate(seed=1)
    for day in range(_sandbox_days(data)):
        pass_day(world, day)
    with Sandbox(world) as sandbox:
        lines = ["# Written by channels-assets for its bundled sandbox.", "[api]"]
        lines += [f'base_url = "{sandbox.url}"', "sandbox = true"]
        for number, window in enumerate(world.windows.values(), start=1):
            variable = f"SANDBOX_WINDOW_{number}_SECRET"
            os.environ[variable] = window.secret
            lines += ["", "[[window]]", f'appid = "{window.appid}"', f'secret_env = "{variable}"']
        os.environ["SANDBOX_LEAGUE_SECRET"] = world.league.secret
        lines += ["", "[league]", f'appid = "{world.league.appid}"']
        lines += ['secret_env = "SANDBOX_LEAGUE_SECRET"', 'sharers = "all"', ""]
        # Its own file, since another command may serve another sandbox at the same time.
        held = HeldFile(folder / f"{uuid4().hex}.toml")
        held.path.write_text("\n".join(lines), encoding="utf-8")
        os.environ["CHANNELS_CONFIG"] = str(held.path)
        try:
            yield sandbox.url
        finally:
            held.release()
