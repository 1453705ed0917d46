"""What a command runs in: settings, secrets, data folder and Dagster instance, or the sandbox's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from dotenv import load_dotenv

from channels_assets.config import (
    ConfigError,
    Settings,
    config_path,
    data_dir,
    load_settings,
    secret,
)
from channels_assets.defs.discovery import forget_everything
from channels_assets.defs.resources import open_store
from channels_assets.defs.running import is_alive
from channels_assets.warehouse import Store, clear, get_meta, set_meta

_SOURCE = "source"
_SANDBOX = "sandbox"
_API = "api"


@dataclass(frozen=True)
class Surroundings:
    """Everything a command needs; `notice` is a line for the user, or empty."""

    settings: Settings
    store: Store
    notice: str


@contextmanager
def surroundings() -> Generator[Surroundings]:
    """Prepares folders and environment; without a channels.toml, serves the bundled sandbox.

    Raises ConfigError, with one line that says what to change.
    """
    load_dotenv(Path(".env"))
    data = data_dir()
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"The data folder {data} can't be made: {error.strerror}.") from None
    _prepare_instance(data)
    if config_path().exists() or os.environ.get("CHANNELS_CONFIG"):
        settings = load_settings(config_path())
        yield _checked(settings, data)
        return
    with _sandbox(data) as url:
        settings = load_settings(config_path())
        checked = _checked(settings, data)
        notice = (
            f"No channels.toml here: using the bundled sandbox at {url} (made-up data). "
            "没有 channels.toml，使用内置沙盒（虚构数据）。"
        )
        yield Surroundings(settings, checked.store, notice)


def _checked(settings: Settings, data: Path) -> Surroundings:
    for window in settings.window:
        secret(window.secret_env)
    if settings.league is not None:
        secret(settings.league.secret_env)
    store = open_store(data, settings)
    return Surroundings(settings, store, _one_source(settings, store))


def _one_source(settings: Settings, store: Store) -> str:
    """Made-up and real rows never share a warehouse."""
    source = _SANDBOX if settings.api.sandbox else _API
    with store.writing() as connection:
        before = get_meta(connection, _SOURCE)
        if before == _API and source == _SANDBOX:
            raise ConfigError(
                f"{store.data_dir} holds real data, but there is no channels.toml here: go to the "
                "folder that has it, or set CHANNELS_CONFIG (or CHANNELS_DATA, to try the sandbox). "
                "数据目录中已有真实数据，但找不到 channels.toml。"
            )
        notice = ""
        if before == _SANDBOX and source == _API:
            clear(connection)
            forget_everything()
            notice = "The sandbox's made-up rows were removed. 已清除沙盒中的虚构数据。"
        if before != source:
            set_meta(connection, _SOURCE, source)
    return notice


def _prepare_instance(data: Path) -> None:
    home = Path(os.environ.get("DAGSTER_HOME") or data / "dagster_home").absolute()
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["CHANNELS_DATA"] = str(data)
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shipped = resources.files("channels_assets") / "dagster.yaml"
        with resources.as_file(shipped) as path:
            shutil.copyfile(path, home / "dagster.yaml")


@contextmanager
def _sandbox(data: Path) -> Generator[str]:
    from channels_assets.sandbox import Sandbox, World  # noqa: PLC0415 (only where it is used)

    for leftover in data.glob("sandbox-*.toml"):
        if not is_alive(int(leftover.stem.partition("-")[2])):
            leftover.unlink(missing_ok=True)
    world = World.generate(seed=1)
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
        path = data / f"sandbox-{os.getpid()}.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        os.environ["CHANNELS_CONFIG"] = str(path)
        try:
            yield sandbox.url
        finally:
            path.unlink(missing_ok=True)
