"""getwindowproductlist: the products of a Channels window (橱窗), by the 视频号助手 account.

Source: https://developers.weixin.qq.com/doc/channels/API/windowproduct/list_get.html
"""

from __future__ import annotations

from typing import Any, Required, TypedDict

from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.errors import BadRequest
from channels_assets.wechat.paging import Endpoint, ListRequest, Page, fetch_page

_MAX_INDEXED = 10_000


class WindowProduct(TypedDict, total=False):
    """A product in a window, as sent; an id may come as text or as number.

    product_id: uint64. appid: the source shop, own-shop products only. out_product_id: the id in the
    supplying shop, affiliate products only. product_source: 0 own shop (also where it is missing),
    1 selection centre (选品中心).
    Source: https://developers.weixin.qq.com/doc/channels/API/windowproduct/list_get.html
    """

    product_id: Required[str]
    appid: str
    out_product_id: str
    product_source: int


WINDOW_PRODUCTS: Endpoint[WindowProduct] = Endpoint(
    name="getwindowproductlist",
    path="/channels/ec/window/product/list/get",
    doc="https://developers.weixin.qq.com/doc/channels/API/windowproduct/list_get.html",
    list_field="products",
    key_path=("product_id",),
    cursor_field="last_buffer",
    sends_has_more=False,
    max_page_size=200,
    max_indexed=_MAX_INDEXED,
)


def window_products(
    *,
    appid: str | None = None,
    branch_id: int | None = None,
    page_size: int = 200,
    page_index: int | None = None,
    need_total_num: bool = True,
    query_cps_product: bool = False,
) -> ListRequest[WindowProduct]:
    """The list to walk. All filters are the API's own.

    appid: only products of this shop. branch_id: only of this branch store (分店).
    query_cps_product: only affiliate products (带货商品). With appid and query_cps_product the API
    lets appid win: so the request carries appid alone, and says what it gets.
    page_size: 1 to 200. page_index: from 1; page_size x page_index at most 10000; a walk needs none.
    Raises BadRequest, before a call is spent, when a parameter is out of its limits.
    """
    if page_index is not None and not 1 <= page_index * page_size <= _MAX_INDEXED:
        raise BadRequest(
            f"page_index must be 1 or more and page_size x page_index at most {_MAX_INDEXED}, "
            f"not {page_size} x {page_index}; no call was made.",
            endpoint=WINDOW_PRODUCTS.name,
        )
    if branch_id is not None and branch_id < 0:
        raise BadRequest(
            f"branch_id must not be negative, not {branch_id}; no call was made.",
            endpoint=WINDOW_PRODUCTS.name,
        )
    fields: dict[str, Any] = {"page_size": page_size}
    if appid:
        fields["appid"] = appid
    elif query_cps_product:
        fields["query_cps_product"] = True
    if branch_id is not None:
        fields["branch_id"] = branch_id
    if page_index is not None:
        fields["page_index"] = page_index
    if need_total_num:
        # Asked on every page, not on the first alone: the cursor may be bound to the request's fields.
        fields["need_total_num"] = True
    return ListRequest(WINDOW_PRODUCTS, fields)


def get_window_product_list(
    client: Client,
    *,
    page_size: int,
    appid: str | None = None,
    branch_id: int | None = None,
    page_index: int | None = None,
    last_buffer: str = "",
    need_total_num: bool = False,
    query_cps_product: bool = False,
) -> Page[WindowProduct]:
    """One page, as the API's own page describes it; `last_buffer` wins over `page_index`."""
    request = window_products(
        appid=appid,
        branch_id=branch_id,
        page_size=page_size,
        page_index=None if last_buffer else page_index,
        need_total_num=need_total_num,
        query_cps_product=query_cps_product,
    )
    return fetch_page(client, request, last_buffer, Calls())
