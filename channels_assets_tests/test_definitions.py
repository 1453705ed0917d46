"""What Dagster loads, and that loading it reads and opens nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dagster import AssetKey, Definitions

from channels_assets.definitions import defs

GRAPH = {
    "article_products": ("articles", "promoters", ["shop_articles"]),
    "cooperating_shops": ("discovery", None, []),
    "sharers": ("discovery", None, []),
    "shop_articles": ("articles", "promoters", ["sharers", "shop_promoters"]),
    "shop_promoters": ("discovery", None, ["cooperating_shops"]),
    "window_products": ("windows", "windows", []),
}


def test_the_asset_graph() -> None:
    graph = defs.resolve_asset_graph()
    seen = {}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        partitions = getattr(node.partitions_def, "name", None)
        parents = sorted(parent.to_user_string() for parent in node.parent_keys)
        seen[key.to_user_string()] = (node.group_name, partitions, parents)
        assert node.description
        assert "Source: https://" in node.description or key == AssetKey("article_products")
    assert seen == GRAPH


def test_definitions_are_loadable() -> None:
    Definitions.validate_loadable(defs)


def test_loading_needs_no_configuration_and_leaves_no_trace(tmp_path: Path) -> None:
    code = "import channels_assets.definitions"
    subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code], cwd=tmp_path, check=True
    )
    assert list(tmp_path.iterdir()) == []
