"""A daily quota that ends: one API stops without burning calls, the others go on, the rest comes later."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from channels_assets.sandbox import Fault, World
from channels_assets_tests.helpers.project import Project

ARTICLE_PATH = "/channels/ec/promoter/get_shop_mp_article_list"


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    project = make_project(
        World.generate(seed=41, windows=2, shops=3, articles=9), daily_limit=1000
    )
    project.settings.append("max_in_flight = 2")
    project.write()
    return project


def test_an_api_without_quota_stops_and_is_picked_up_later(project: Project) -> None:
    project.sandbox.inject(Fault("quota_day", path=ARTICLE_PATH, after=3))
    done = project.refresh()
    assert done.code == 1
    articles = done.assets["shop_articles"]
    assert articles["succeeded"] == 3
    assert {item["class"] for item in articles["failed"]} == {"QuotaExhausted"}
    assert any("Not tried" in item["error"] for item in articles["failed"])
    assert all("45009" in item["error"] and "额度" in item["error"] for item in articles["failed"])
    # Two walks were in flight when the first one was refused; nobody asked after that, no retry.
    assert len(project.sandbox.calls_to(ARTICLE_PATH)) <= 5
    assert done.assets["window_products"]["failed"] == []

    project.sandbox.clear_faults()
    again = project.refresh()
    assert again.code == 0
    assert again.assets["shop_articles"]["succeeded"] == articles["partitions"]


def test_doctor_shows_what_is_left_and_what_a_refresh_costs(project: Project) -> None:
    project.environment["COLUMNS"] = "200"
    done = project.refresh()
    shown = project.command("doctor", "--quota")
    assert shown.code == 0
    lines = {line.split()[1]: line.split()[2:] for line in shown.out.splitlines()[1:]}
    calls = done.assets["shop_articles"]["api_calls"]
    assert lines["getshopmparticlelist"] == ["1,000", str(calls), str(1000 - calls), str(calls)]
    assert lines["getbindshoplist"] == ["1,000", "1", "999", "1"]
    assert [line for line in shown.out.splitlines() if "getwindowproductlist" in line]
    appids = {line.split()[0] for line in shown.out.splitlines()[1:]}
    assert appids == {*project.world.windows, project.world.league.appid}


def test_doctor_shows_it_in_chinese_where_the_locale_is(project: Project) -> None:
    project.environment |= {"COLUMNS": "200", "LC_ALL": "zh_CN.UTF-8"}
    appid = project.world.league.appid
    project.environment["SECRET_LEAGUE"] = "wrong"
    shown = project.command("doctor", "--quota")
    assert shown.code == 1
    assert shown.err == ""
    for word in ("账号", "接口", "每日额度", "已用", "剩余", "完整刷新一次", f"错误 {appid} "):
        assert word in shown.out


def test_doctor_names_the_account_that_can_not_be_asked(project: Project) -> None:
    appid = next(iter(project.world.windows))
    project.environment[f"SECRET_{appid}"] = "wrong"
    project.environment["COLUMNS"] = "400"
    shown = project.command("doctor", "--quota")
    assert shown.code == 1
    assert f"wrong {appid}" in shown.out
    assert "secret_env" in shown.out
