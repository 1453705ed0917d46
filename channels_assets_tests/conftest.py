"""Fixtures of the end-to-end tests: a sandbox on a real socket and a project folder beside it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from channels_assets.sandbox import Sandbox, World
from channels_assets_tests.helpers.project import Project

_MEMORY = Path("/dev/shm")
_TEMPORARY = "PYTEST_DEBUG_TEMPROOT"
# Dagster's databases are synced hundreds of times in a refresh, and a disk takes longer for that than
# the refresh. What tests kill is a process, never the machine.
if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 2 * 2**30:
    os.environ.setdefault(_TEMPORARY, str(_MEMORY))

_FIGURES = pytest.StashKey[list[str]]()


def pytest_configure() -> None:
    """A shell that starts the tests in its background ignores SIGINT, and so would all commands.

    Messages are in English, unless a test says otherwise.
    """
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name, "").startswith("zh"):
            os.environ[name] = "C.UTF-8"
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGQUIT) == signal.SIG_IGN:
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines for the end of the test run: what was done and how often, as the README quotes it."""
    return request.config.stash.setdefault(_FIGURES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in terminalreporter.config.stash.get(_FIGURES, []):
        terminalreporter.write_line(line)


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Makes a project for a world; the keyword arguments are the sandbox's."""
    with ExitStack() as stack:

        def make(world: World, **options: Any) -> Project:  # noqa: ANN401
            sandbox = stack.enter_context(Sandbox(world, **options))
            return Project(tmp_path, sandbox, world)

        yield make
