"""What Dagster loads, and that loading it reads and opens nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dagster import AssetKey, Definitions

from channels_assets.config import Settings
from channels_assets.definitions import build

DEFINITIONS = build(Settings.model_construct())
GRAPH = {
    "article_products": ("articles", "channels_article_lists", ["shop_articles"]),
    "cooperating_shops": ("discovery", None, ["wechat/getbindshoplist"]),
    "sharers": ("discovery", None, ["wechat/getbindsharerlist"]),
    "shop_articles": (
        "articles",
        "channels_article_lists",
        ["sharers", "shop_promoters", "wechat/getshopmparticlelist"],
    ),
    "shop_promoters": (
        "discovery",
        None,
        ["cooperating_shops", "wechat/getbindshoppromoterlist"],
    ),
    "wechat/getbindsharerlist": ("wechat_api", None, []),
    "wechat/getbindshoplist": ("wechat_api", None, []),
    "wechat/getbindshoppromoterlist": ("wechat_api", None, []),
    "wechat/getshopmparticlelist": ("wechat_api", None, []),
    "wechat/getwindowproductlist": ("wechat_api", None, []),
    "window_products": ("windows", "channels_windows", ["wechat/getwindowproductlist"]),
}
CHECKS = {
    "article_products": [
        *("article_present", "commission_rate_in_range", "every_list_fresh", "ids_unique"),
        *("items_valid", "rows_as_loaded"),
    ],
    "cooperating_shops": ["every_list_fresh", "items_valid"],
    "sharers": ["article_lists_found", "every_list_fresh", "items_valid"],
    "shop_articles": [
        *("end_proven", "every_list_fresh", "ids_unique", "items_valid", "not_halved"),
        *("rows_as_loaded", "share_link_present", "times_not_in_future"),
    ],
    "shop_promoters": ["article_lists_found", "every_list_fresh", "items_valid"],
    "window_products": [
        *("count_equals_total_num", "end_proven", "every_list_fresh", "ids_unique"),
        *("items_valid", "not_halved", "rows_as_loaded"),
    ],
}


def test_the_asset_graph() -> None:
    graph = DEFINITIONS.resolve_asset_graph()
    seen = {}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        partitions = getattr(node.partitions_def, "name", None)
        parents = sorted(parent.to_user_string() for parent in node.parent_keys)
        seen[key.to_user_string()] = (node.group_name, partitions, parents)
        assert node.description
        assert "Source: https://" in node.description or key == AssetKey("article_products")
    assert seen == GRAPH


def test_the_checks() -> None:
    seen: dict[str, list[str]] = {}
    for key in sorted(DEFINITIONS.resolve_asset_graph().asset_check_keys):
        seen.setdefault(key.asset_key.to_user_string(), []).append(key.name)
    assert seen == CHECKS


def test_what_runs_by_itself() -> None:
    repository = DEFINITIONS.get_repository_def()
    schedules = {
        item.name: (item.cron_schedule, item.execution_timezone)
        for item in repository.schedule_defs
    }
    assert schedules == {
        "windows_by_the_clock": ("0 * * * *", "Asia/Shanghai"),
        "articles_by_the_clock": ("0 */6 * * *", "Asia/Shanghai"),
    }
    assert all(item.default_status.value == "RUNNING" for item in repository.schedule_defs)
    sensors = {item.name: item.default_status.value for item in repository.sensor_defs}
    assert sensors == {"new_lists": "RUNNING", "checks_up_to_date": "RUNNING"}


def test_definitions_are_loadable() -> None:
    Definitions.validate_loadable(DEFINITIONS)


def test_loading_needs_no_configuration_and_leaves_no_trace(tmp_path: Path) -> None:
    code = "import channels_assets.definitions; channels_assets.definitions.defs()"
    subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code], cwd=tmp_path, check=True
    )
    assert list(tmp_path.iterdir()) == []
