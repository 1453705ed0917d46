"""The league agency's (联盟带货机构) lists: articles of a shop's linked accounts, and what leads to them.

Sources: https://developers.weixin.qq.com/doc/store/leagueheadsupplier/api/sharer/
"""

from __future__ import annotations

from typing import Any, NamedTuple

from channels_assets.wechat.decode import Fields
from channels_assets.wechat.errors import BadRequest
from channels_assets.wechat.paging import Endpoint, ListRequest

_DOC = "https://developers.weixin.qq.com/doc/store/leagueheadsupplier/api/sharer/"
ARTICLE_PROMOTER_TYPES = (4, 5)


class ArticleProduct(NamedTuple):
    """A product shown in an article.

    predict_commission_amount: fen, what the agency expects. commission_rate: parts per million.
    """

    product_id: str
    product_name: str | None
    product_img_url: str | None
    predict_commission_amount: int | None
    commission_rate: int | None


class Article(NamedTuple):
    """An article of a linked account. Times in epoch seconds; promoter_share_link is opaque text."""

    article_url: str
    article_title: str | None
    cover_image: str | None
    promoter_share_link: str | None
    create_time: float | None
    update_time: float | None
    products: tuple[ArticleProduct, ...]


class Shop(NamedTuple):
    """A cooperating shop (合作小店)."""

    shop_appid: str
    shop_nickname: str | None
    shop_head_img: str | None
    bind_time: float | None


class Promoter(NamedTuple):
    """An account linked to a shop (关联账号). promoter_type: 1 视频号, 4 公众号, 5 服务号."""

    promoter_id: str
    promoter_type: int
    promoter_name: str | None
    avatar_image_url: str | None


class Sharer(NamedTuple):
    """A sharer (推客) bound to the agency. commission_ratio: parts per million, void if type is 1."""

    sharer_appid: str
    nickname: str | None
    head_img_url: str | None
    bind_time: float | None
    commission_type: int | None
    commission_ratio: int | None


def _decode_article_product(item: Fields) -> ArticleProduct:
    return ArticleProduct(
        product_id=item.id("product_id"),
        product_name=item.text("product_name"),
        product_img_url=item.text("product_img_url"),
        predict_commission_amount=item.integer("predict_commission_amount"),
        commission_rate=item.integer("commission_rate", bits=32),
    )


def _decode_article(item: Fields) -> Article:
    info = item.object("article_info")
    return Article(
        article_url=info.id("article_url"),
        article_title=info.text("article_title"),
        cover_image=info.text("cover_image"),
        promoter_share_link=info.text("promoter_share_link"),
        create_time=item.time("create_time"),
        update_time=item.time("update_time"),
        products=tuple(
            _decode_article_product(product) for product in item.objects("product_list")
        ),
    )


def _decode_shop(item: Fields) -> Shop:
    return Shop(
        shop_appid=item.id("shop_appid"),
        shop_nickname=item.text("shop_nickname"),
        shop_head_img=item.text("shop_head_img"),
        bind_time=item.time("bind_time"),
    )


def _decode_promoter(item: Fields) -> Promoter:
    return Promoter(
        promoter_id=item.id("promoter_id"),
        promoter_type=item.integer("promoter_type", bits=32) or 0,
        promoter_name=item.text("promoter_name"),
        avatar_image_url=item.text("avatar_image_url"),
    )


def _decode_sharer(item: Fields) -> Sharer:
    return Sharer(
        sharer_appid=item.id("sharer_appid"),
        nickname=item.text("nickname"),
        head_img_url=item.text("head_img_url"),
        bind_time=item.time("bind_time"),
        commission_type=item.integer("commission_type", bits=32),
        commission_ratio=item.integer("commission_ratio", bits=32),
    )


SHOP_ARTICLES: Endpoint[Article] = Endpoint(
    name="getshopmparticlelist",
    path="/channels/ec/promoter/get_shop_mp_article_list",
    doc=_DOC + "article/api_getshopmparticlelist.html",
    list_field="article_list",
    cursor_field="next_key",
    tells_has_more=True,
    max_page_size=10,
    decode=_decode_article,
    key=lambda article: article.article_url,
)
COOPERATING_SHOPS: Endpoint[Shop] = Endpoint(
    name="getbindshoplist",
    path="/channels/ec/promoter/get_bind_shop_list",
    doc=_DOC + "account/api_getbindshoplist.html",
    list_field="shop_list",
    cursor_field="next_key",
    tells_has_more=True,
    max_page_size=10,
    decode=_decode_shop,
    key=lambda shop: shop.shop_appid,
)
SHOP_PROMOTERS: Endpoint[Promoter] = Endpoint(
    name="getbindshoppromoterlist",
    path="/channels/ec/promoter/get_bind_shop_promoter_list",
    doc=_DOC + "account/api_getbindshoppromoterlist.html",
    list_field="promoter_list",
    cursor_field="next_key",
    tells_has_more=True,
    max_page_size=10,
    decode=_decode_promoter,
    key=lambda promoter: promoter.promoter_id,
)
SHARERS: Endpoint[Sharer] = Endpoint(
    name="getbindsharerlist",
    path="/channels/ec/promoter/get_bind_sharer_list",
    doc=_DOC + "account/api_getbindsharerlist.html",
    list_field="sharer_info_list",
    cursor_field="next_key",
    tells_has_more=False,
    max_page_size=20,
    decode=_decode_sharer,
    key=lambda sharer: sharer.sharer_appid,
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
