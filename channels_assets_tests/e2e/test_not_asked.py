"""Lists that can't be asked: an account without its secret, and what waits for a list that failed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from rich.console import Console

from channels_assets.cli.output import ProgressBars
from channels_assets.defs.events import FailedPartition
from channels_assets.defs.runner import NOT_ASKED, AssetResult
from channels_assets.sandbox import Fault, World
from channels_assets_tests.helpers.project import Project

Make = Callable[..., Project]
SHOPS = "/channels/ec/promoter/get_bind_shop_list"


@pytest.mark.parametrize("value", [None, "", " "])
def test_a_missing_secret_fails_its_list_alone(make_project: Make, value: str | None) -> None:
    world = World.generate(seed=54, windows=5, products=9, shops=0)
    project = make_project(world)
    project.write(league=False)
    bad = list(world.windows)[2]
    if value is None:
        del project.environment[f"SECRET_{bad}"]
    else:
        project.environment[f"SECRET_{bad}"] = value

    done = project.refresh()

    assert (done.code, done.err) == (1, "")
    windows = done.assets["window_products"]
    assert windows["succeeded"] == 4
    [failed] = windows["failed"]
    assert (failed["partition"], failed["class"]) == (bad, "PermissionDenied")
    for text in (
        f"SECRET_{bad} is empty",
        f"the AppSecret of {bad}",
        f"环境变量 SECRET_{bad} 未设置",
    ):
        assert text in failed["error"]
    assert bad not in {call.appid for call in project.sandbox.calls}


def test_a_missing_secret_of_the_agency_leaves_the_windows_alone(make_project: Make) -> None:
    project = make_project(World.generate(seed=55, windows=2, products=9, shops=1))
    del project.environment["SECRET_LEAGUE"]
    done = project.refresh()
    assert done.code == 1
    assert done.assets["window_products"]["succeeded"] == 2
    for asset in ("cooperating_shops", "sharers"):
        assert "SECRET_LEAGUE is empty" in done.assets[asset]["failed"][0]["error"]


def test_where_no_account_has_its_secret_nothing_is_begun(make_project: Make) -> None:
    project = make_project(World.generate(seed=56, windows=2, products=9, shops=1))
    names = [name for name in project.environment if name.startswith("SECRET_")]
    for name in names:
        del project.environment[name]
    done = project.refresh()
    assert (done.code, json.loads(done.out)["error"]["class"]) == (2, "ConfigError")
    assert [name for name in names if name not in done.err] == []
    assert done.err.count("\n") == 1
    assert not project.sandbox.calls


def test_what_waits_for_a_failed_list_says_so_by_name(make_project: Make) -> None:
    project = make_project(World.generate(seed=57, windows=1, products=9, shops=2))
    project.sandbox.inject(Fault("wrong_account", path=SHOPS))

    done = project.command("refresh")

    assert done.code == 1
    lines = [line for line in done.out.splitlines() if line.startswith("failed ")]
    said = {line.split()[1]: line for line in lines}
    assert "48001" in said["cooperating_shops"]
    waits_for = {
        "shop_promoters": "not asked: cooperating_shops failed",
        "shop_articles": "not asked: cooperating_shops, shop_promoters failed",
        "article_products": "not asked: cooperating_shops, shop_promoters failed",
    }
    assert set(said) == {"cooperating_shops", *waits_for}
    for asset, text in waits_for.items():
        assert text in said[asset]
    assert " run " not in done.out


def test_the_lists_that_are_known_are_asked_all_the_same(make_project: Make) -> None:
    project = make_project(World.generate(seed=58, windows=1, products=9, shops=2))
    assert project.refresh().code == 0
    project.sandbox.inject(Fault("wrong_account", path=SHOPS))
    done = project.refresh()
    assert done.code == 1
    articles = done.assets["shop_articles"]
    assert (articles["succeeded"], articles["failed"]) == (articles["partitions"], [])
    assert json.loads(done.out)["assets"]["shop_promoters"]["failed"][0]["class"] == NOT_ASKED


def test_the_bar_of_what_was_not_asked_stays_empty() -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=100)
    result = AssetResult(["shop_promoters"])
    reason = FailedPartition("shop_promoters", "not asked", NOT_ASKED, 0, False)
    with ProgressBars(console) as bars:
        bars.update("shop_promoters", result)
        result.failed["shop_promoters"] = reason
        bars.update("shop_promoters", result)
    assert "0/1" in shown.getvalue()
    assert "1/1" not in shown.getvalue()
