"""Set-ups that break one thing each, and what `channels-assets doctor` must say of them."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

from channels_assets.sandbox import Fault
from channels_assets_tests.helpers.broken import Breaks, Case
from channels_assets_tests.helpers.project import Project
from channels_assets_tests.helpers.search import Needles


def first_window(project: Project) -> str:
    return next(iter(project.world.windows))


def environment(**values: str) -> Breaks:
    def breaks(project: Project) -> None:
        for name, value in values.items():
            project.environment[name.replace("FIRST", first_window(project))] = value

    return breaks


def inject(kind: str, **more: Any) -> Breaks:  # noqa: ANN401
    return lambda project: project.sandbox.inject(Fault(kind, appid=first_window(project), **more))


def toml(old: str, new: str) -> Breaks:
    def breaks(project: Project) -> None:
        path = project.folder / "channels.toml"
        text = path.read_text("utf-8").replace("URL", project.sandbox.url)
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    return breaks


def write(*lines: str) -> Breaks:
    def breaks(project: Project) -> None:
        project.write_lines(*(line.replace("FIRST", first_window(project)) for line in lines))

    return breaks


def check_case(project: Project, case: Case) -> None:
    """Doctor names the cause, and nothing else."""
    project.environment["LANG"] = "en_US.UTF-8"
    project.settings.append("tries = 1")
    project.write()
    broken = case.breaks(project)
    with broken if hasattr(broken, "__enter__") else nullcontext():
        as_json = project.command("doctor", "--json")
        project.environment["LC_ALL"] = "zh_CN.UTF-8"
        as_text = project.command("doctor")
    assert as_json.code == as_text.code == case.code, as_json.err + as_text.err
    assert as_json.err == as_text.err == ""
    findings = json.loads(as_json.out)["findings"]
    bad = [finding for finding in findings if finding["status"] != "ok"]
    found = {(finding["check"], finding["status"]) for finding in bad}
    assert found == {(case.check, case.status)}, as_json.out
    text = f"{bad[0]['message']} {bad[0]['todo']}"
    assert [word for word in case.words if word not in text] == []
    lines = [line for line in as_text.out.splitlines() if not line.startswith("正常")]
    assert len(lines) == 1, as_text.out
    assert case.zh in lines[0]
    secrets = {token for token in project.sandbox.tokens if len(token) >= 16}
    assert Needles(secrets).found_in(as_json.out + as_text.out) == []
    assert "SeCrEt" not in as_json.out + as_text.out
