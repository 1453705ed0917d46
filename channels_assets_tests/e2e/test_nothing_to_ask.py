"""What channels.toml asks for and nothing can be asked for is no success: exit code 1, and a check."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from channels_assets.sandbox import World
from channels_assets_tests.helpers.project import Project

Make = Callable[..., Project]
Breaks = Callable[[Project], object]


def choose(sharers: str) -> Breaks:
    return lambda project: setattr(project, "sharers", sharers)


def first_sharer_and_unknown(project: Project) -> None:
    bound = project.world.league.sharers[0]["sharer_appid"]
    project.sharers = json.dumps([bound, "wxnobody"])


def only_video_accounts(project: Project) -> None:
    for promoters in project.world.league.promoters.values():
        for promoter in promoters:
            promoter["promoter_type"] = 1


# What is odd -> the asset of the check, words of it, article lists that are loaded all the same.
CASES: dict[str, tuple[Breaks, str, tuple[str, ...], bool]] = {
    "sharers that match nothing": (
        choose('["wxnobody"]'), "sharers", ("wxnobody is not bound", "推客未绑定该机构"), False,
    ),
    "a sharer that is not bound beside one that is": (
        first_sharer_and_unknown, "sharers", ("wxnobody is not bound", "left out"), True,
    ),
    "no sharer chosen where two are bound": (
        choose(""), "sharers", ('sharers = "all"', "绑定了多个推客"), False,
    ),
    "no sharer bound": (
        lambda project: project.world.league.sharers.clear(), "sharers", ("No sharer is bound", "尚未绑定任何推客"),
        False,
    ),
    "accounts of type 1 alone": (
        only_video_accounts, "shop_promoters", ("of type 1", "没有公众号或服务号"), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("breaks", "asset", "words", "loads"), CASES.values(), ids=CASES)
def test_what_nothing_can_be_asked_for(
    make_project: Make, breaks: Breaks, asset: str, words: tuple[str, ...], loads: bool
) -> None:
    project = make_project(World.generate(seed=51, windows=1, products=9, shops=2))
    breaks(project)
    project.write()

    # Also at the first refresh, where each asset sees no rows of the other yet.
    for done in (project.refresh(), project.refresh()):
        assert (done.code, done.err) == (1, "")
        assert not any(result["failed"] for result in done.assets.values())
        found = [
            check
            for check in json.loads(done.out)["checks"]
            if check["check"] == "article_lists_found"
        ]
        assert [check["asset"] for check in found] == [asset]
        assert [word for word in words if word not in found[0]["description"]] == []
        assert done.assets["window_products"]["succeeded"] == 1
        assert bool(done.assets["shop_articles"]["succeeded"]) == loads

    as_text = project.command("refresh")
    assert as_text.code == 1
    lines = [line for line in as_text.out.splitlines() if line.startswith("check ")]
    assert len(lines) == len(set(lines))
    assert len([line for line in lines if "article_lists_found" in line]) == 1


def test_lists_that_would_vanish_are_said_once(make_project: Make) -> None:
    project = make_project(World.generate(seed=52, windows=1, shops=4))
    assert project.refresh().code == 0
    del project.world.league.shops[1:]
    done = project.command("refresh")
    assert done.code == 1
    assert done.out.count("would vanish at once") == 1


def test_all_that_was_asked_is_loaded_and_no_check_fails(make_project: Make) -> None:
    project = make_project(World.generate(seed=53, windows=1, products=9, shops=1))
    done = project.refresh()
    assert (done.code, json.loads(done.out)["checks"]) == (0, [])
