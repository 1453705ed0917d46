"""`channels-assets doctor` where nothing is wrong, and how findings are shown."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from channels_assets.sandbox import Fault, World
from channels_assets_tests.helpers.project import Project


def test_nothing_broken_is_all_ok(make_project: Callable[..., Project]) -> None:
    project = make_project(World.generate(seed=71), daily_limit=1000)
    for refreshed in (False, True):
        if refreshed:
            assert project.refresh().code == 0
        done = project.command("doctor")
        assert done.code == 0, done.out
        assert {line.split()[0] for line in done.out.splitlines()} == {"ok"}
        assert refreshed != ("none yet" in done.out)
    assert "calls left today" in done.out
    # It looks, and leaves nothing behind that a refresh does not.
    assert project.refresh().code == 0


def test_without_a_file_the_bundled_sandbox_is_checked(tmp_path: Path) -> None:
    project = object.__new__(Project)
    project.folder, project.data = tmp_path, tmp_path / "data"
    project.environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "zh_CN.UTF-8"}
    done = project.command("doctor")
    assert done.code == 0, done.out + done.err
    assert {line.split()[0] for line in done.out.splitlines()} == {"正常"}
    assert "内置沙盒" in done.out
    as_json = project.command("doctor", "--json")
    assert json.loads(as_json.out)["sandbox"].startswith("http://127.0.0.1:")
    assert list(tmp_path.iterdir()) == []


def test_the_same_finding_of_many_accounts_is_one_line(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(World.generate(seed=72, windows=40, products=2))
    project.write(league=False)
    project.sandbox.inject(Fault("capability_off", text="api unauthorized"))
    project.environment["COLUMNS"] = "300"
    done = project.command("doctor")
    assert done.code == 1
    wrong = [line for line in done.out.splitlines() if line.startswith("wrong")]
    assert len(wrong) == 1
    assert "(+37)" in wrong[0]
