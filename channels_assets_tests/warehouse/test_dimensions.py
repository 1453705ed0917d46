from datetime import timedelta

import duckdb

from channels_assets.warehouse import LoadStats, active_promoters, active_sharers, active_shops
from channels_assets.warehouse.queries import PromoterKey
from channels_assets_tests.helpers.loading import load_promoters, load_sharers, load_shops
from channels_assets_tests.warehouse.making import MOMENT, load, page


def shops(con: duckdb.DuckDBPyConnection, *items: object, day: int = 0) -> LoadStats:
    pull = load(fetched_at=MOMENT + timedelta(days=day))
    return load_shops(con, pages=[page("shop_list", list(items))], load=pull)


def promoters(con: duckdb.DuckDBPyConnection, shop: str, *items: object) -> LoadStats:
    pages = [page("promoter_list", list(items))]
    return load_promoters(con, shop_appid=shop, pages=pages, load=load())


def counts(loaded: LoadStats) -> tuple[int, int, int, int]:
    return loaded.rows, loaded.added, loaded.removed, loaded.changed


def test_shops_that_leave_and_come_back(con: duckdb.DuckDBPyConnection) -> None:
    a, b = {"shop_appid": "a", "bind_time": 123}, {"shop_appid": "b", "shop_nickname": "店"}
    assert counts(shops(con, b, a)) == (2, 2, 0, 0)
    assert counts(shops(con, a, day=1)) == (1, 0, 1, 0)
    assert active_shops(con) == ["a"]
    seen = "SELECT shop_appid, shop_nickname, is_active, epoch_us(fetched_at)::DOUBLE / 864e8"
    start = MOMENT.timestamp() / 86400
    assert con.execute(f"{seen} - {start} FROM cooperating_shops ORDER BY 1").fetchall() == [
        ("a", None, True, 1.0),
        ("b", "店", False, 0.0),
    ]
    assert counts(shops(con, a, day=2)) == (1, 0, 0, 0)
    assert counts(shops(con, {**a, "new": 1}, b, day=3)) == (2, 1, 0, 1)
    assert active_shops(con) == ["a", "b"]
    assert con.execute("SELECT count(*) FROM cooperating_shops").fetchall() == [(2,)]


def test_promoters_of_one_shop_leave_those_of_others_alone(con: duckdb.DuckDBPyConnection) -> None:
    shops(con, {"shop_appid": "a"}, {"shop_appid": "b"}, {"shop_appid": "c"})
    channel = {"promoter_id": "9", "promoter_type": 1}
    promoters(con, "b", {"promoter_id": 2**64 - 1, "promoter_type": "5"}, channel)
    promoters(con, "a", {"promoter_id": "7", "promoter_type": 4}, {"promoter_id": "8"})
    promoters(con, "c", {"promoter_id": "1", "promoter_type": 4})
    shops(con, {"shop_appid": "a"}, {"shop_appid": "b"})
    expected = [PromoterKey("a", "7", 4), PromoterKey("b", "18446744073709551615", 5)]
    assert active_promoters(con) == expected
    assert counts(promoters(con, "a")) == (0, 0, 2, 0)
    assert active_promoters(con) == expected[1:]


def test_sharers(con: duckdb.DuckDBPyConnection) -> None:
    item = {
        "sharer_appid": "推客的 appid 内容",
        "bind_time": 1624082155,
        "commission_ratio": 10000,
        "commission_type": 1,
        "nickname": "",
        "head_img_url": "",
        "level": {"n": None},
    }
    load_sharers(con, pages=[page("sharer_info_list", [item])], load=load())
    columns = "* EXCLUDE (bind_time, fetched_at, load_id), epoch(bind_time)::BIGINT"
    assert con.sql("FROM sharers").select(columns).fetchall() == [
        ("推客的 appid 内容", "", "", 1, 10000, True, '{"level":{"n":null}}', 1624082155)
    ]
    assert active_sharers(con) == ["推客的 appid 内容"]
