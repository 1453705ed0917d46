"""The declaration of every table and column. All else is derived from it:

CREATE and COMMENT (schema.py), history tables (column_types.py), parsing (parse.py), previews (queries.py)
and docs/tables.md (`make docs`). column_types.py has the classes, log_tables.py the tables without lists,
views.sql the views.
"""

from channels_assets.warehouse.column_types import (
    COUNT,
    FEN,
    FETCHED_AT,
    ID,
    INTEGER,
    LIST,
    LOAD_ID,
    OPTIONAL_ID,
    POSITION,
    RATE,
    TEXT,
    TIME,
    Column,
    ListTable,
    Table,
    history_table,
    last_seen,
    other_fields,
    sent,
)
from channels_assets.warehouse.log_tables import (
    FAILURES,
    LOADS,
    META,
    PARTITION_KEYS,
    REJECTED_ITEMS,
)

WINDOW_PRODUCTS = ListTable(
    name="window_products",
    comment="The products now in each Channels window (橱窗); one row per window and product_id; "
    "from getwindowproductlist",
    endpoint="getwindowproductlist",
    list_field="products",
    scope=("window",),
    item=("product_id",),
    history_comment="What window_products held and when; one row per window, product_id and "
    "valid_from; only real changes make a row",
    moves=True,
    columns=(
        Column(
            "window",
            TEXT,
            "Name of the window in channels.toml, the partition of the asset",
            note='A reserved word: write it as "window"',
        ),
        Column(
            "account_appid",
            TEXT,
            "AppID of the Channels Assistant account (视频号助手) that owns the window; from channels.toml",
            constant=True,
        ),
        sent(
            "product_id", ID, "Product id inside the window, the exact digits of a uint64 as text"
        ),
        sent(
            "shop_appid",
            TEXT,
            "AppID of the shop that a product of one's own shop comes from, NULL for affiliate products",
            field="appid",
        ),
        sent(
            "out_product_id",
            OPTIONAL_ID,
            "Product id in the supplying shop, affiliate products only, exact digits as text",
        ),
        sent(
            "product_source",
            INTEGER,
            "0 own shop (also when the API leaves it out), 1 selection centre (选品中心)",
            default=0,
        ),
        POSITION,
        other_fields(),
        FETCHED_AT,
        LOAD_ID,
    ),
)

SHOP_ARTICLES = ListTable(
    name="shop_articles",
    comment="The articles (公众号 or 服务号) that promote a cooperating shop's products; one row per "
    "shop, promoter, sharer and article_url; from getshopmparticlelist",
    endpoint="getshopmparticlelist",
    list_field="article_list",
    scope=("shop_appid", "promoter_id", "sharer_appid"),
    item=("article_url",),
    columns=(
        Column("shop_appid", TEXT, "AppID of the cooperating shop", request="shop_appid"),
        Column(
            "promoter_id",
            TEXT,
            "The linked account that published the article, as text",
            request="promoter_id",
        ),
        Column(
            "sharer_appid",
            TEXT,
            "The sharer (推客) for whom the links were made",
            request="sharer_appid",
        ),
        Column(
            "promoter_type",
            INTEGER,
            "4 公众号 (official account), 5 服务号 (service account)",
            request="promoter_type",
            constant=True,
        ),
        sent("article_url", ID, "Address of the article", field="article_info.article_url"),
        sent("article_title", TEXT, "Title", field="article_info.article_title"),
        sent("cover_image", TEXT, "Address of the cover image", field="article_info.cover_image"),
        sent(
            "promoter_share_link",
            TEXT,
            "Opaque promotion parameter (推广参数) of this sharer, not an address",
            field="article_info.promoter_share_link",
        ),
        sent("create_time", TIME, "Creation time, NULL when 0 or absent"),
        sent("update_time", TIME, "Last change, NULL when 0 or absent"),
        sent(
            "product_list",
            LIST,
            "The article's products as the API sent them; article_products is made from it",
        ),
        POSITION,
        other_fields(", those within article_info under article_info"),
        FETCHED_AT,
        LOAD_ID,
    ),
)

