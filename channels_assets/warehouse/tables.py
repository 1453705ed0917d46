"""The tables that hold lists: which columns name a list, tell its rows apart, and are compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ListTable:
    """One table of lists, by its columns.

    `scope` names the list a row is in, `item` the row within it; together they are the key. `values`
    are what the API says about the row; those among them that come with the request instead, and
    are the same in the whole list, are its `facts`, by their SQL types. `history` is the table that
    keeps what was, if there is one. With `moves` a change of order is a change too. Rows of a table
    that `keeps_vanished` are never deleted but set inactive.
    """

    name: str
    scope: tuple[str, ...]
    item: tuple[str, ...]
    values: tuple[str, ...]
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    history: str | None = None
    moves: bool = False
    keeps_vanished: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        return self.scope + self.item

    @property
    def sent(self) -> tuple[str, ...]:
        """The values that stand in the answers themselves."""
        return tuple(name for name in self.values if name not in self.facts)

    @property
    def has_position(self) -> bool:
        return not self.keeps_vanished


WINDOW_PRODUCTS = ListTable(
    name="window_products",
    scope=("window",),
    item=("product_id",),
    values=("account_appid", "shop_appid", "out_product_id", "product_source", "extra"),
    facts={"account_appid": "VARCHAR"},
    history="window_products_history",
    moves=True,
)

SHOP_ARTICLES = ListTable(
    name="shop_articles",
    scope=("shop_appid", "promoter_id", "sharer_appid"),
    item=("article_url",),
    values=(
        "promoter_type",
        "article_title",
        "cover_image",
        "promoter_share_link",
        "create_time",
        "update_time",
        "product_list",
        "extra",
    ),
    facts={"promoter_type": "INTEGER"},
)

ARTICLE_PRODUCTS = ListTable(
    name="article_products",
    scope=("shop_appid", "promoter_id", "sharer_appid"),
    item=("article_url", "product_id"),
    values=(
        "product_name",
        "product_img_url",
        "predict_commission_amount",
        "commission_rate",
        "extra",
    ),
    history="article_products_history",
)

COOPERATING_SHOPS = ListTable(
    name="cooperating_shops",
    scope=(),
    item=("shop_appid",),
    values=("shop_nickname", "shop_head_img", "bind_time", "extra"),
    keeps_vanished=True,
)

SHOP_PROMOTERS = ListTable(
    name="shop_promoters",
    scope=("shop_appid",),
    item=("promoter_id",),
    values=("promoter_type", "promoter_name", "avatar_image_url", "extra"),
    keeps_vanished=True,
)

SHARERS = ListTable(
    name="sharers",
    scope=(),
    item=("sharer_appid",),
    values=(
        "nickname",
        "head_img_url",
        "bind_time",
        "commission_type",
        "commission_ratio",
        "extra",
    ),
    keeps_vanished=True,
)

LIST_TABLES = {
    table.name: table
    for table in (
        WINDOW_PRODUCTS,
        SHOP_ARTICLES,
        ARTICLE_PRODUCTS,
        COOPERATING_SHOPS,
        SHOP_PROMOTERS,
        SHARERS,
    )
}
