"""Looking back at any sequence of lists, with clocks that stand still or run back."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_assets.warehouse import FileStore
from channels_assets_tests.helpers.loading import (
    load_articles,
    load_window,
    remove_articles,
    remove_window,
)
from channels_assets_tests.warehouse.looking_back import Clock, Record, Rows
from channels_assets_tests.warehouse.making import MOMENT, article, articles, load, products

TICK = timedelta(microseconds=1)
LISTS = ("one", "o'ther\"")


@dataclass(frozen=True)
class Step:
    """The whole list as it now is, (id, value) each, or None when it vanishes."""

    name: str
    seconds: int
    items: list[tuple[str, int]] | None


def unique_by_id(items: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return list(dict(items).items())


ITEMS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 2)), max_size=9)
STEPS = st.lists(
    st.builds(
        Step,
        name=st.sampled_from(LISTS),
        seconds=st.sampled_from([0, 1, 1, 2, -1]),
        items=st.one_of(ITEMS.map(unique_by_id), ITEMS.map(unique_by_id), st.none()),
    ),
    min_size=1,
    max_size=9,
)
worlds = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def keep(record: Record, step: Step, moment: datetime, rows: Rows) -> None:
    """What changes nothing leaves no trace; what comes at or before the last change comes after it."""
    states = record.states.get((step.name,), [])
    if rows != (states[-1][1] if states else []):
        latest = states[-1][0] + TICK if states else moment
        record.keep((step.name,), max(moment, latest), rows)


def asked(record: Record, end: datetime) -> list[datetime]:
    moments = record.moments()
    return sorted({MOMENT - TICK, end, *moments, *(moment - TICK for moment in moments)})


@worlds
@given(STEPS)
def test_windows(steps: list[Step]) -> None:
    record, moment = Record(), MOMENT
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as clock,
        FileStore(Path(folder)).writing() as con,
    ):
        clock.setattr("channels_assets.warehouse.load.datetime", Clock)
        for step in steps:
            moment += timedelta(seconds=step.seconds)
            Clock.moment = moment
            if step.items is None:
                remove_window(con, step.name)
            else:
                sent = [
                    {"product_id": entry, "product_source": value} for entry, value in step.items
                ]
                load_window(
                    con,
                    window=step.name,
                    account_appid="a",
                    pages=products(*sent),
                    load=load(fetched_at=moment),
                )
            rows = [(step.name, n, *item) for n, item in enumerate(step.items or [], 1)]
            keep(record, step, moment, rows)
        for at in asked(record, moment + timedelta(days=1)):
            got = con.execute(
                """
                SELECT "window", position, product_id, product_source
                FROM window_as_of(?::TIMESTAMPTZ)
                """,
                [at],
            ).fetchall()
            assert sorted(got, key=repr) == record.as_of(at)
        assert_changes_add_up(con, record)


def assert_changes_add_up(con: duckdb.DuckDBPyConnection, record: Record) -> None:
    got = con.execute(
        'SELECT "window", change, product_id, whole_list FROM window_changes'
    ).fetchall()
    want: Rows = []
    for (name,), states in record.states.items():
        for (_, before), (_, after) in pairwise([(MOMENT, []), *states]):
            old, new = ({row[2]: row[3] for row in rows} for rows in (before, after))
            whole = not old or not new
            want += [(name, "added", key, whole) for key in new.keys() - old.keys()]
            want += [(name, "removed", key, whole) for key in old.keys() - new.keys()]
            same = new.keys() & old.keys()
            want += [(name, "changed", item, whole) for item in same if old[item] != new[item]]
    assert Counter(row for row in got if row[1] != "moved") == Counter(want)


@worlds
@given(STEPS)
def test_article_products(steps: list[Step]) -> None:
    record, moment = Record(), MOMENT
    scope = {"promoter_id": "p", "sharer_appid": "h"}
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as clock,
        FileStore(Path(folder)).writing() as con,
    ):
        clock.setattr("channels_assets.warehouse.load.datetime", Clock)
        for step in steps:
            moment += timedelta(seconds=step.seconds)
            Clock.moment = moment
            if step.items is None:
                remove_articles(con, shop_appid=step.name, **scope)
            else:
                sent = [
                    {"product_id": entry, "commission_rate": rate} for entry, rate in step.items
                ]
                load_articles(
                    con,
                    partition=f"{step.name}/p/h",
                    shop_appid=step.name,
                    promoter_type=4,
                    pages=articles(article("u", *sent)),
                    load=load(fetched_at=moment),
                    **scope,
                )
            # The order within an article is not followed: sorted, or a new order would be a state.
            keep(record, step, moment, sorted((step.name, *item) for item in step.items or []))
        for at in asked(record, moment + timedelta(days=1)):
            got = con.execute(
                """
                SELECT shop_appid, product_id, commission_rate
                FROM article_products_as_of(?::TIMESTAMPTZ)
                """,
                [at],
            ).fetchall()
            assert sorted(got, key=repr) == record.as_of(at)
        changed = con.execute(
            "SELECT shop_appid, product_id, old_commission_rate, new_commission_rate "
            "FROM commission_changes"
        ).fetchall()
        assert Counter(changed) == Counter(expected_changes(record))


def expected_changes(record: Record) -> Rows:
    found: Rows = []
    for (name,), states in record.states.items():
        last: dict[str, int] = {}
        for _, rows in states:
            for _, product, rate in rows:
                if last.get(product, rate) != rate:
                    found.append((name, product, last[product], rate))
                last[product] = rate
    return found
