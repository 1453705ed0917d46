"""Odd items of the API: what is sent, and what must come out in rows, `extra` and `rejected_items`.

The items stand between two ordinary ones, which must be loaded whatever is between them.
"""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from channels_assets.warehouse import CHECKS, Evidence, LoadStats, evidence
from channels_assets.warehouse.tables import LIST_TABLES
from channels_assets_tests.helpers.loading import (
    derive_products,
    load_articles,
    load_promoters,
    load_sharers,
    load_shops,
    load_window,
    remove_articles,
)
from channels_assets_tests.warehouse.making import article, articles, ids, load, page, products

Con = duckdb.DuckDBPyConnection
LIST = {"shop_appid": "s", "promoter_id": "p", "sharer_appid": "h"}
NULL = None
MISSING = "is missing or empty"
NO_ID = "is no id"
NO_OBJECT = "is no object"
URL = "article_info.article_url"


def put_articles(con: Con, *pages: bytes) -> tuple[LoadStats, LoadStats]:
    return load_articles(con, partition="s/p/h", **LIST, promoter_type=4, pages=pages, load=load())


def put_products(con: Con, *pages: bytes, total_num: int | None = None) -> LoadStats:
    pull = load(total_num=total_num)
    return load_window(con, window="w", account_appid="a", pages=pages, load=pull)


def body(field: str, *items: str) -> bytes:
    return f'{{"errcode":0,"{field}":[{",".join(items)}]}}'.encode()


def rejected(con: Con, asset: str) -> list[tuple[Any, ...]]:
    return con.execute(
        'SELECT "partition", position, reason, item FROM rejected_items WHERE asset = ? ORDER BY ALL',
        [asset],
    ).fetchall()


def odd(con: Con, asset: str) -> Evidence:
    [check] = [each for each in CHECKS if (each.asset, each.name) == (asset, "items_valid")]
    return evidence(con, check)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("{}", MISSING),
        *((f'{{"product_id":{sent}}}', MISSING) for sent in ("null", '""')),
        *(
            (f'{{"product_id":{sent},"price":1.50}}', NO_ID)
            for sent in ("1.5", "1.0", "1e2", "true", '{"a":1}', "[1]", "-1", "{}")
        ),
        *((sent, NO_OBJECT) for sent in ("null", "5", "1.50", "[]", '"x"', "true")),
    ],
)
def test_a_product_without_a_usable_id(con: Con, item: str, reason: str) -> None:
    before, after = '{"product_id":1}', '{"product_id":2}'
    done = put_products(con, body("products", before, item, after), total_num=3)
    assert (done.rows, done.rejected, done.unfit) == (2, 1, 0)
    assert con.sql("SELECT product_id, position FROM window_products ORDER BY 2").fetchall() == [
        ("1", 1),
        ("2", 2),
    ]
    [(partition, position, said, kept)] = rejected(con, "window_products")
    assert (partition, position, kept) == ("w", 2, item)
    assert said == (reason if reason == NO_OBJECT else f"product_id {reason}")
    found = odd(con, "window_products")
    assert found.rows == (("w", "2", "", "", item, said),)
    assert con.sql("SELECT rejected, total_num FROM loads").fetchall() == [(1, 3)]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        *((sent, f"{URL} {MISSING}") for sent in ("{}", '{"article_info":null}')),
        *((f'{{"article_info":{sent}}}', f"{URL} {MISSING}") for sent in ('"u"', "[]", "{}", "5")),
        *(
            (f'{{"article_info":{{"article_url":{sent}}}}}', f"{URL} {reason}")
            for sent, reason in (('""', MISSING), ("null", MISSING), ("{}", NO_ID), ("1.50", NO_ID))
        ),
        ("null", NO_OBJECT),
    ],
)
def test_an_article_without_an_address(con: Con, item: str, reason: str) -> None:
    before, after = (json.dumps(article(url, {"product_id": 1})) for url in "ab")
    done, derived = put_articles(
        con, body("article_list", before, item), body("article_list", after)
    )
    assert (done.rows, done.rejected, derived.rows, derived.rejected) == (2, 1, 2, 0)
    assert rejected(con, "shop_articles") == [("s/p/h", 2, reason, item)]
    assert odd(con, "shop_articles").rows == (("s/p/h", "2", "", "", item, reason),)


