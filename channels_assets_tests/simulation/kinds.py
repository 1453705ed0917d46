"""The six lists: how the API sends an item, and which rows of which table it must become.

Written from the API's pages and the tables' comments alone: nothing here is shared with the client
or the loaders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

Row = tuple[tuple[Any, ...], tuple[Any, ...]]
Sent = dict[str, Any]

BROKEN = "\ud83d"
"""Half an emoji: it is sent as an escape, or as half of its bytes, and stored as U+FFFD."""
HOSTILE = ("'", '"; DROP TABLE loads; --', "a\0b", "😀", "[1", "{", "true", "$1", "\u2028", "1.10")
TEXTS = ("", "橱窗", "null", "x" * 300, BROKEN, f"窗{BROKEN}", *HOSTILE)
UNFIT = ("x", " 1", 1.5, True, [], {"a": [1.5]}, 2**70, -(2**70))
"""What is no number that a column could hold."""
NUMBERS = (0, 1, 7, 2**31, 2**53, 2**53 + 1, 2**63, 2**64 - 1)


@dataclass(frozen=True)
class Table:
    """A table and what stands in it for one item. `key` and `values` are its columns."""

    name: str
    scope: tuple[str, ...]
    key: tuple[str, ...]
    values: tuple[str, ...]
    rows: Callable[[Sent], list[Row]]
    history: str = ""
    moves: bool = False
    keeps_vanished: bool = False


@dataclass(frozen=True)
class Kind:
    """One endpoint, as a server sees it."""

    name: str
    path: str
    list_field: str
    cursor_field: str
    max_size: int
    stale_code: int
    item: Callable[[Random, Any], Sent]
    tables: Sequence[Table]
    tells_has_more: bool = True
    tells_total: bool = False
    unite: Callable[[Sent, Sent], Sent] = lambda _, newer: newer
    """What two entries of one key in one list stand for."""


def _text(rng: Random) -> str | None:
    return rng.choice([None, *TEXTS])


def _maybe(rng: Random, sent: Sent, name: str, value: object) -> None:
    if rng.random() < 0.7:
        sent[name] = value


def _new_fields(rng: Random, sent: Sent) -> Sent:
    if rng.random() < 0.2:
        sent["x'y\""] = rng.choice([*TEXTS, *NUMBERS, [], {"a": [2**64, None]}, True])
    return sent


def _extra(
    sent: Sent, *texts: str, numbers: tuple[str, ...] = (), times: tuple[str, ...] = ()
) -> Sent | None:
    """All that is in no column: other fields, and numbers and times that do not fit."""
    unfit = {
        *(name for name in numbers if _is_sent(sent, name) and _number(sent[name]) is None),
        *(name for name in times if _is_sent(sent, name) and not _is_time(sent[name])),
    }
    fit = {*texts, *numbers, *times} - unfit
    return {name: value for name, value in sent.items() if name not in fit} or None


def _is_sent(sent: Sent, name: str) -> bool:
    return sent.get(name) not in (None, "")


def _digits(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: object) -> int | None:
    digits = isinstance(value, str) and value.lstrip("-").isdecimal()
    if not (digits or type(value) is int):
        return None
    number = int(str(value))
    return number if abs(number) < 2**63 else None


def _is_time(value: object) -> bool:
    number = _number(value)
    return number is not None and 0 <= number < 253402300800000


def _time(value: object) -> int | None:
    number = _number(value) if _is_time(value) else None
    return number * (1000 if number > 10**11 else 10**6) if number else None


def _moment(rng: Random) -> object:
    if rng.random() < 0.1:
        return rng.choice([*UNFIT, -1, "-1", 253402300800000])
    return rng.choice([None, 0, 1736864136, "1736864136", 1736864136123, rng.randrange(2**31)])


def _odd_or(rng: Random, value: object) -> object:
    return rng.choice(UNFIT) if rng.random() < 0.1 else value


def _product(rng: Random, key: object) -> Sent:
    sent: Sent = {"product_id": key}
    _maybe(rng, sent, "appid", _text(rng))
    _maybe(rng, sent, "out_product_id", rng.choice([None, *NUMBERS, *HOSTILE]))
    _maybe(rng, sent, "product_source", _odd_or(rng, rng.choice([None, "", 0, 1, "1"])))
    return _new_fields(rng, sent)


def _product_rows(sent: Sent) -> list[Row]:
    extra = _extra(sent, "product_id", "appid", "out_product_id", numbers=("product_source",))
    return [
        (
            (str(sent["product_id"]),),
            (
                sent.get("appid"),
                _digits(sent.get("out_product_id")),
                _number(sent["product_source"]) if _is_sent(sent, "product_source") else 0,
                extra,
            ),
        )
    ]


def _article(rng: Random, key: object) -> Sent:
    info: Sent = {"article_url": key}
    for name in ("article_title", "cover_image", "promoter_share_link"):
        _maybe(rng, info, name, _text(rng))
    sent: Sent = {"article_info": info}
    for name in ("create_time", "update_time"):
        _maybe(rng, sent, name, _moment(rng))
    ids = rng.sample([2**53, 2**53 + 1, 2**64 - 1, "1", "2", "'", 10000177087522], rng.randrange(4))
    products = [_article_product(rng, product_id) for product_id in ids]
    if rng.random() < 0.1:
        products.insert(
            rng.randrange(len(products) + 1), {"product_id": rng.choice(["", None, 1.5])}
        )
    _maybe(rng, sent, "product_list", products)
    return _new_fields(rng, sent)


def _united(older: Sent, newer: Sent) -> Sent:
    """The newer entry, with those products of the older that it has not."""
    latest = newer.get("product_list") or []
    ids = {_product_id(product) for product in latest}
    earlier = [
        product for product in older.get("product_list") or [] if _product_id(product) not in ids
    ]
    return {**newer, "product_list": [*earlier, *latest]} if earlier else newer


def _product_id(product: Sent) -> str:
    return str(product["product_id"] or sorted(product.items()))


def _article_product(rng: Random, key: object) -> Sent:
    sent: Sent = {"product_id": key}
    _maybe(rng, sent, "product_name", _text(rng))
    _maybe(
        rng, sent, "predict_commission_amount", _odd_or(rng, rng.choice([0, "", 2**63 - 1, "12"]))
    )
    _maybe(rng, sent, "commission_rate", _odd_or(rng, rng.choice([None, 400000, "400000"])))
    return _new_fields(rng, sent)


def _article_rows(sent: Sent) -> list[Row]:
    info = sent["article_info"]
    values = (
        info.get("article_title"),
        info.get("cover_image"),
        info.get("promoter_share_link"),
        _time(sent.get("create_time")),
        _time(sent.get("update_time")),
        sent.get("product_list"),
        _extra(sent, "article_info", "product_list", times=("create_time", "update_time")),
    )
    return [((info["article_url"],), values)]


def _article_product_rows(sent: Sent) -> list[Row]:
    """A product without a usable id has no row."""
    numbers = ("predict_commission_amount", "commission_rate")
    return [
        (
            (sent["article_info"]["article_url"], str(product["product_id"])),
            (
                product.get("product_name"),
                _number(product.get("predict_commission_amount")),
                _number(product.get("commission_rate")),
                _extra(product, "product_id", "product_name", numbers=numbers),
            ),
        )
        for product in sent.get("product_list") or []
        if isinstance(product["product_id"], int) or product["product_id"]
        if not isinstance(product["product_id"], float)
    ]


def _shop(rng: Random, key: object) -> Sent:
    sent: Sent = {"shop_appid": key}
    _maybe(rng, sent, "shop_nickname", _text(rng))
    _maybe(rng, sent, "bind_time", _moment(rng))
    return _new_fields(rng, sent)


def _shop_rows(sent: Sent) -> list[Row]:
    extra = _extra(sent, "shop_appid", "shop_nickname", times=("bind_time",))
    values = (sent.get("shop_nickname"), _time(sent.get("bind_time")), extra)
    return [((str(sent["shop_appid"]),), values)]


def _promoter(rng: Random, key: object) -> Sent:
    sent: Sent = {"promoter_id": key, "promoter_type": _odd_or(rng, rng.choice([1, 4, 5, "4", 77]))}
    _maybe(rng, sent, "promoter_name", _text(rng))
    return _new_fields(rng, sent)


def _promoter_rows(sent: Sent) -> list[Row]:
    extra = _extra(sent, "promoter_id", "promoter_name", numbers=("promoter_type",))
    values = (_number(sent["promoter_type"]), sent.get("promoter_name"), extra)
    return [((str(sent["promoter_id"]),), values)]


def _sharer(rng: Random, key: object) -> Sent:
    sent: Sent = {"sharer_appid": key}
    _maybe(rng, sent, "nickname", _text(rng))
    _maybe(rng, sent, "bind_time", _moment(rng))
    _maybe(rng, sent, "commission_ratio", _odd_or(rng, rng.choice([None, 0, "10000", 1000000])))
    return _new_fields(rng, sent)


def _sharer_rows(sent: Sent) -> list[Row]:
    extra = _extra(
        sent, "sharer_appid", "nickname", numbers=("commission_ratio",), times=("bind_time",)
    )
    ratio = _number(sent.get("commission_ratio"))
    values = (sent.get("nickname"), _time(sent.get("bind_time")), ratio, extra)
    return [((str(sent["sharer_appid"]),), values)]


_ARTICLE_SCOPE = ("shop_appid", "promoter_id", "sharer_appid")
WINDOW = Kind(
    name="window_products",
    path="/channels/ec/window/product/list/get",
    list_field="products",
    cursor_field="last_buffer",
    max_size=200,
    stale_code=10022006,
    item=_product,
    tells_has_more=False,
    tells_total=True,
    tables=[
        Table(
            "window_products",
            ("window",),
            ("product_id",),
            ("shop_appid", "out_product_id", "product_source", "extra"),
            _product_rows,
            history="window_products_history",
            moves=True,
        )
    ],
)
ARTICLES = Kind(
    name="shop_articles",
    path="/channels/ec/promoter/get_shop_mp_article_list",
    list_field="article_list",
    cursor_field="next_key",
    max_size=10,
    stale_code=10024000,
    item=_article,
    unite=_united,
    tables=[
        Table(
            "shop_articles",
            _ARTICLE_SCOPE,
            ("article_url",),
            (
                *("article_title", "cover_image", "promoter_share_link"),
                *("create_time", "update_time", "product_list", "extra"),
            ),
            _article_rows,
        ),
        Table(
            "article_products",
            _ARTICLE_SCOPE,
            ("article_url", "product_id"),
            ("product_name", "predict_commission_amount", "commission_rate", "extra"),
            _article_product_rows,
            history="article_products_history",
        ),
    ],
)
SHOPS = Kind(
    name="cooperating_shops",
    path="/channels/ec/promoter/get_bind_shop_list",
    list_field="shop_list",
    cursor_field="next_key",
    max_size=10,
    stale_code=10024000,
    item=_shop,
    tables=[
        Table(
            "cooperating_shops",
            (),
            ("shop_appid",),
            ("shop_nickname", "bind_time", "extra"),
            _shop_rows,
            keeps_vanished=True,
        )
    ],
)
PROMOTERS = Kind(
    name="shop_promoters",
    path="/channels/ec/promoter/get_bind_shop_promoter_list",
    list_field="promoter_list",
    cursor_field="next_key",
    max_size=10,
    stale_code=10024000,
    item=_promoter,
    tables=[
        Table(
            "shop_promoters",
            ("shop_appid",),
            ("promoter_id",),
            ("promoter_type", "promoter_name", "extra"),
            _promoter_rows,
            keeps_vanished=True,
        )
    ],
)
SHARERS = Kind(
    name="sharers",
    path="/channels/ec/promoter/get_bind_sharer_list",
    list_field="sharer_info_list",
    cursor_field="next_key",
    max_size=20,
    stale_code=10024000,
    item=_sharer,
    tells_has_more=False,
    tables=[
        Table(
            "sharers",
            (),
            ("sharer_appid",),
            ("nickname", "bind_time", "commission_ratio", "extra"),
            _sharer_rows,
            keeps_vanished=True,
        )
    ],
)
