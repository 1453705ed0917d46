"""The Dagster UI in a real browser, on `channels-assets dev` and the sandbox as a user starts them.

`make test-browser` runs these tests. `SCREENSHOTS=.github/images make test-browser` also takes the
pictures of the README anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from channels_assets.sandbox import Fault, Sandbox, World
from channels_assets_tests.browser.ui import Ui, chromium
from channels_assets_tests.helpers.project import DagsterDev, Project

pytestmark = pytest.mark.browser

TABLES = {
    "article_products": 6,
    "cooperating_shops": 2,
    "shop_articles": 8,
    "shop_promoters": 3,
    "sharers": 3,
    "window_products": 7,
}
"""Each asset, and how many checks it has."""
SOURCES = (
    *("getbindsharerlist", "getbindshoplist", "getbindshoppromoterlist"),
    *("getshopmparticlelist", "getwindowproductlist"),
)
NEVER = "0 0 29 2 *"
STATE = """
query ($path: [String!]!) {
  assetNodeOrError(assetKey: {path: $path}) {
    ... on AssetNode {
      partitionStats { numMaterialized numFailed }
      freshnessStatusInfo { freshnessStatus }
      assetChecksOrError {
        ... on AssetChecks { checks { name executionForLatestMaterialization { status } } }
      }
      assetMaterializations(limit: 1) {
        metadataEntries {
          label
          ... on TableColumnLineageMetadataEntry {
            lineage { columnName columnDeps { assetKey { path } columnName } }
          }
        }
      }
    }
  }
}
"""
WINDOW_PATH = "/channels/ec/window/product/list/get"
WHERE_TO_ACT = "带货中心 → 个人中心 → 带货权限"


def state(dagster: DagsterDev, asset: str) -> dict[str, Any]:
    return dagster.query(STATE, path=[asset])["assetNodeOrError"]


def materialized(dagster: DagsterDev, asset: str) -> int:
    stats = state(dagster, asset).get("partitionStats")
    return stats["numMaterialized"] if stats else 0


def check_states(dagster: DagsterDev, asset: str) -> list[str]:
    checks = state(dagster, asset)["assetChecksOrError"]["checks"]
    latest = [check["executionForLatestMaterialization"] for check in checks]
    return [item["status"] if item else "NEVER" for item in latest]


def is_green(dagster: DagsterDev, asset: str) -> bool:
    fresh = state(dagster, asset)["freshnessStatusInfo"]
    checks = check_states(dagster, asset)
    return fresh["freshnessStatus"] == "HEALTHY" and set(checks) == {"SUCCEEDED"}


@dataclass(frozen=True)
class Live:
    """A project with 20 windows while `channels-assets dev` runs; one was banned all along."""

    project: Project
    dagster: DagsterDev
    windows: list[str]
    banned: str
    rid: str


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    world = World.generate(seed=21, windows=20, products=450, shops=2, articles=8)
    windows = list(world.windows)
    banned = windows.pop(7)
    with Sandbox(world) as sandbox:
        sandbox.inject(Fault("window_banned", appid=banned))
        project = Project(tmp_path_factory.mktemp("live"), sandbox, world)
        project.settings += [
            "[automation]",
            f'windows_cron = "{NEVER}"',
            f'articles_cron = "{NEVER}"',
        ]
        project.write()
        with DagsterDev(project) as dagster:
            dagster.wait_for(lambda: materialized(dagster, "window_products") == 19, "the windows")
            dagster.wait_for(lambda: materialized(dagster, "article_products") > 0, "the articles")
            (refused,) = [call for call in sandbox.calls_to(WINDOW_PATH) if call.appid == banned]
            yield Live(project, dagster, windows, banned, refused.rid)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def ui(browser: Browser, live: Live) -> Iterator[Ui]:
    ui = Ui(browser, live.dagster.url)
    yield ui
    ui.page.close()


def states(live: Live) -> set[str]:
    return set(check_states(live.dagster, "window_products"))


def window_rows(live: Live, key: str) -> set[str]:
    rows = live.project.rows('SELECT product_id FROM window_products WHERE "window" = ?', [key])
    return {row[0] for row in rows}


def test_the_asset_graph_shows_every_table_and_every_source(ui: Ui) -> None:
    ui.expand_graph()
    for name in (*TABLES, *SOURCES):
        expect(ui.node(name)).to_be_visible()


def test_a_failed_window_says_whose_move_it_is(ui: Ui, live: Live) -> None:
    ui.partition("window_products", live.banned)
    ui.sees("failed, and did not materialize this asset")
    ui.button("View all historical events").click()
    ui.page.get_by_role("dialog").get_by_text(live.banned).last.click()
    ui.sees("PermissionDenied: This window is banned for violations. See " + WHERE_TO_ACT)
    ui.sees(f"橱窗因违规被封禁，请到 {WHERE_TO_ACT} 处理")
    ui.sees("errcode 10022002")
    ui.sees(f"rid {live.rid}")


def test_the_freshness_check_turns_red_for_one_window_and_green_again(ui: Ui, live: Live) -> None:
    ui.check("window_products", "every_list_fresh")
    ui.comes_to_see("19 of 20 lists were read within 2 h.")
    ui.sees("Failed", exact=True)
    row = ui.page.get_by_role("row").filter(has_text=live.banned).last
    expect(row).to_contain_text("never read")
    expect(row).to_contain_text(WHERE_TO_ACT)
    ui.picture("freshness", ui.text("Checks (7)"), ui.button("Execute").last, row)

    live.project.sandbox.clear_faults()
    ui.materialize("window_products", live.banned)

    ui.check("window_products", "every_list_fresh")
    ui.comes_to_see("20 of 20 lists were read within 2 h.")
    ui.sees("Passed", exact=True)


def test_a_window_is_materialized_by_clicking(ui: Ui, live: Live) -> None:
    key = live.windows[0]
    new = {"product_id": "18446744073709551001", "appid": "wx00000000000000aa"}
    live.project.world.windows[key].products.append(new)
    live.project.sandbox.reset_calls()

    ui.materialize("window_products", key)

    live.dagster.wait_for(lambda: new["product_id"] in window_rows(live, key), "the new row")
    assert {call.appid for call in live.project.sandbox.calls_to(WINDOW_PATH)} == {key}
    assert len(window_rows(live, key)) == len(live.project.world.products_for(key))


def test_the_page_of_a_window_that_fails_later_shows_the_reason(ui: Ui, live: Live) -> None:
    key = live.windows[1]
    fault = live.project.sandbox.inject(Fault("window_banned", appid=key))
    (failed,) = live.project.refresh("--partition", key).assets["window_products"]["failed"]
    fault.remove()
    assert (failed["partition"], failed["class"]) == (key, "PermissionDenied")
    ui.partition("window_products", key)
    ui.sees("failed, and did not materialize this asset")
    ui.sees("This window is banned for violations. See " + WHERE_TO_ACT)
    ui.sees("total_reached")  # of its last good load
    ui.picture("failure", ui.button("View logs"), ui.metadata("error"))


@pytest.mark.parametrize("fails", [False, True])
def test_the_checks_keep_their_answers_after_a_click(ui: Ui, live: Live, fails: bool) -> None:
    key = live.windows[3]
    fault = live.project.sandbox.inject(Fault("window_banned", appid=key)) if fails else None
    ui.materialize("window_products", key)
    live.dagster.wait_for(lambda: "IN_PROGRESS" in states(live), "the run")
    live.dagster.wait_for(lambda: "IN_PROGRESS" not in states(live), "the end of the run")
    if fault:
        fault.remove()
    live.dagster.wait_for(lambda: states(live) <= {"SUCCEEDED", "FAILED"}, "the answers")


def test_schedules_and_sensors_run(ui: Ui) -> None:
    names = ("articles_by_the_clock", "checks_up_to_date", "new_lists", "windows_by_the_clock")
    switches = ui.switches()
    assert sorted(switches) == sorted(names)
    for switch in switches.values():
        expect(switch).to_be_checked()


def test_a_materialization_is_described(ui: Ui, live: Live) -> None:
    key = live.windows[2]
    rows = len(live.project.world.products_for(key))
    ui.partition("window_products", key)
    described = {
        "dagster/row_count": str(rows),
        "pages": str(-(-rows // 200)),
        "end_reason": "total_reached",
        "preview": live.project.world.products_for(key)[0]["product_id"],
    }
    for name, value in described.items():
        expect(ui.metadata(name)).to_contain_text(value)

    ui.picture("metadata", ui.text("Metadata", exact=True), ui.metadata("preview"))

    ui.asset("window_products")
    ui.sees("Product id inside the window, the exact digits of a uint64 as text")
    ui.sees("wechat / getwindowproductlist")
    ui.page.get_by_text("Plots", exact=True).click()
    for name in ("dagster/row_count", "pages", "seconds", "added"):
        ui.sees(name, exact=True)


def test_columns_come_from_fields_of_the_api(live: Live) -> None:
    """Open-source Dagster draws no lineage of columns, but it keeps and serves it."""
    (newest,) = state(live.dagster, "window_products")["assetMaterializations"]
    (lineage,) = [item["lineage"] for item in newest["metadataEntries"] if "lineage" in item]
    found = {item["columnName"]: item["columnDeps"] for item in lineage}
    api = {"path": ["wechat", "getwindowproductlist"]}
    assert found["product_id"] == [{"assetKey": api, "columnName": "products[].product_id"}]


def test_all_is_green_within_two_minutes_without_a_click(
    browser: Browser, make_project: Callable[..., Project]
) -> None:
    project = make_project(World.generate(seed=1))
    (project.folder / "channels.toml").unlink()
    del project.environment["CHANNELS_CONFIG"]
    with DagsterDev(project) as dagster:
        dagster.wait_for(lambda: all(is_green(dagster, name) for name in TABLES), "all green")
        ui = Ui(browser, dagster.url)
        for name, checks in TABLES.items():
            ui.asset(name)
            ui.sees("Freshness policy")
            ui.sees_times("Passing", 2)
            ui.asset(name, "checks")
            ui.sees(f"Checks ({checks})")
            ui.sees_times("Succeeded", checks)
        ui.expand_graph()
        expect(ui.node("window_products")).to_be_visible()
        ui.picture("asset-graph", *ui.page.locator("foreignObject").all())
        ui.page.close()