@pytest.mark.parametrize(
    ("field", "sent", "stored", "extra"),
    [
        *(("create_time", sent, NULL, True) for sent in ("-1", '"-1"', "1.5", "1e9", "true", "[]")),
        *(
            ("create_time", sent, NULL, True)
            for sent in ('"yesterday"', "{}", "1000000000000000000")
        ),
        ("create_time", "253402300800000", NULL, True),
        *(("create_time", sent, NULL, False) for sent in ("0", '"0"', '""', "null")),
        ("create_time", "1736864136", 1736864136, False),
        ("create_time", '"1736864136000"', 1736864136, False),
        *(("product_list", sent, NULL, True) for sent in ("{}", '{"a":1.50}', '"x"', "5", "true")),
        *(("product_list", sent, NULL, False) for sent in ("null", '""')),
        ("product_list", "[]", "[]", False),
    ],
)
def test_a_value_of_an_article(
    con: Con, field: str, sent: str, stored: object, extra: bool
) -> None:
    item = f'{{"article_info":{{"article_url":"u"}},"{field}":{sent},"new":1.50}}'
    done, _ = put_articles(con, body("article_list", item))
    column = f"epoch({field})::BIGINT" if field.endswith("time") else field
    kept = f'{{"{field}":{sent},"new":1.50}}' if extra else '{"new":1.50}'
    assert con.table("shop_articles").select(f"{column}, extra").fetchall() == [(stored, kept)]
    assert (done.rows, done.rejected, done.unfit) == (1, 0, int(extra))
    named = [row[:4] + row[5:] for row in odd(con, "shop_articles").rows]
    assert named == [("s/p/h", "1", "u", field, "does not fit its column")] * extra


@pytest.mark.parametrize("sent", ["{}", "[]", "false", "5", "-5", "1.50", "1" * 30])
@pytest.mark.parametrize("more", ["", ',"new":null'])
def test_a_text_within_an_object(con: Con, sent: str, more: str) -> None:
    info = f'{{"article_url":"u","article_title":{sent},"cover_image":"c"{more}}}'
    put_articles(con, body("article_list", f'{{"article_info":{info}}}'))
    columns = "article_title, cover_image, extra"
    kept = f'{{"article_info":{{"article_title":{sent}{more}}}}}'
    assert con.table("shop_articles").select(columns).fetchall() == [(NULL, "c", kept)]
    [row] = odd(con, "shop_articles").rows
    assert row[3] == "article_info.article_title"


@pytest.mark.parametrize(
    ("field", "sent", "stored", "extra"),
    [
        *(("shop_appid", sent, NULL, True) for sent in ("{}", "[]", "false", "5", "1.50")),
        *(
            ("out_product_id", sent, NULL, True)
            for sent in ("{}", "[]", "true", "-5", "1.0", "1e2")
        ),
        ("out_product_id", "99999999999999999999999", "9" * 23, False),
        *(("product_source", sent, NULL, True) for sent in ('"x"', '" 1"', "1.0", "true", "[]")),
        *(("product_source", sent, NULL, True) for sent in ("{}", "2147483648", "9" * 20)),
        *(("product_source", sent, 0, False) for sent in ("0", "null", '""')),
        ("product_source", "-7", -7, False),
    ],
)
def test_a_value_of_a_product(con: Con, field: str, sent: str, stored: object, extra: bool) -> None:
    name = {"shop_appid": "appid"}.get(field, field)
    done = put_products(con, body("products", f'{{"product_id":1,"{name}":{sent}}}'))
    kept = f'{{"{name}":{sent}}}' if extra else NULL
    assert con.table("window_products").select(f"{field}, extra").fetchall() == [(stored, kept)]
    assert done.unfit == int(extra) == odd(con, "window_products").count
    assert con.table("window_products_history").select(f"{field}, extra").fetchall() == [
        (stored, kept)
    ]


@pytest.mark.parametrize(
    ("item", "row", "reason"),
    [
        *((sent, NULL, NO_OBJECT) for sent in ("null", "3", '"x"', "[]")),
        *(('{"product_id":%s}' % sent, NULL, MISSING) for sent in ("null", '""')),  # noqa: UP031
        *(('{"product_id":%s}' % sent, NULL, NO_ID) for sent in ("1.0", "-1", "[]")),  # noqa: UP031
        ('{"product_id":7,"product_name":7}', (NULL, NULL, NULL, '{"product_name":7}'), ""),
        (
            '{"product_id":7,"commission_rate":0.40}',
            (NULL, NULL, NULL, '{"commission_rate":0.40}'),
            "",
        ),
        (
            '{"product_id":7,"predict_commission_amount":12.50,"commission_rate":4}',
            (NULL, NULL, 4, '{"predict_commission_amount":12.50}'),
            "",
        ),
        (
            f'{{"product_id":7,"predict_commission_amount":{2**63}}}',
            (NULL, NULL, NULL, f'{{"predict_commission_amount":{2**63}}}'),
            "",
        ),
    ],
)
def test_a_product_within_an_article(
    con: Con, item: str, row: tuple[object, ...] | None, reason: str
) -> None:
    sent = f'{{"article_info":{{"article_url":"u"}},"product_list":[{{"product_id":1}},{item}]}}'
    _, first = put_articles(con, body("article_list", sent))
    second = derive_products(con, partition="s/p/h", **LIST, load=load())
    for done in (first, second):
        assert (done.rows, done.rejected, done.unfit) == (1 + bool(row), not row, bool(row))
    assert con.sql("SELECT product_list FROM shop_articles").fetchall() == [
        (f'[{{"product_id":1}},{item}]',)
    ]
    columns = "product_name, predict_commission_amount, commission_rate, extra"
    odd_rows = con.table("article_products").filter("product_id = '7'").select(columns).fetchall()
    assert odd_rows == [row] * bool(row)
    said = reason if reason == NO_OBJECT else f"product_id {reason}"
    kept = [] if row else [("s/p/h", 2, f"{said}, article_url: u", item)]
    assert rejected(con, "article_products") == kept
    assert odd(con, "article_products").count == 1


