"""The products of a window: getwindowproductlist."""

from dataclasses import replace
from typing import Literal

from channels_assets.sandbox.endpoints import WINDOW_PRODUCTS
from channels_assets.sandbox.models import Json
from channels_assets.sandbox.pages import (
    Page,
    PageFault,
    cut,
    optional,
    read_position,
    whole_number,
)
from channels_assets.sandbox.refusals import Refusal
from channels_assets.sandbox.world import World

WindowEnd = Literal["buffer", "missing"]
"""What the last page of a window gives. Nobody knows it of the real API, so it is a setting:
`buffer` = a last_buffer that leads to an empty page, `missing` = no last_buffer."""

_DEEPEST_BY_INDEX = 10_000


def window_products(
    world: World, caller: str, body: Json, page_fault: PageFault, window_end: WindowEnd
) -> Json:
    """Answer one call for the window of the caller."""
    shop_appid = optional(WINDOW_PRODUCTS, body, "appid", str)
    branch_id = optional(WINDOW_PRODUCTS, body, "branch_id", int)
    # With both filters the shop wins, so the other one is as good as not given.
    cps_only = _flag(body, "query_cps_product") and shop_appid is None
    count = _flag(body, "need_total_num")
    position = read_position(WINDOW_PRODUCTS, caller, body, (shop_appid, branch_id, cps_only))
    rows = world.windows[caller].select(shop_appid, branch_id, cps_only)
    start = position.start
    if start is None:
        start = _start_by_index(body, position.size)
    page = _end(cut(rows, start, position.size), window_end)
    page = page_fault(replace(page, total=len(rows) if count else None))
    return position.answer(page, page.items)


def _flag(body: Json, name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise Refusal(WINDOW_PRODUCTS.bad_parameter)
    return value


def _start_by_index(body: Json, size: int) -> int:
    index = whole_number(body.get("page_index", 1))
    if index is None or index < 1 or index * size > _DEEPEST_BY_INDEX:
        raise Refusal(WINDOW_PRODUCTS.bad_parameter)
    return (index - 1) * size


def _end(page: Page, window_end: WindowEnd) -> Page:
    goes_on = page.remains if window_end == "missing" else bool(page.items)
    return replace(page, cursor="sent" if goes_on else "missing")
