"""A process may have few files open: a list that waits to be loaded is one of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from channels_assets.sandbox import World
from channels_assets_tests.e2e.test_refresh import expected_windows, stored_windows
from channels_assets_tests.helpers.project import Project


@pytest.mark.parametrize("limit", ["ulimit -Sn 256", "ulimit -n 256"], ids=["soft", "hard"])
def test_many_lists_with_the_few_open_files_of_a_mac(
    make_project: Callable[..., Project], limit: str
) -> None:
    world = World.generate(
        seed=37, windows=300, products=1, shops=1, promoters=3, articles=1, sharers=1
    )
    project = make_project(world)
    project.launcher = ["/bin/sh", "-c", f'{limit}; exec "$@"', "sh"]
    done = project.refresh()
    assert done.code == 0, done.err[-2000:]
    assert not any(asset["failed"] for asset in done.assets.values())
    assert stored_windows(project) == expected_windows(world)
