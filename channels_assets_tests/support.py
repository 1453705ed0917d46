"""A project folder as a user has it: channels.toml, secrets in the environment, the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from dagster import DagsterInstance

from channels_assets.sandbox import Sandbox, World
from channels_assets.warehouse import query


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str

    @property
    def assets(self) -> dict[str, Any]:
        return json.loads(self.out)["assets"]


class Project:
    """One folder, one sandbox. `refresh` is the real command in a process of its own."""

    def __init__(self, folder: Path, sandbox: Sandbox, world: World) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.world = world
        self.data = folder / "data"
        self.settings: list[str] = ["backoff_seconds = 0.01"]
        self.sharers = '"all"'
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CHANNELS_DATA": str(self.data),
            "CHANNELS_CONFIG": str(folder / "channels.toml"),
            "DAGSTER_HOME": str(self.data / "dagster_home"),
        }
        self.write()

    def write(self, windows: Iterable[str] | None = None, league: bool = True) -> None:
        """Writes channels.toml, for these window appids (default all of the world's)."""
        lines = ["[api]", f'base_url = "{self.sandbox.url}"', *self.settings]
        for appid in self.world.windows if windows is None else windows:
            self.environment[f"SECRET_{appid}"] = self.world.windows[appid].secret
            lines += ["[[window]]", f'appid = "{appid}"', f'secret_env = "SECRET_{appid}"']
        if league:
            self.environment["SECRET_LEAGUE"] = self.world.league.secret
            lines += ["[league]", f'appid = "{self.world.league.appid}"']
            lines += ['secret_env = "SECRET_LEAGUE"', f"sharers = {self.sharers}"]
        (self.folder / "channels.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def command(self, *arguments: str) -> Finished:
        done = subprocess.run(
            [sys.executable, "-m", "channels_assets.cli", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def refresh(self, *arguments: str) -> Finished:
        return self.command("refresh", "--json", *arguments)

    def instance(self) -> DagsterInstance:
        """The Dagster instance of the project, to look into."""
        return DagsterInstance.from_config(str(self.data / "dagster_home"))

    def query(self, sql: str, params: Sequence[object] | None = None) -> pd.DataFrame:
        return query(sql, params, data=self.data)

    def rows(self, sql: str, params: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        frame = self.query(sql, params)
        return [
            tuple(None if pd.isna(value) else value for value in row)
            for row in frame.itertuples(index=False)
        ]