ARTICLE_PRODUCTS = ListTable(
    name="article_products",
    comment="The products in each article; one row per article and product_id; made from shop_articles.product_list",
    derived_from="shop_articles",
    list_field="product_list",
    scope=("shop_appid", "promoter_id", "sharer_appid"),
    item=("article_url", "product_id"),
    history_comment="What article_products held and when; one row per article, product_id and "
    "valid_from; only real changes make a row",
    columns=(
        Column("shop_appid", TEXT, "The article's shop: shop_articles.shop_appid"),
        Column("promoter_id", TEXT, "The article's account: shop_articles.promoter_id"),
        Column("sharer_appid", TEXT, "The article's sharer (推客): shop_articles.sharer_appid"),
        Column("article_url", TEXT, "The article: shop_articles.article_url"),
        sent("product_id", ID, "Product id, the exact digits of a uint64 as text"),
        sent("product_name", TEXT, "Name"),
        sent("product_img_url", TEXT, "Address of the image"),
        sent(
            "predict_commission_amount",
            FEN,
            "Commission that the agency may expect per sale, in fen (1/100 yuan), a forecast",
        ),
        sent(
            "commission_rate",
            RATE,
            "Commission rate in parts per million as sent (400000 = 40 %; unit known from sibling APIs)",
        ),
        Column(
            "position",
            COUNT,
            "Place among the products of the whole list, article after article, from 1, counted without duplicates",
        ),
        other_fields(),
        FETCHED_AT,
        LOAD_ID,
    ),
)

COOPERATING_SHOPS = ListTable(
    name="cooperating_shops",
    comment="The shops that cooperate with the agency, now or once; one row per shop_appid; from get_bind_shop_list",
    endpoint="getbindshoplist",
    list_field="shop_list",
    scope=(),
    item=("shop_appid",),
    keeps_vanished=True,
    columns=(
        sent("shop_appid", ID, "AppID of the shop"),
        sent("shop_nickname", TEXT, "Name"),
        sent("shop_head_img", TEXT, "Address of the logo"),
        sent("bind_time", TIME, "When the cooperation began, NULL when 0 or absent"),
        *last_seen("shop"),
    ),
)

SHOP_PROMOTERS = ListTable(
    name="shop_promoters",
    comment="The accounts linked to each cooperating shop, now or once; one row per shop_appid and "
    "promoter_id; from get_bind_shop_promoter_list",
    endpoint="getbindshoppromoterlist",
    list_field="promoter_list",
    scope=("shop_appid",),
    item=("promoter_id",),
    keeps_vanished=True,
    columns=(
        Column("shop_appid", TEXT, "AppID of the shop", request="shop_appid"),
        sent("promoter_id", ID, "Id of the linked account, exact digits as text"),
        sent(
            "promoter_type",
            INTEGER,
            "1 视频号 (Channels), 4 公众号 (official account), 5 服务号 (service account), others as sent",
        ),
        sent("promoter_name", TEXT, "Name"),
        sent("avatar_image_url", TEXT, "Address of the avatar"),
        *last_seen("account", "the shop's latest list"),
    ),
)

SHARERS = ListTable(
    name="sharers",
    comment="The sharers (推客) bound to the agency, now or once; one row per sharer_appid; from get_bind_sharer_list",
    endpoint="getbindsharerlist",
    list_field="sharer_info_list",
    scope=(),
    item=("sharer_appid",),
    keeps_vanished=True,
    columns=(
        sent("sharer_appid", ID, "Identity of the sharer, looks like an AppID"),
        sent("nickname", TEXT, "Name"),
        sent("head_img_url", TEXT, "Address of the avatar"),
        sent("bind_time", TIME, "When the sharer was bound, NULL when 0 or absent"),
        sent("commission_type", INTEGER, "0 the platform pays the sharer, 1 the agency does"),
        sent(
            "commission_ratio",
            RATE,
            "The sharer's share in parts per million as sent (100000 = 10 %), without meaning when "
            "commission_type is 1",
        ),
        *last_seen("sharer", shown_as="them"),
    ),
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

_HISTORIES = (history_table(table) for table in LIST_TABLES.values())
TABLES: tuple[Table, ...] = (
    META,
    *LIST_TABLES.values(),
    LOADS,
    FAILURES,
    REJECTED_ITEMS,
    PARTITION_KEYS,
    *(history for history in _HISTORIES if history is not None),
)
"""Every table of the warehouse."""


def with_derived(table: ListTable) -> tuple[ListTable, ...]:
    """The table, and those that are made from its lists."""
    derived = (each for each in LIST_TABLES.values() if each.derived_from == table.name)
    return (table, *derived)
