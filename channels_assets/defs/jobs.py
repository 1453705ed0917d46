"""Jobs: what one refresh runs. Each covers one kind of partition, because a run can't mix them."""

from __future__ import annotations

from typing import Any

from dagster import AssetCheckKey, AssetSelection, define_asset_job

from channels_assets.defs.checks import FRESH
from channels_assets.defs.names import DISCOVER, REFRESH_ARTICLES, REFRESH_WINDOWS, Names


def jobs(names: Names) -> list[Any]:
    key = names.asset_keys
    found = [key[name] for name in ("cooperating_shops", "shop_promoters", "sharers")]
    # Checks are evaluated by a sensor on what is published, also when lists have failed; those that
    # discovery itself answers stay in its job.
    fresh = AssetSelection.checks(*(AssetCheckKey(one, FRESH) for one in found))
    return [
        define_asset_job(
            names.name(DISCOVER),
            AssetSelection.assets(*found) - fresh,
            description="Finds cooperating shops, linked accounts and sharers, and thereby the article "
            "lists.",
        ),
        define_asset_job(
            names.name(REFRESH_WINDOWS),
            AssetSelection.assets(key["window_products"]).without_checks(),
            description="Pulls the product lists of a range of windows.",
        ),
        define_asset_job(
            names.name(REFRESH_ARTICLES),
            AssetSelection.assets(key["shop_articles"], key["article_products"]).without_checks(),
            description="Pulls a range of article lists and derives their products.",
        ),
    ]
