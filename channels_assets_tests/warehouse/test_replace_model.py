"""Any sequence of loads, some of them failing, against a model in plain Python."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_assets.warehouse import load_lists
from channels_assets.warehouse.batch import ListToLoad
from channels_assets.warehouse.diff import moved_positions
from channels_assets.warehouse.tables import WINDOW_PRODUCTS
from channels_assets_tests.helpers.loading import window_list
from channels_assets_tests.warehouse.making import MOMENT, in_pages, load
from channels_assets_tests.warehouse.opening import NUL, opened

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0" if NUL != "\0" else ""),
    max_size=4,
)
HOSTILE = st.sampled_from(
    ["", "'", '"; DROP TABLE loads; --', f"a{NUL}b", "😀", "[1", "{", "true", "$1"]
)
NUMBERS = st.sampled_from([0, 7, 2**53 + 1, 2**64 - 1, 2**70])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT | HOSTILE | st.floats(allow_nan=False, width=32),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
PRODUCTS = st.fixed_dictionaries(
    {"product_id": st.sampled_from(["1", "2", "3", 4, "4", 2**64 - 1, "'", f"a{NUL}b"])},
    optional={
        "appid": st.none() | TEXT | HOSTILE,
        "out_product_id": st.none() | NUMBERS | HOSTILE,
        "product_source": st.sampled_from([None, "", 0, 1, "1", "0"]),
        "leaf": VALUES,
        "x'y\"": VALUES,
    },
)


@dataclass(frozen=True)
class Step:
    window: str
    items: list[dict[str, Any]]
    page_size: int
    seconds: int
    fails: bool


STEPS = st.builds(
    Step,
    window=st.sampled_from(["w", "o'w\"", "窗"]),
    items=st.lists(PRODUCTS, max_size=7),
    page_size=st.integers(1, 4),
    seconds=st.integers(-1, 2),
    fails=st.integers(0, 4).map(lambda number: number == 0),
)


BATCHES = st.lists(STEPS, min_size=1, max_size=3, unique_by=lambda step: step.window)


@dataclass
class Model:
    """What the warehouse should hold: per window an ordered dict of values, and the history."""

    windows: dict[str, dict[str, tuple[object, ...]]] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    loads: list[tuple[object, ...]] = field(default_factory=list)

    def load(self, step: Step, fetched_at: datetime) -> None:
        new: dict[str, tuple[object, ...]] = {}
        for item in step.items:
            key = str(item["product_id"])
            new.pop(key, None)
            new[key] = values(item)
        old = self.windows.get(step.window, {})
        mine = [row for row in self.history if row["window"] == step.window]
        times = [row[name] for row in mine for name in ("valid_from", "valid_to") if row[name]]
        at = max([microseconds(fetched_at), *(time + 1 for time in times)])
        places = {key: place for place, key in enumerate(old)}
        moved = moved_positions([places[key] for key in new if key in old])
        changes = {key: "added" for key in new if key not in old}
        changes |= {key: "moved" for key in old if places[key] in moved}
        changes |= {key: "changed" for key in new if key in old and old[key] != new[key]}
        for row in mine:
            if row["valid_to"] is None and (row["key"] not in new or row["key"] in changes):
                row["valid_to"] = at
        for position, key in enumerate(new, 1):
            if key in changes:
                self.history.append(
                    {
                        "window": step.window,
                        "key": key,
                        "values": new[key],
                        "position": position,
                        "change": changes[key],
                        "valid_from": at,
                        "valid_to": None,
                    }
                )
        self.windows[step.window] = new
        kinds = list(changes.values())
        removed = len(old.keys() - new.keys())
        changed = len(kinds) - kinds.count("added")
        duplicates = len(step.items) - len(new)
        self.loads.append(
            (step.window, len(new), duplicates, kinds.count("added"), removed, changed)
        )


def values(item: dict[str, Any]) -> tuple[object, ...]:
    def text(value: object) -> str | None:
        return None if value is None else str(value)

    known = ("product_id", "appid", "out_product_id", "product_source")
    extra = {name: value for name, value in item.items() if name not in known}
    return (
        "account",
        text(item.get("appid")),
        text(item.get("out_product_id")),
        int(item.get("product_source") or 0),
        exact(json.dumps(extra)) if extra else None,
    )


def exact(extra: str) -> str:
    """A comparable form of a JSON object in which numbers keep their digits."""
    return repr(json.loads(extra, parse_float=lambda digits: f"float {digits}"))  # type: ignore[arg-type]


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def breaking(pages: list[bytes]) -> Iterator[bytes]:
    yield from pages
    raise ConnectionError("in mid-load")


def stored(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()


def same_values(row: tuple[Any, ...]) -> tuple[object, ...]:
    return (*row[:-1], None if row[-1] is None else exact(row[-1]))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(BATCHES, min_size=1, max_size=6))
def test_replace_is_what_a_dict_does(batches: list[list[Step]]) -> None:
    """Windows that are loaded together are each as if loaded alone; one that fails fails them all."""
    model = Model()
    done: list[tuple[object, ...]] = []
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)).writing() as con:
        fetched_at = MOMENT
        for batch in batches:
            lists: list[ListToLoad] = []
            times: list[datetime] = []
            for step in batch:
                fetched_at += timedelta(seconds=step.seconds)
                pages = in_pages("products", step.items, step.page_size)
                one = window_list(
                    window=step.window,
                    account_appid="account",
                    pages=breaking(pages) if step.fails else pages,
                    load=load(fetched_at=fetched_at),
                )
                lists.append(one)
                times.append(fetched_at)
            with suppress(ConnectionError):
                loaded = load_lists(con, WINDOW_PRODUCTS, lists)
                for step, at, stats in zip(batch, times, loaded, strict=True):
                    model.load(step, at)
                    one = stats["window_products"]
                    counts = (one.rows, one.duplicates, one.added, one.removed, one.changed)
                    done.append((step.window, *counts))
            compare(con, model, done)


def compare(con: duckdb.DuckDBPyConnection, model: Model, done: list[tuple[object, ...]]) -> None:
    current = stored(
        con,
        """
        SELECT "window", product_id, position,
            account_appid, shop_appid, out_product_id, product_source, extra
        FROM window_products
        """,
    )
    assert sorted((row[:3], same_values(row[3:])) for row in current) == sorted(
        ((window, key, position), each)
        for window, rows in model.windows.items()
        for position, (key, each) in enumerate(rows.items(), 1)
    )
    history = stored(
        con,
        """
        SELECT "window", product_id, position, change, epoch_us(valid_from), epoch_us(valid_to),
            account_appid, shop_appid, out_product_id, product_source, extra
        FROM window_products_history
        """,
    )
    expected = [
        (
            *(row[n] for n in ("window", "key", "position", "change", "valid_from", "valid_to")),
            row["values"],
        )
        for row in model.history
    ]
    assert sorted(map(repr, ((*row[:6], same_values(row[6:])) for row in history))) == sorted(
        map(repr, expected)
    )
    assert done == model.loads
    logged = stored(con, 'SELECT "partition", "rows", duplicates FROM loads')
    assert sorted(logged) == sorted(row[:3] for row in model.loads)
    for key in {row[:2] for row in history}:
        periods = sorted((row[4], row[5]) for row in history if row[:2] == key)
        assert all(start < end <= after for (start, end), (after, _) in pairwise(periods))
