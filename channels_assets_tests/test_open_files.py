"""A process may have few files open: a list that waits to be loaded is one of them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable

import pytest

from channels_assets.sandbox import World
from channels_assets_tests.support import Project
from channels_assets_tests.test_refresh import expected_windows, stored_windows

COMMAND = [sys.executable, "-m", "channels_assets.cli", "refresh", "--json"]


@pytest.mark.parametrize("limit", ["ulimit -Sn 256", "ulimit -n 256"], ids=["soft", "hard"])
def test_many_lists_with_the_few_open_files_of_a_mac(
    make_project: Callable[..., Project], limit: str
) -> None:
    world = World.generate(
        seed=37, windows=300, products=1, shops=10, promoters=30, articles=1, sharers=1
    )
    project = make_project(world)
    done = subprocess.run(
        ["/bin/sh", "-c", f"{limit}; exec {shlex.join(COMMAND)}"],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not any(one["failed"] for one in json.loads(done.stdout)["assets"].values())
    assert stored_windows(project) == expected_windows(world)
