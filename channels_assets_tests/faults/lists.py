"""The five lists that are pulled: how each is asked for, loaded, and what its rows must be."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from channels_assets.sandbox import World
from channels_assets.warehouse import LoadRecord
from channels_assets.wechat import league, window
from channels_assets.wechat.paging import Endpoint, ListRequest
from channels_assets_tests.helpers.loading import (
    load_articles,
    load_promoters,
    load_sharers,
    load_shops,
    load_window,
)

Json = dict[str, Any]
Row = tuple[Any, ...]
Con = duckdb.DuckDBPyConnection

SIZE = 7
PAGE_SIZE = 2
PAGES = 4


@dataclass(frozen=True)
class Listing:
    """One list of one world.

    `behind` is the very list that the sandbox serves, to be changed in place; `sent` is what it
    makes of it. `row` says what must be stored for one item, from the API's page alone.
    """

    letter: str
    endpoint: Endpoint[Any]
    behind: Callable[[World], list[Json]]
    ask: Callable[[World, int], ListRequest[Any]]
    put: Callable[[Con, World, Sequence[bytes] | Any, LoadRecord], object]
    row: Callable[[Json], Row]
    query: str
    id_path: tuple[str, ...]
    tables: tuple[str, ...]
    ordered: bool = False

    def sent(self, world: World) -> list[Json]:
        if self.letter == "B":
            return world.articles_for(*_first_list(world))
        return list(self.behind(world))

    def scope(self, world: World) -> dict[str, str]:
        """What names the list in its table."""
        if self.letter == "B":
            names = ("shop_appid", "promoter_id", "sharer_appid")
            return dict(zip(names, _first_list(world), strict=True))
        if self.letter == "D":
            return {"shop_appid": _first_shop(world)}
        return {"window": "w"} if self.letter == "A" else {}

    def rows(self, items: Sequence[Json]) -> list[Row]:
        rows = [self.row(item) for item in items]
        return rows if self.ordered else sorted(rows, key=repr)

    def stored(self, con: Con) -> list[Row]:
        rows = [_plain(row) for row in con.execute(self.query).fetchall()]
        return rows if self.ordered else sorted(rows, key=repr)

    def account(self, world: World) -> tuple[str, str]:
        """appid and secret of the account that may ask for this list."""
        if self.letter == "A":
            owner = next(iter(world.windows.values()))
            return owner.appid, owner.secret
        return world.league.appid, world.league.secret

    def older(self, world: World) -> list[Json]:
        """The list as it may have been before: another item first, one missing, one twice as old."""
        items: list[Json] = json.loads(json.dumps(self.sent(world)))
        gone: Json = json.loads(json.dumps(items[0]))
        holder = gone
        for name in self.id_path[:-1]:
            holder = holder[name]
        holder[self.id_path[-1]] = "gone-by-now"
        items[1]["old_field"] = "old"
        return [gone, *items[:2], *items[3:]]


def _plain(row: Row) -> Row:
    """JSON columns as values, since their spelling is free."""
    return tuple(
        json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value
        for value in row
    )


def _millis(sent: int | None) -> int | None:
    if not sent:
        return None
    return sent if sent > 10**11 else sent * 1000


def _extra(item: Json, *known: str) -> Json | None:
    return {name: value for name, value in item.items() if name not in known} or None


def _first_list(world: World) -> tuple[str, str, str]:
    shop_appid, promoter_id = next(iter(world.league.articles))
    return shop_appid, promoter_id, world.league.sharers[0]["sharer_appid"]


def _product_row(item: Json) -> Row:
    return (
        str(item["product_id"]),
        item.get("appid"),
        item.get("out_product_id"),
        item.get("product_source", 0),
        _extra(item, "product_id", "appid", "out_product_id", "product_source"),
    )


def _article_row(item: Json) -> Row:
    info = item["article_info"]
    return (
        info["article_url"],
        info["article_title"],
        info["cover_image"],
        info["promoter_share_link"],
        _millis(item["create_time"]),
        _millis(item["update_time"]),
        _extra(item, "article_info", "create_time", "update_time", "product_list"),
        [
            [
                str(product["product_id"]),
                product["product_name"],
                product["predict_commission_amount"],
                product["commission_rate"],
            ]
            for product in item["product_list"] or []
        ],
    )


def _shop_row(item: Json) -> Row:
    known = ("shop_appid", "shop_nickname", "shop_head_img")
    return (
        *(item[name] for name in known),
        _millis(item["bind_time"]),
        _extra(item, *known, "bind_time"),
    )


def _promoter_row(item: Json) -> Row:
    known = ("promoter_id", "promoter_type", "promoter_name", "avatar_image_url")
    return (*(item[name] for name in known), _extra(item, *known))


def _sharer_row(item: Json) -> Row:
    known = ("sharer_appid", "nickname", "head_img_url", "commission_type", "commission_ratio")
    return (
        *(item[name] for name in known),
        _millis(item["bind_time"]),
        _extra(item, *known, "bind_time"),
    )


def _ask_articles(world: World, size: int) -> ListRequest[Any]:
    shop_appid, promoter_id, sharer_appid = _first_list(world)
    return league.shop_articles(
        shop_appid=shop_appid,
        promoter_id=promoter_id,
        promoter_type=4,
        sharer_appid=sharer_appid,
        page_size=size,
    )


def _put_articles(con: Con, world: World, pages: Any, load: LoadRecord) -> object:  # noqa: ANN401
    shop_appid, promoter_id, sharer_appid = _first_list(world)
    return load_articles(
        con,
        partition="articles",
        shop_appid=shop_appid,
        promoter_id=promoter_id,
        sharer_appid=sharer_appid,
        promoter_type=4,
        pages=pages,
        load=load,
    )


def _first_shop(world: World) -> str:
    # Not the first of `shops`, which a test may remove.
    return next(iter(world.league.promoters))


PRODUCTS = Listing(
    letter="A",
    endpoint=window.WINDOW_PRODUCTS,
    behind=lambda world: next(iter(world.windows.values())).products,
    ask=lambda _, size: window.window_products(page_size=size),
    put=lambda con, _, pages, load: load_window(
        con, window="w", account_appid="a", pages=pages, load=load
    ),
    row=_product_row,
    query="SELECT product_id, shop_appid, out_product_id, product_source, extra "
    "FROM window_products ORDER BY position",
    id_path=("product_id",),
    tables=("window_products", "window_products_history"),
    ordered=True,
)
ARTICLES = Listing(
    letter="B",
    endpoint=league.SHOP_ARTICLES,
    behind=lambda world: next(iter(world.league.articles.values())),
    ask=_ask_articles,
    put=_put_articles,
    row=_article_row,
    query="SELECT article_url, article_title, cover_image, promoter_share_link, "
    "epoch_ms(create_time), epoch_ms(update_time), extra, (SELECT coalesce(to_json(list("
    "[to_json(product_id), to_json(product_name), to_json(predict_commission_amount), "
    "to_json(commission_rate)] ORDER BY p.position)), '[]')::VARCHAR FROM article_products p "
    "WHERE p.article_url = a.article_url) FROM shop_articles a ORDER BY position",
    id_path=("article_info", "article_url"),
    tables=("shop_articles", "article_products", "article_products_history"),
    ordered=True,
)
SHOPS = Listing(
    letter="C",
    endpoint=league.COOPERATING_SHOPS,
    behind=lambda world: world.league.shops,
    ask=lambda _, size: league.cooperating_shops(page_size=size),
    put=lambda con, _, pages, load: load_shops(con, pages=pages, load=load),
    row=_shop_row,
    query="SELECT shop_appid, shop_nickname, shop_head_img, epoch_ms(bind_time), extra "
    "FROM cooperating_shops WHERE is_active",
    id_path=("shop_appid",),
    tables=("cooperating_shops",),
)
PROMOTERS = Listing(
    letter="D",
    endpoint=league.SHOP_PROMOTERS,
    behind=lambda world: world.league.promoters[_first_shop(world)],
    ask=lambda world, size: league.shop_promoters(_first_shop(world), page_size=size),
    put=lambda con, world, pages, load: load_promoters(
        con, shop_appid=_first_shop(world), pages=pages, load=load
    ),
    row=_promoter_row,
    query="SELECT promoter_id, promoter_type, promoter_name, avatar_image_url, extra "
    "FROM shop_promoters WHERE is_active",
    id_path=("promoter_id",),
    tables=("shop_promoters",),
)
SHARERS = Listing(
    letter="E",
    endpoint=league.SHARERS,
    behind=lambda world: world.league.sharers,
    ask=lambda _, size: league.sharers(page_size=size),
    put=lambda con, _, pages, load: load_sharers(con, pages=pages, load=load),
    row=_sharer_row,
    query="SELECT sharer_appid, nickname, head_img_url, commission_type, commission_ratio, "
    "epoch_ms(bind_time), extra FROM sharers WHERE is_active",
    id_path=("sharer_appid",),
    tables=("sharers",),
)
LISTS = {entry.letter: entry for entry in (PRODUCTS, ARTICLES, SHOPS, PROMOTERS, SHARERS)}
