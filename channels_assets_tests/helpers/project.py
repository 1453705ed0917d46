"""A project folder as a user has it: channels.toml, secrets in the environment, the real command."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

import pandas as pd
import requests
from dagster import DagsterInstance

from channels_assets.sandbox import Sandbox, World
from channels_assets.warehouse import query
from channels_assets_tests.helpers.fork_server import start_python


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

    launcher: Sequence[str] = ()
    """What runs the command, if it does not run by itself."""
    fresh = False
    """Whether each command is a new interpreter, where otherwise a fork will do (fork_server.py)."""

    def __init__(self, folder: Path, sandbox: Sandbox, world: World) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.world = world
        self.data = folder / "data"
        self.settings: list[str] = ["backoff_seconds = 0.01"]
        self.sharers = '"all"'
        """"" to leave it out."""
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
            lines.append('secret_env = "SECRET_LEAGUE"')
            lines += [f"sharers = {self.sharers}"] if self.sharers else []
        (self.folder / "channels.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write_lines(self, *lines: str) -> None:
        """Writes channels.toml with accounts of one's own choice."""
        head = ["[api]", f'base_url = "{self.sandbox.url}"', *self.settings]
        (self.folder / "channels.toml").write_text("\n".join([*head, *lines]) + "\n", "utf-8")

    def line(self, *arguments: str) -> list[str]:
        return [*self.launcher, sys.executable, "-m", "channels_assets.cli", *arguments]

    def command(self, *arguments: str) -> Finished:
        with self.start(*arguments) as process:
            try:
                out, err = process.communicate(timeout=200)
            except BaseException:
                process.kill()
                raise
        return Finished(process.returncode, out, err)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The command, left running."""
        options = {"cwd": self.folder, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        if self.launcher:
            line = self.line(*arguments)
            return subprocess.Popen(line, env=self.environment, text=True, **options)
        python = ["-m", "channels_assets.cli", *arguments]
        return start_python(python, self.environment, fresh=self.fresh, **options)

    def wait_for_connections_to_end(self) -> None:
        """After a process was killed: the sandbox may still read, and log, what it had sent."""
        server = self.sandbox._server
        assert server is not None
        deadline = time.monotonic() + 60
        # Twice, since a connection may wait to be accepted.
        for _ in range(2):
            while server._connections:
                assert time.monotonic() < deadline, "the sandbox keeps connections"
                time.sleep(0.02)
            time.sleep(0.05)

    def refresh(self, *arguments: str) -> Finished:
        return self.command("refresh", "--json", *arguments)

    def instance(self) -> DagsterInstance:
        """The Dagster instance of the project, to look into."""
        home = {"DAGSTER_HOME": str(self.data / "dagster_home")}
        with patch.dict(os.environ, home):
            return DagsterInstance.get()

    def query(self, sql: str, params: Sequence[object] | None = None) -> pd.DataFrame:
        return query(sql, params, data=self.data)

    def rows(self, sql: str, params: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        frame = self.query(sql, params)
        return [
            tuple(None if pd.isna(value) else value for value in row)
            for row in frame.itertuples(index=False)
        ]


_HOLDER = """
import sys, time
from dagster import DagsterInstance
from channels_assets.defs.active_runs import lock_run
with DagsterInstance.from_config(sys.argv[1]) as instance:
    lock = lock_run(instance, sys.argv[2])
    print("held", flush=True)
    time.sleep(600)
"""


def holder_of(instance: DagsterInstance, run_id: str) -> subprocess.Popen[str]:
    """A process of its own that holds the run's lock, as one that executes the run does."""
    environment = {**os.environ, "DAGSTER_HOME": instance.root_directory}
    code = ["-c", _HOLDER, instance.root_directory, run_id]
    process = start_python(code, environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill_holder_of(instance: DagsterInstance, run_id: str) -> None:
    """What is left of a run whose process was killed."""
    process = holder_of(instance, run_id)
    process.kill()
    process.communicate()


def processes_of(project: Project) -> dict[int, str]:
    """What runs on the project's Dagster instance: pid and command line."""
    mark = f"DAGSTER_HOME={project.environment['DAGSTER_HOME']}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                line = (process / "cmdline").read_text().replace("\0", " ")
                found[int(process.name)] = line
    return found


class DagsterDev:
    """`channels-assets dev` as a user starts it; a context manager. `query` asks its GraphQL."""

    process: subprocess.Popen[bytes]

    def __init__(self, project: Project) -> None:
        self._project = project
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._log = (self._project.folder / "dev.log").open("w")
        self.start()
        return self

    def start(self) -> None:
        """Once more, after it has ended."""
        self.process = subprocess.Popen(
            self._project.line("dev", "--port", str(self.port)),
            cwd=self._project.folder,
            env=self._project.environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.wait_for(self._is_up, "the Dagster UI")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        finally:
            self.process.kill()
            self._log.close()

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.log()
        try:
            return requests.get(self.url + "/server_info", timeout=5).ok
        except requests.ConnectionError:
            return False

    def log(self) -> str:
        return (self._project.folder / "dev.log").read_text()

    def wait_for(self, done: Callable[[], bool], what: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"{what} did not come: {self.log()[-3000:]}"
            time.sleep(0.3)

    def query(self, text: str, **variables: object) -> dict[str, Any]:
        body = {"query": text, "variables": variables}
        answer = requests.post(self.url + "/graphql", json=body, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]
