"""The league agency's (联盟带货机构) lists: articles of a shop's linked accounts, and what leads to them.

The items are as the API sends them; an id may come as text or as number. The pages that are named as
sources are those below https://developers.weixin.qq.com/doc/store/leagueheadsupplier/api/sharer/
"""

from __future__ import annotations

from typing import Any, Required, TypedDict

from channels_assets.wechat.decode import Fields
from channels_assets.wechat.errors import BadRequest, UnexpectedResponse
from channels_assets.wechat.paging import Endpoint, ListRequest

_DOC = "https://developers.weixin.qq.com/doc/store/leagueheadsupplier/api/sharer/"
ARTICLE_PROMOTER_TYPES = (4, 5)


class ArticleProduct(TypedDict, total=False):
    """A product shown in an article.

    predict_commission_amount: fen, what the agency expects. commission_rate: parts per million.
    """

    product_id: Required[int]
    product_name: str
    product_img_url: str
    predict_commission_amount: int
    commission_rate: int


class ArticleInfo(TypedDict, total=False):
    """What an article is called and where it is. promoter_share_link is opaque text."""

    article_url: Required[str]
    article_title: str
    cover_image: str
    promoter_share_link: str


class Article(TypedDict, total=False):
    """An article of a linked account. Times in epoch seconds.

    Source: article/api_getshopmparticlelist.html
    """

    article_info: Required[ArticleInfo]
    product_list: list[ArticleProduct]
    create_time: int
    update_time: int


class Shop(TypedDict, total=False):
    """A cooperating shop (合作小店). bind_time in epoch seconds.

    Source: account/api_getbindshoplist.html
    """

    shop_appid: Required[str]
    shop_nickname: str
    shop_head_img: str
    bind_time: int


class Promoter(TypedDict, total=False):
    """An account linked to a shop (关联账号). promoter_type: 1 视频号, 4 公众号, 5 服务号.

    Source: account/api_getbindshoppromoterlist.html
    """

    promoter_id: Required[str]
    promoter_type: int
    promoter_name: str
    avatar_image_url: str


class Sharer(TypedDict, total=False):
    """A sharer (推客) bound to the agency. commission_ratio: parts per million, void if type is 1.

    Source: account/api_getbindsharerlist.html
    """

    sharer_appid: Required[str]
    nickname: str
    head_img_url: str
    bind_time: int
    commission_type: int
    commission_ratio: int


SHOP_ARTICLES: Endpoint[Article] = Endpoint(
    name="getshopmparticlelist",
    path="/channels/ec/promoter/get_shop_mp_article_list",
    doc=_DOC + "article/api_getshopmparticlelist.html",
    list_field="article_list",
    key_path=("article_info", "article_url"),
    cursor_field="next_key",
    sends_has_more=True,
    max_page_size=10,
)
COOPERATING_SHOPS: Endpoint[Shop] = Endpoint(
    name="getbindshoplist",
    path="/channels/ec/promoter/get_bind_shop_list",
    doc=_DOC + "account/api_getbindshoplist.html",
    list_field="shop_list",
    key_path=("shop_appid",),
    cursor_field="next_key",
    sends_has_more=True,
    max_page_size=10,
)
SHOP_PROMOTERS: Endpoint[Promoter] = Endpoint(
    name="getbindshoppromoterlist",
    path="/channels/ec/promoter/get_bind_shop_promoter_list",
    doc=_DOC + "account/api_getbindshoppromoterlist.html",
    list_field="promoter_list",
    key_path=("promoter_id",),
    cursor_field="next_key",
    sends_has_more=True,
    max_page_size=10,
)
SHARERS: Endpoint[Sharer] = Endpoint(
    name="getbindsharerlist",
    path="/channels/ec/promoter/get_bind_sharer_list",
    doc=_DOC + "account/api_getbindsharerlist.html",
    list_field="sharer_info_list",
    key_path=("sharer_appid",),
    cursor_field="next_key",
    sends_has_more=False,
    max_page_size=20,
)
ENDPOINTS: tuple[Endpoint[Any], ...] = (SHOP_ARTICLES, COOPERATING_SHOPS, SHOP_PROMOTERS, SHARERS)


def shop_articles(
    *,
    shop_appid: str,
    promoter_id: str,
    promoter_type: int,
    sharer_appid: str,
    page_size: int = SHOP_ARTICLES.max_page_size,
) -> ListRequest[Article]:
    """Articles of one linked account, with the share link of one sharer.

    promoter_type: 4 (公众号) or 5 (服务号). page_size: 1 to 10.
    Raises BadRequest, before a call is spent, when a parameter is out of its limits.
    """
    if promoter_type not in ARTICLE_PROMOTER_TYPES:
        raise BadRequest(
            f"promoter_type must be 4 (公众号) or 5 (服务号), not {promoter_type}; no call was made.",
            endpoint=SHOP_ARTICLES.name,
        )
    named = {"shop_appid": shop_appid, "promoter_id": promoter_id, "sharer_appid": sharer_appid}
    for name, value in named.items():
        if not value:
            raise BadRequest(f"{name} is empty; no call was made.", endpoint=SHOP_ARTICLES.name)
    return ListRequest(
        SHOP_ARTICLES, {"page_size": page_size, **named, "promoter_type": promoter_type}
    )


def cooperating_shops(page_size: int = COOPERATING_SHOPS.max_page_size) -> ListRequest[Shop]:
    """Shops that cooperate with the agency. page_size: 1 to 10."""
    return ListRequest(COOPERATING_SHOPS, {"page_size": page_size})


def shop_promoters(
    shop_appid: str, page_size: int = SHOP_PROMOTERS.max_page_size
) -> ListRequest[Promoter]:
    """Accounts linked to one shop, of every promoter_type. page_size: 1 to 10."""
    return ListRequest(SHOP_PROMOTERS, {"page_size": page_size, "shop_appid": shop_appid})


def promoter_type_of(promoter: Promoter) -> int:
    """As a number, 0 where it is missing or no number."""
    try:
        return Fields(promoter, SHOP_PROMOTERS.name).integer("promoter_type") or 0
    except UnexpectedResponse:
        return 0


def sharers(
    *,
    sharer_appid: str = "",
    sharer_openid: str = "",
    page_size: int = SHARERS.max_page_size,
) -> ListRequest[Sharer]:
    """Sharers bound to the agency, optionally filtered by one of their ids. page_size: 1 to 20."""
    filters = {"sharer_appid": sharer_appid, "sharer_openid": sharer_openid}
    return ListRequest(
        SHARERS,
        {"page_size": page_size, **{name: value for name, value in filters.items() if value}},
    )