@pytest.mark.parametrize(
    "asset", [name for name, each in LIST_TABLES.items() if each.keeps_vanished]
)
def test_lists_of_shops_accounts_and_sharers(con: Con, asset: str) -> None:
    table = LIST_TABLES[asset]
    [key] = table.item
    odd_field = "promoter_type" if asset == "shop_promoters" else "bind_time"
    pages = [page(table.list_field, [{key: "a", odd_field: "x"}, {odd_field: 4}, None])]
    match asset:
        case "cooperating_shops":
            done = load_shops(con, pages=pages, load=load())
        case "sharers":
            done = load_sharers(con, pages=pages, load=load())
        case _:
            done = load_promoters(con, shop_appid="s", pages=pages, load=load("s"))
    assert (done.rows, done.rejected, done.unfit) == (1, 2, 1)
    kept = f'{{"{odd_field}":"x"}}'
    assert con.table(asset).select(f"{key}, {odd_field}, extra").fetchall() == [("a", NULL, kept)]
    partition = "s" if asset == "shop_promoters" else ""
    assert sorted(odd(con, asset).rows) == sorted(
        [
            (partition, "", "a", odd_field, '"x"', "does not fit its column"),
            (partition, "2", "", "", f'{{"{odd_field}":4}}', f"{key} {MISSING}"),
            (partition, "3", "", "", "null", NO_OBJECT),
        ]
    )


@pytest.mark.parametrize(
    ("sent", "stored", "repaired"),
    [
        (b"a\x08b\x14\x1b\n\t", "a\x08b\x14\x1b\n\t", 0),
        ("好物\x08推荐\x14".encode(), "好物\x08推荐\x14", 0),
        ("秋季".encode() + b"\xf0\x9f", "秋季\ufffd", 1),
        (b"a\xffb\xfe", "a\ufffdb\ufffd", 2),
        (rb"a\ud83d", "a\ufffd", 1),
        (rb"\ude00\uD83D\uDE00\\ud83d \"\ud83d\" \u0008", '\ufffd😀\\ud83d "\ufffd" \x08', 2),
        ("\ufffd".encode(), "\ufffd", 0),
        (b"\x1b\xe5\xa5", "\x1b\ufffd", 1),
    ],
)
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_odd_text(con: Con, sent: bytes, stored: str, repaired: int, start: bytes) -> None:
    big = 2**64 - 1
    title = b'{"article_info":{"article_url":"u","article_title":"' + sent + b'"},"n":1.50,"id":%d}'
    plain = body("article_list", json.dumps(article("v", {"product_id": big})))
    odd_page = start + b'{ "article_list":\r\n\t[' + title % big + b"]}"
    done, derived = put_articles(con, plain, odd_page)
    assert (done.rows, done.rejected, done.unfit, done.repaired) == (2, 0, 0, repaired)
    assert derived.rows == 1
    [(text, extra)] = con.sql(
        "SELECT article_title, extra FROM shop_articles WHERE article_url = 'u'"
    ).fetchall()
    assert (text, extra) == (stored, f'{{"n":1.50,"id":{big}}}')
    named = [("s/p/h", "2", "u", "article_info.article_title", stored, "had broken characters")]
    assert list(odd(con, "shop_articles").rows) == (named if repaired else [])
    assert odd(con, "article_products").count == 0


def test_broken_text_outside_of_items_is_named_with_its_list(con: Con) -> None:
    put_products(con, b'{"errmsg":"\xff","products":[{"product_id":1}]}')
    [row] = odd(con, "window_products").rows
    assert row == ("w", "", "", "", "", "1 broken characters, in none of its rows")


def test_a_broken_id_is_an_id(con: Con) -> None:
    put_products(con, b'{"products":[{"product_id":"a\xff"},{"product_id":"a\\ud83d"}]}')
    assert con.sql("SELECT product_id FROM window_products").fetchall() == [("a\ufffd",)]


