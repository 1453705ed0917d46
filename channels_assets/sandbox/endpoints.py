"""The paths of the API, and the parameters of its five lists."""

from dataclasses import dataclass
from typing import Literal

AccountType = Literal["window", "league"]


@dataclass(frozen=True)
class ListEndpoint:
    """One paged list: which account may call it, the page size, and the names of its fields."""

    path: str
    account: AccountType
    list_field: str
    cursor_field: str
    page_limit: int
    bad_parameter: int
    success: int | str = 0
    """The `errcode` of a success: some lists send it as a string."""
    sends_has_more: bool = True


WINDOW_PRODUCTS = ListEndpoint(
    path="/channels/ec/window/product/list/get",
    account="window",
    list_field="products",
    cursor_field="last_buffer",
    page_limit=200,
    bad_parameter=10022006,
    sends_has_more=False,
)


def _promoter_list(
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


SHOP_ARTICLES = _promoter_list("get_shop_mp_article_list", "article_list", success=0)
SHOPS = _promoter_list("get_bind_shop_list", "shop_list")
PROMOTERS = _promoter_list("get_bind_shop_promoter_list", "promoter_list")
SHARERS = _promoter_list(
    "get_bind_sharer_list", "sharer_info_list", page_limit=20, sends_has_more=False
)

LISTS = {
    endpoint.path: endpoint
    for endpoint in (WINDOW_PRODUCTS, SHOP_ARTICLES, SHOPS, PROMOTERS, SHARERS)
}

TOKEN = "/cgi-bin/token"  # noqa: S105 - a path, not a secret
STABLE_TOKEN = "/cgi-bin/stable_token"  # noqa: S105 - a path, not a secret
COMPONENT_TOKEN = "/cgi-bin/component/api_component_token"  # noqa: S105 - a path, not a secret
AUTHORIZER_TOKEN = "/cgi-bin/component/api_authorizer_token"  # noqa: S105 - a path, not a secret
QUOTA_GET = "/cgi-bin/openapi/quota/get"
CLEAR_QUOTA = "/cgi-bin/clear_quota"
RID_GET = "/cgi-bin/openapi/rid/get"

DATA_PATHS = tuple(LISTS)
TOKEN_PATHS = (TOKEN, STABLE_TOKEN)
COMPONENT_PATHS = (COMPONENT_TOKEN, AUTHORIZER_TOKEN)
CLOUD_PATHS = (WINDOW_PRODUCTS.path,)
"""Lists that a cloud call or a third-party platform may read."""
ALL_PATHS = frozenset(
    (*DATA_PATHS, *TOKEN_PATHS, *COMPONENT_PATHS, QUOTA_GET, CLEAR_QUOTA, RID_GET)
)
