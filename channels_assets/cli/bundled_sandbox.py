"""The sandbox that a command serves where there is no channels.toml, so that it has made-up data to show."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

from channels_assets.defs.instance import dagster_home
from channels_assets.files import ProcessLock, remove_if_free
from channels_assets.warehouse import Store, WarehouseError, connect, get_meta, set_meta

if TYPE_CHECKING:
    from channels_assets.sandbox import Sandbox, World

_DAYS = "sandbox_days"


@contextmanager
def bundled_sandbox(data: Path, *, looking: bool = False) -> Generator[str]:
    """Serves the sandbox and points CHANNELS_CONFIG at its accounts; yields its URL.

    `looking`: nothing is written into DAGSTER_HOME.
    """
    # Its import takes time that other commands need not spend.
    from channels_assets.sandbox import Sandbox, World, pass_day  # noqa: PLC0415

    world = World.generate(seed=1)
    for day in range(_days(data)):
        pass_day(world, day)
    with Sandbox(world) as sandbox, _settings_file(data, looking) as path:
        path.write_text(_settings(sandbox, world), encoding="utf-8")
        os.environ["CHANNELS_CONFIG"] = str(path)
        os.environ.update(_secrets(world))
        yield sandbox.url


@contextmanager
def _settings_file(data: Path, looking: bool) -> Generator[Path]:
    """A file of its own: another command may serve another sandbox at the same time."""
    if looking:
        with TemporaryDirectory(prefix="channels-assets-") as temporary:
            yield Path(temporary) / "sandbox.toml"
        return
    folder = dagster_home(data) / "channels_assets" / "sandbox"
    for leftover in folder.glob("*.toml"):
        remove_if_free(leftover)
    lock = ProcessLock(folder / f"{uuid4().hex}.toml")
    try:
        yield lock.path
    finally:
        lock.release()


def add_sandbox_day(store: Store) -> None:
    """The sandbox's world is a day older at the next command, so that a refresh finds changes."""
    with store.writing() as connection:
        days = int(get_meta(connection, _DAYS) or 0)
        set_meta(connection, _DAYS, str(days + 1))


def _days(data: Path) -> int:
    """The age of the world in days at the last refresh; writes nothing."""
    with suppress(WarehouseError, OSError), connect(data) as connection:
        return int(get_meta(connection, _DAYS) or 0)
    return 0


def _settings(sandbox: Sandbox, world: World) -> str:
    lines = ["# Written by channels-assets for its bundled sandbox.", "[api]"]
    lines += [f'base_url = "{sandbox.url}"', "sandbox = true"]
    for number, window in enumerate(world.windows.values(), start=1):
        lines += ["", "[[window]]", f'appid = "{window.appid}"']
        lines += [f'secret_env = "{_window_variable(number)}"']
    lines += ["", "[league]", f'appid = "{world.league.appid}"']
    lines += [f'secret_env = "{_LEAGUE_VARIABLE}"', 'sharers = "all"', ""]
    return "\n".join(lines)


def _secrets(world: World) -> dict[str, str]:
    windows = enumerate(world.windows.values(), start=1)
    secrets = {_window_variable(number): window.secret for number, window in windows}
    return {**secrets, _LEAGUE_VARIABLE: world.league.secret}


_LEAGUE_VARIABLE = "SANDBOX_LEAGUE_SECRET"


def _window_variable(number: int) -> str:
    return f"SANDBOX_WINDOW_{number}_SECRET"