def test_replacing_or_removing_a_list_replaces_its_rejected_items(con: Con) -> None:
    for sharer in "hi":
        load_articles(
            con,
            partition=f"s/p/{sharer}",
            **{**LIST, "sharer_appid": sharer},
            promoter_type=4,
            pages=articles({}, article("u", {})),
            load=load(),
        )
    put_products(con, *ids(None))
    assert len(rejected(con, "shop_articles")) == len(rejected(con, "article_products")) == 2
    put_articles(con, *articles(article("u", 3)))
    assert [row[0] for row in rejected(con, "shop_articles")] == ["s/p/i"]
    assert [row[3] for row in rejected(con, "article_products")] == ["3", "{}"]
    remove_articles(con, "s", "p", "i")
    assert rejected(con, "shop_articles") == []
    assert [row[3] for row in rejected(con, "article_products")] == ["3"]
    assert len(rejected(con, "window_products")) == 1
    load_ids = "SELECT load_id FROM rejected_items ANTI JOIN loads USING (load_id)"
    assert con.sql(load_ids).fetchall() == []


def test_an_odd_item_is_no_change_of_the_rows(con: Con) -> None:
    pages = products({"product_id": 1, "product_source": "x"}, {}, {"product_id": 2})
    put_products(con, *pages)
    again = put_products(con, *pages)
    assert (again.added, again.removed, again.changed, again.rejected) == (0, 0, 0, 1)
    fixed = put_products(con, *products({"product_id": 1, "product_source": 1}, {"product_id": 2}))
    assert (fixed.added, fixed.removed, fixed.changed, fixed.rejected) == (0, 0, 1, 0)
    assert odd(con, "window_products").count == 0


def test_the_product_lists_of_one_article_are_united(con: Con) -> None:
    done, derived = put_articles(
        con,
        *articles(
            article(
                "u", {"product_id": 1, "price": 1.50}, {"product_id": 2, "product_name": "old"}
            ),
            article("v", {"product_id": 9}),
        ),
        *articles(
            {"article_info": {"article_url": "u"}},
            article("u", {"product_id": "2", "product_name": "new"}, {}, {"product_id": 3}),
            {"article_info": {"article_url": "u", "article_title": "last"}, "product_list": None},
        ),
        body(
            "article_list",
            '{"article_info":{"article_url":"w"},"product_list":[{"product_id":1.50}]}',
        ),
    )
    assert (done.rows, done.duplicates, derived.rows, derived.rejected) == (3, 3, 4, 2)
    united = (
        '[{"product_id":1,"price":1.5},{"product_id":"2","product_name":"new"},{},{"product_id":3}]'
    )
    columns = "article_url, article_title, product_list"
    assert con.table("shop_articles").order("position").select(columns).fetchall() == [
        ("v", NULL, '[{"product_id":9}]'),
        ("u", "last", united),
        ("w", NULL, '[{"product_id":1.50}]'),
    ]
    products_of = "SELECT product_id, product_name, extra FROM article_products ORDER BY position"
    expected = [
        ("9", NULL, NULL),
        ("1", NULL, '{"price":1.5}'),
        ("2", "new", NULL),
        ("3", NULL, NULL),
    ]
    assert con.sql(products_of).fetchall() == expected
    con.execute("DELETE FROM article_products")
    derive_products(con, partition="s/p/h", **LIST, load=load())
    assert con.sql(products_of).fetchall() == expected


def test_a_list_of_fractions_is_united_as_sent(con: Con) -> None:
    item = '{"article_info":{"article_url":"u"},"product_list":[{"product_id":%d,"price":1.50}]}'
    put_articles(con, body("article_list", item % 1, item % 2))
    assert con.sql("SELECT product_list FROM shop_articles").fetchall() == [
        ('[{"product_id":1,"price":1.50},{"product_id":2,"price":1.50}]',)
    ]
    assert con.sql("SELECT extra FROM article_products").fetchall() == [('{"price":1.50}',)] * 2


def test_an_article_that_is_sent_twice_is_stored_as_if_it_was_sent_once(con: Con) -> None:
    item = article("u", {}, {"product_id": 1}, {}, {"product_id": 2}, {"product_id": 1}, None)
    put_articles(con, *articles(item))
    columns = "product_list, extra"
    before = (
        con.table("shop_articles").select(columns).fetchall(),
        rejected(con, "article_products"),
    )
    _, derived = put_articles(con, *articles(item), *articles(item))
    after = con.table("shop_articles").select(columns).fetchall(), rejected(con, "article_products")
    assert after == before
    assert (derived.rows, derived.changed, derived.rejected, derived.duplicates) == (2, 0, 3, 1)
