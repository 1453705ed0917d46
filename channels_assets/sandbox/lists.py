"""The lists of the API: the products of a window, and the lists of the agency."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from channels_assets.sandbox.endpoints import (
    COMPONENT_PATHS,
    MANAGEMENT_PATHS,
    TOKEN_PATHS,
    ListEndpoint,
)
from channels_assets.sandbox.http_messages import ApiError
from channels_assets.sandbox.models import ARTICLE_PROMOTER_TYPES, Json, League
from channels_assets.sandbox.pages import (
    Page,
    PageFault,
    PageRequest,
    json_integer,
    optional_field,
    parse_page_request,
    required_field,
    slice_page,
)
from channels_assets.sandbox.world import World, with_share_link

WINDOW_PRODUCTS = ListEndpoint(
    path="/channels/ec/window/product/list/get",
    account="window",
    list_field="products",
    cursor_field="last_buffer",
    page_limit=200,
    bad_parameter=10022006,
    sends_has_more=False,
)


def _league_list(
    name: str,
    list_field: str,
    page_limit: int = 10,
    success: int | str = "0",
    sends_has_more: bool = True,
) -> ListEndpoint:
    return ListEndpoint(
        path=f"/channels/ec/promoter/{name}",
        account="league",
        list_field=list_field,
        cursor_field="next_key",
        page_limit=page_limit,
        bad_parameter=10024000,
        success=success,
        sends_has_more=sends_has_more,
    )


SHOP_ARTICLES = _league_list("get_shop_mp_article_list", "article_list", success=0)
SHOPS = _league_list("get_bind_shop_list", "shop_list")
PROMOTERS = _league_list("get_bind_shop_promoter_list", "promoter_list")
SHARERS = _league_list(
    "get_bind_sharer_list", "sharer_info_list", page_limit=20, sends_has_more=False
)

WindowEnd = Literal["buffer", "missing"]
"""The end of a window. WeChat does not document it, so it is a setting:
`buffer` = the last page has a last_buffer that leads to an empty page, `missing` = it has none."""

_MAX_ITEMS_BY_INDEX = 10_000
_SHARER_NOT_BOUND = 10071029


def window_products(
    world: World, caller: str, body: Json, page_fault: PageFault, window_end: WindowEnd
) -> Json:
    """getwindowproductlist: the products in the window of the caller."""
    shop_appid = optional_field(WINDOW_PRODUCTS, body, "appid", str)
    branch_id = optional_field(WINDOW_PRODUCTS, body, "branch_id", int)
    # With both filters the API ignores query_cps_product.
    cps_only = _boolean_field(body, "query_cps_product") and shop_appid is None
    with_total = _boolean_field(body, "need_total_num")
    page_request = parse_page_request(
        WINDOW_PRODUCTS, caller, body, (shop_appid, branch_id, cps_only)
    )
    all_items = world.windows[caller].select(shop_appid, branch_id, cps_only)
    start = page_request.start
    if start is None:
        start = _start_by_index(body, page_request.size)
    page = _with_window_end(slice_page(all_items, start, page_request.size), window_end)
    page = page_fault(replace(page, total=len(all_items) if with_total else None))
    return page_request.answer(page, page.items)


def _boolean_field(body: Json, name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise ApiError(WINDOW_PRODUCTS.bad_parameter)
    return value


def _start_by_index(body: Json, size: int) -> int:
    index = json_integer(body.get("page_index", 1))
    if index is None or index < 1 or index * size > _MAX_ITEMS_BY_INDEX:
        raise ApiError(WINDOW_PRODUCTS.bad_parameter)
    return (index - 1) * size


def _with_window_end(page: Page, window_end: WindowEnd) -> Page:
    has_cursor = page.remains if window_end == "missing" else bool(page.items)
    return replace(page, cursor="sent" if has_cursor else "missing")


def shop_articles(league: League, body: Json, page_fault: PageFault) -> Json:
    """getshopmparticlelist: the articles of a linked account, with the links of one sharer."""
    shop_appid = required_field(SHOP_ARTICLES, body, "shop_appid", str)
    promoter_id = required_field(SHOP_ARTICLES, body, "promoter_id", str)
    promoter_type = required_field(SHOP_ARTICLES, body, "promoter_type", int)
    sharer_appid = required_field(SHOP_ARTICLES, body, "sharer_appid", str)
    filters = (shop_appid, promoter_id, promoter_type, sharer_appid)
    page_request = _page_request(SHOP_ARTICLES, league, body, filters)
    promoter = league.promoter(shop_appid, promoter_id)
    exists = promoter is not None and promoter["promoter_type"] == promoter_type
    if not exists or promoter_type not in ARTICLE_PROMOTER_TYPES:
        raise ApiError(SHOP_ARTICLES.bad_parameter)
    if not league.has_sharer(sharer_appid):
        raise ApiError(_SHARER_NOT_BOUND)
    page = _page(league.articles.get((shop_appid, promoter_id), []), page_request, page_fault)
    items = [with_share_link(article, promoter_id, sharer_appid) for article in page.items]
    return page_request.answer(page, items)


def shops(league: League, body: Json, page_fault: PageFault) -> Json:
    """getbindshoplist: the shops that work with the agency."""
    page_request = _page_request(SHOPS, league, body, ())
    page = _page(league.shops, page_request, page_fault)
    return page_request.answer(page, page.items)


def promoters(league: League, body: Json, page_fault: PageFault) -> Json:
    """getbindshoppromoterlist: the accounts linked to one shop, of every type."""
    shop_appid = required_field(PROMOTERS, body, "shop_appid", str)
    page_request = _page_request(PROMOTERS, league, body, (shop_appid,))
    if not league.has_shop(shop_appid):
        raise ApiError(PROMOTERS.bad_parameter)
    page = _page(league.promoters.get(shop_appid, []), page_request, page_fault)
    return page_request.answer(page, page.items)


def sharers(league: League, body: Json, page_fault: PageFault) -> Json:
    """getbindsharerlist: the sharers bound to the agency."""
    sharer_appid = optional_field(SHARERS, body, "sharer_appid", str)
    sharer_openid = optional_field(SHARERS, body, "sharer_openid", str)
    page_request = _page_request(SHARERS, league, body, (sharer_appid, sharer_openid))
    page = _page(league.select_sharers(sharer_appid, sharer_openid), page_request, page_fault)
    return page_request.answer(page, page.items)


LeagueList = Callable[[League, Json, PageFault], Json]
LEAGUE_LISTS: dict[ListEndpoint, LeagueList] = {
    SHOP_ARTICLES: shop_articles,
    SHOPS: shops,
    PROMOTERS: promoters,
    SHARERS: sharers,
}
LISTS = {endpoint.path: endpoint for endpoint in (WINDOW_PRODUCTS, *LEAGUE_LISTS)}
ALL_PATHS = frozenset((*LISTS, *TOKEN_PATHS, *COMPONENT_PATHS, *MANAGEMENT_PATHS))
CLOUD_PATHS = (WINDOW_PRODUCTS.path,)
"""Lists that a cloud call or a third-party platform may read."""


def _page_request(
    endpoint: ListEndpoint, league: League, body: Json, filters: tuple[object, ...]
) -> PageRequest:
    if endpoint.cursor_field not in body:
        raise ApiError(endpoint.bad_parameter)
    return parse_page_request(endpoint, league.appid, body, filters)


def _page(all_items: list[Json], page_request: PageRequest, page_fault: PageFault) -> Page:
    return page_fault(slice_page(all_items, page_request.start or 0, page_request.size))
