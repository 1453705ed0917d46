"""A world that is refreshed again and again, and a plain record of what was there at each moment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Self

import duckdb
import pytest

from channels_assets.sandbox import World
from channels_assets_tests.helpers.loading import (
    load_articles,
    load_window,
    remove_articles,
    remove_window,
)
from channels_assets_tests.warehouse.making import in_pages, load

ListKey = tuple[str, ...]
Row = tuple[Any, ...]
Rows = list[Row]


class Clock(datetime):
    """datetime, with a `now` that the test sets."""

    moment: datetime

    @classmethod
    def now(cls, tz: object = None) -> Self:
        return cls.moment  # type: ignore[return-value]


class Record:
    """What each list held, from which moment on."""

    def __init__(self) -> None:
        self.states: dict[ListKey, list[tuple[datetime, Rows]]] = {}

    def keep(self, key: ListKey, moment: datetime, rows: Rows) -> None:
        self.states.setdefault(key, []).append((moment, rows))

    def as_of(self, moment: datetime) -> Rows:
        found: Rows = []
        for states in self.states.values():
            place = bisect_right(states, moment, key=lambda state: state[0])
            found += states[place - 1][1] if place else []
        return sorted(found, key=repr)

    def moments(self) -> list[datetime]:
        return sorted({moment for states in self.states.values() for moment, _ in states})


def window_rows(appid: str, products: Sequence[dict[str, Any]]) -> Rows:
    return [
        (
            appid,
            place,
            str(item["product_id"]),
            item.get("appid"),
            item.get("out_product_id"),
            item.get("product_source", 0),
            item.get("leaf_category_id"),
        )
        for place, item in enumerate(products, 1)
    ]


def product_rows(key: ListKey, articles: Sequence[dict[str, Any]]) -> Rows:
    return [
        (
            *key,
            article["article_info"]["article_url"],
            str(product["product_id"]),
            product["product_name"],
            product["predict_commission_amount"],
            product["commission_rate"],
        )
        for article in articles
        for product in article["product_list"]
    ]


def window_as_of(con: duckdb.DuckDBPyConnection, moment: datetime) -> Rows:
    rows = con.execute(
        """
        SELECT "window", position, product_id, shop_appid, out_product_id, product_source,
            (extra ->> 'leaf_category_id')::BIGINT
        FROM window_as_of(?::TIMESTAMPTZ)
        """,
        [moment],
    ).fetchall()
    return sorted(rows, key=repr)


def products_as_of(con: duckdb.DuckDBPyConnection, moment: datetime) -> Rows:
    rows = con.execute(
        """
        SELECT shop_appid, promoter_id, sharer_appid, article_url, product_id, product_name,
            predict_commission_amount, commission_rate
        FROM article_products_as_of(?::TIMESTAMPTZ)
        """,
        [moment],
    ).fetchall()
    return sorted(rows, key=repr)


def broken(pages: list[bytes]) -> Iterator[bytes]:
    yield from pages[:1]
    raise ConnectionError("the line went dead")


class Refresher:
    """Loads what a world has through the real loaders, and keeps the record beside it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, clock: pytest.MonkeyPatch) -> None:
        self.con = con
        self.windows, self.products = Record(), Record()
        clock.setattr("channels_assets.warehouse.load.datetime", Clock)

    def window(self, world: World, appid: str, moment: datetime, *, fails: bool = False) -> None:
        products = world.products_for(appid)
        pages = in_pages("products", products, 25)
        with suppress(ConnectionError):
            load_window(
                self.con,
                window=appid,
                account_appid=appid,
                pages=broken(pages) if fails else pages,
                load=load(fetched_at=moment),
            )
            self.windows.keep((appid,), moment, window_rows(appid, products))

    def articles(
        self, world: World, key: ListKey, moment: datetime, *, fails: bool = False
    ) -> None:
        shop_appid, promoter_id, sharer_appid = key
        articles = world.articles_for(shop_appid, promoter_id, sharer_appid)
        pages = in_pages("article_list", articles, 3)
        with suppress(ConnectionError):
            load_articles(
                self.con,
                partition="/".join(key),
                shop_appid=shop_appid,
                promoter_id=promoter_id,
                sharer_appid=sharer_appid,
                promoter_type=4,
                pages=broken(pages) if fails else pages,
                load=load(fetched_at=moment),
            )
            self.products.keep(key, moment, product_rows(key, articles))

    def remove_vanished(self, world: World, moment: datetime) -> None:
        """As discovery does: a list that is not there any more is removed."""
        Clock.moment = moment
        for (appid,), states in self.windows.states.items():
            if appid not in world.windows and states[-1][1]:
                assert remove_window(self.con, appid)
                self.windows.keep((appid,), moment, [])
        for key, states in self.products.states.items():
            if key[:2] not in world.league.articles and states[-1][1]:
                assert remove_articles(self.con, *key)
                self.products.keep(key, moment, [])


def article_lists(world: World) -> list[ListKey]:
    return [
        (*key, sharer["sharer_appid"])
        for key in world.league.articles
        for sharer in world.league.sharers
    ]
