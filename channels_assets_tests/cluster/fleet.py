"""A fleet as the README describes it: PostgreSQL, Redis, Dagster's services and Celery workers."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from channels_assets_tests.cluster.services import free_port, new_database
from channels_assets_tests.helpers.project import Project

ROOT = Path(__file__).parent.parent.parent


class Fleet:
    """Runs the README's commands, each in a session of its own, and ends them all."""

    def __init__(self, project: Project, server: str, broker: str, name: str) -> None:
        self.project = project
        self.url = ""
        self._stack = ExitStack()
        self._running: list[subprocess.Popen[bytes]] = []
        environment = project.environment
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        environment["DAGSTER_POSTGRES"] = new_database(server, f"dagster_{name}")
        environment["CHANNELS_LAKE"] = new_database(server, f"lake_{name}")
        environment["CHANNELS_BROKER"] = broker
        environment["PYTHONPATH"] = str(ROOT)
        self._port = free_port()

    def __enter__(self) -> Self:
        for command in readme_commands("set up") + readme_commands("first of all"):
            subprocess.run(["bash", "-c", command], check=True, cwd=ROOT, env=self.environment)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._running:
            kill(process, signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                kill(process, signal.SIGKILL)
                process.wait()
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        return self.project.environment

    def start(self, command: str, log: str) -> subprocess.Popen[bytes]:
        out = self._stack.enter_context((self.project.folder / f"{log}.log").open("wb"))
        process = subprocess.Popen(
            shlex.split(command),
            cwd=ROOT,
            env=self.environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running.append(process)
        return process

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        [command] = readme_commands("each worker")
        return self.start(command.replace("one@%h", f"{name}@%h"), name)

    def services(self) -> None:
        """The daemon and the UI."""
        daemon, webserver = readme_commands("once")
        self.start(daemon, "daemon")
        self.start(webserver.replace("3000", str(self._port)), "webserver")
        self.url = f"http://127.0.0.1:{self._port}"
        wait_for(self._is_up, "the Dagster UI", 120)

    def _is_up(self) -> bool:
        try:
            return requests.get(self.url + "/server_info", timeout=5).ok
        except requests.ConnectionError:
            return False

    def query(self, text: str, **variables: object) -> dict[str, Any]:
        body = {"query": text, "variables": variables}
        answer = requests.post(self.url + "/graphql", json=body, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def logs(self) -> str:
        found = sorted(self.project.folder.glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text()[-2000:]}" for log in found)


def kill(process: subprocess.Popen[bytes], number: int) -> None:
    """A process with all its children."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def readme_commands(title: str) -> list[str]:
    """The commands under the comment `# title` in the README's section on outgrowing one machine."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Outgrowing one machine")[2].partition("\n## ")[0]
    block = re.search(rf"^# {re.escape(title)}.*\n((?:[^#`\n].*\n)+)", section, re.MULTILINE)
    assert block, f"the README has no commands for {title!r}"
    return [line for line in block[1].splitlines() if line]


def wait_for(done: Callable[[], bool], what: str, seconds: float, pause: float = 0.5) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what} did not come in {seconds:.0f} s"
        time.sleep(pause)
