"""Looking back: a month in which a world changed every day, against what was there at the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from channels_assets.sandbox import World, pass_day
from channels_assets.warehouse import FileStore, connect
from channels_assets.warehouse.diff import moved_positions
from channels_assets_tests.warehouse.looking_back import (
    Record,
    Refresher,
    Row,
    Rows,
    article_lists,
    products_as_of,
    window_as_of,
)

pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1, 15, 30, tzinfo=UTC)
"""23:30 in China: some refreshes of the same UTC day are on two days there."""
CHINA = timedelta(hours=8)
DAYS = 30


def live(refresher: Refresher) -> None:
    """A month: one refresh a day, some twice, some loads failing first; lists vanish and return."""
    rng = Random("month")
    world = World.generate(seed=5, windows=4, products=60, shops=2, articles=8)
    away: dict[int, Any] = {}
    for day in range(DAYS):
        moment = START + timedelta(days=day)
        refresher.remove_vanished(world, moment)
        for again in range(2 if day % 4 == 1 else 1):
            moment += timedelta(minutes=20 * again)
            for appid in world.windows:
                moment += timedelta(seconds=rng.randrange(1, 90))
                if rng.random() < 0.2:
                    refresher.window(world, appid, moment, fails=True)
                    moment += timedelta(seconds=7)
                refresher.window(world, appid, moment)
            for key in article_lists(world):
                moment += timedelta(seconds=rng.randrange(1, 90))
                if rng.random() < 0.1:
                    refresher.articles(world, key, moment, fails=True)
                    moment += timedelta(seconds=7)
                refresher.articles(world, key, moment)
        pass_day(world, day)
        windows, articles = world.windows, world.league.articles
        if day == 6:  # a window runs empty ...
            away[6] = windows[next(iter(windows))].products[:]
            windows[next(iter(windows))].products.clear()
        if day == 8:  # ... and fills again, in another order
            windows[next(iter(windows))].products.extend(reversed(away[6]))
        if day == 18:  # a window is taken out of channels.toml ...
            away[18] = windows.pop(list(windows)[2])
        if day == 22:  # ... and put in again
            windows[away[18].appid] = away[18]
        if day == 10:  # an account leaves its shop ...
            key = max(articles, key=lambda key: len(articles[key]))
            away[10] = (key, articles.pop(key))
        if day == 14:  # ... and returns
            articles[away[10][0]] = away[10][1]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Refresher, Path]]:
    warehouse = FileStore(tmp_path_factory.mktemp("month"))
    with pytest.MonkeyPatch.context() as clock:
        with warehouse.writing() as con:
            refresher = Refresher(con, clock)
            live(refresher)
        warehouse.publish()
        yield refresher, warehouse.data_dir


def moments_to_ask(record: Record) -> list[datetime]:
    """Every moment of a load, the ones just before, and some in between."""
    moments = record.moments()
    tick = timedelta(microseconds=1)
    between = [before + (after - before) / 2 for before, after in pairwise(moments)]
    asked = {*moments, *(moment - tick for moment in moments), *between[::3]}
    return sorted(asked | {moments[-1] + timedelta(days=400)})


def test_windows_as_of_every_moment_of_a_month(month: tuple[Refresher, Path]) -> None:
    refresher, data = month
    with connect(data) as con:
        for moment in moments_to_ask(refresher.windows):
            assert window_as_of(con, moment) == refresher.windows.as_of(moment), moment


def test_article_products_as_of_every_moment_of_a_month(month: tuple[Refresher, Path]) -> None:
    refresher, data = month
    # Another tool: no time zone set, no catalog in use.
    with duckdb.connect(str(data / "channels.duckdb"), read_only=True) as con:
        for moment in moments_to_ask(refresher.products):
            assert products_as_of(con, moment) == refresher.products.as_of(moment), moment


def day_in_china(moment: datetime) -> str:
    return str((moment + CHINA).date())


def expected_window_changes(record: Record) -> Rows:
    """From one state of each window to the next, by comparing them."""
    found: Rows = []
    for (appid,), states in record.states.items():
        for (_, before), (moment, after) in pairwise([(START, []), *states]):
            old, new = ({row[2]: row for row in rows} for rows in (before, after))
            stayed = [key for key in new if key in old]
            places = {key: place for place, key in enumerate(old)}
            moved = {list(old)[place] for place in moved_positions([places[key] for key in stayed])}
            changed = {key for key in stayed if old[key][3:] != new[key][3:]}
            whole = not before or not after
            day = day_in_china(moment)
            kinds = {
                "added": new.keys() - old.keys(),
                "removed": old.keys() - new.keys(),
                "changed": changed,
                "moved": moved - changed,
            }
            for kind, keys in kinds.items():
                for key in keys:
                    place = new[key][1] if key in new else None
                    found.append((day, appid, kind, key, place, moment, whole))
    return found


def test_window_changes(month: tuple[Refresher, Path]) -> None:
    refresher, data = month
    with connect(data) as con:
        con.execute("SET TimeZone = 'America/New_York'")  # days stay China's
        got = con.execute(
            """
            SELECT day::VARCHAR, "window", change, product_id, position, epoch_us(changed_at), whole_list
            FROM window_changes
            """
        ).fetchall()
        columns = con.execute(
            "SELECT DISTINCT change, changed_columns::VARCHAR FROM window_changes ORDER BY ALL"
        ).fetchall()
    want = [
        (*row[:5], micros(row[5]), row[6]) for row in expected_window_changes(refresher.windows)
    ]
    assert Counter(got) == Counter(want)
    assert {row[2] for row in got} == {"added", "removed", "moved", "changed"}
    assert {row[6] for row in got} == {True, False}
    assert columns == [
        ("added", None),
        ("changed", "[out_product_id]"),
        ("moved", None),
        ("removed", None),
    ]


def micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def expected_commission_changes(record: Record) -> Rows:
    found: Rows = []
    for key, states in record.states.items():
        last: dict[tuple[Any, ...], Row] = {}
        for moment, rows in states:
            for row in rows:
                product, (amount, rate) = row[3:5], row[6:8]
                old = last.get(product)
                if old is not None and old != (amount, rate):
                    found.append((*key, *product, moment, *old, amount, rate))
                last[product] = (amount, rate)
    return found


def test_commission_changes(month: tuple[Refresher, Path]) -> None:
    refresher, data = month
    with connect(data) as con:
        got = con.execute(
            """
            SELECT shop_appid, promoter_id, sharer_appid, article_url, product_id, epoch_us(changed_at),
                old_predict_commission_amount, old_commission_rate,
                new_predict_commission_amount, new_commission_rate
            FROM commission_changes
            """
        ).fetchall()
        (wrong,) = con.execute(
            """
            SELECT count(*) FROM commission_changes
            WHERE old_commission_yuan * 100 <> old_predict_commission_amount
            OR new_commission_yuan * 100 <> new_predict_commission_amount
            OR old_commission_percent * 10000 <> old_commission_rate
            OR new_commission_percent * 10000 <> new_commission_rate
            OR day <> (changed_at AT TIME ZONE 'Asia/Shanghai')::DATE OR old_until > changed_at
            """
        ).fetchall()
    want = [
        (*row[:5], micros(row[5]), *row[6:])
        for row in expected_commission_changes(refresher.products)
    ]
    assert Counter(got) == Counter(want)
    assert len(want) > 100
    assert wrong == (0,)
