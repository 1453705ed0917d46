"""What Dagster loads: the table of contents of this project. Nothing is read or opened on import."""

from __future__ import annotations

from dagster import Definitions, in_process_executor

from channels_assets.defs import assets, dimensions, jobs
from channels_assets.defs.resources import WarehouseResource, WeChatResource

defs = Definitions(
    assets=[
        assets.window_products,
        assets.articles,
        dimensions.cooperating_shops,
        dimensions.shop_promoters,
        dimensions.sharers,
    ],
    jobs=[jobs.discover, jobs.refresh_windows, jobs.refresh_articles],
    resources={"wechat": WeChatResource(), "warehouse": WarehouseResource()},
    # The steps of a run share one process, one token and one limiter; lists run side by side in it.
    executor=in_process_executor,
)
