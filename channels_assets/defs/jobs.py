"""Jobs: what one refresh runs. Each covers one kind of partition, because a run can't mix them."""

from __future__ import annotations

from dagster import AssetCheckKey, AssetKey, AssetSelection, define_asset_job

from channels_assets.defs.checks import FRESH

# Checks are evaluated by a sensor on what is published, also when lists have failed; those that
# discovery itself answers stay in its job.
_FRESH = AssetSelection.checks(
    *(
        AssetCheckKey(AssetKey(name), FRESH)
        for name in ("cooperating_shops", "shop_promoters", "sharers")
    )
)

discover = define_asset_job(
    "discover",
    AssetSelection.assets("cooperating_shops", "shop_promoters", "sharers") - _FRESH,
    description="Finds cooperating shops, linked accounts and sharers, and thereby the article lists.",
)
refresh_windows = define_asset_job(
    "refresh_windows",
    AssetSelection.assets("window_products").without_checks(),
    description="Pulls the product lists of a range of windows.",
)
refresh_articles = define_asset_job(
    "refresh_articles",
    AssetSelection.assets("shop_articles", "article_products").without_checks(),
    description="Pulls a range of article lists and derives their products.",
)
