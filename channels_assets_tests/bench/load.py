"""`make bench-load`: loading alone. The lists are pulled and staged first, and then loaded, in the
batches in which the pool handed them on, into an empty warehouse and once more over themselves.

`together` is a whole load with opening and closing the file, of which `windows` and `article lists`
are the parts. An article list's rows are its articles and their products. `all at once` is the same
as one batch, `article lists at once` its part. Then, of the load in batches, what kinds of statements
took most of the processor.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from unittest.mock import patch

import click
from rich.console import Console
from rich.table import Table

from channels_assets.config import load_settings
from channels_assets.extract.pool import pull_all
from channels_assets.extract.pull import PageFolder, Pulled, PullTask
from channels_assets.warehouse import FileStore, ListToLoad, load_lists
from channels_assets.warehouse.tables import SHOP_ARTICLES, WINDOW_PRODUCTS
from channels_assets_tests.bench.pull import everything, list_of
from channels_assets_tests.bench.serve import Served, served
from channels_assets_tests.bench.statements import Recording
from channels_assets_tests.bench.world import Size, make

WINDOWS, ARTICLES, TOGETHER = "windows", "article lists", "together"
ARTICLES_AT_ONCE, ALL_AT_ONCE = "article lists at once", "all at once"
_SHOWN = 12


@dataclass(frozen=True)
class Batch:
    """Lists that ended together, with their pages on the disk."""

    windows: Sequence[tuple[PullTask, Pulled]]
    articles: Sequence[tuple[PullTask, Pulled]]


@dataclass
class Spent:
    """Seconds of each part, by the clock and of the processor."""

    wall: dict[str, float] = field(default_factory=dict[str, float])
    cpu: dict[str, float] = field(default_factory=dict[str, float])


class _Timed:
    def __init__(self, spent: Spent, part: str) -> None:
        self._spent, self._part = spent, part

    def __enter__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        for told, now, before in (
            (self._spent.wall, time.perf_counter(), self._wall),
            (self._spent.cpu, time.process_time(), self._cpu),
        ):
            told[self._part] = told.get(self._part, 0.0) + now - before


def staged(place: Served, size: Size) -> list[Batch]:
    with patch.dict(os.environ, place.environment):
        settings = load_settings(place.folder / "channels.toml")
        tasks = everything(settings, make(size))
        staging, in_flight = PageFolder(place.folder / "staging"), settings.api.max_in_flight
        batches: list[Batch] = []
        with closing(pull_all(tasks, staging, in_flight, threading.Event())) as pulled:
            for outcomes in pulled:
                batch: dict[str, list[tuple[PullTask, Pulled]]] = {WINDOWS: [], ARTICLES: []}
                for outcome in outcomes:
                    if isinstance(outcome.result, Exception):
                        raise outcome.result
                    kind = WINDOWS if tasks[outcome.key].table == "window_products" else ARTICLES
                    batch[kind].append((tasks[outcome.key], outcome.result))
                batches.append(Batch(batch[WINDOWS], batch[ARTICLES]))
    return batches


def load(store: FileStore, batches: Sequence[Batch]) -> Spent:
    spent = Spent()
    with store.writing():
        pass  # Makes the tables of a new file.
    for batch in batches:
        with _Timed(spent, TOGETHER), store.writing() as connection:
            if batch.windows:
                with _Timed(spent, WINDOWS):
                    load_lists(connection, WINDOW_PRODUCTS, _lists(batch.windows))
            if batch.articles:
                with _Timed(spent, ARTICLES):
                    load_lists(connection, SHOP_ARTICLES, _lists(batch.articles))
    return spent


def load_at_once(store: FileStore, batches: Sequence[Batch], spent: Spent) -> None:
    windows = [item for batch in batches for item in _lists(batch.windows)]
    articles = [item for batch in batches for item in _lists(batch.articles)]
    with store.writing():
        pass
    with _Timed(spent, ALL_AT_ONCE), store.writing() as connection:
        load_lists(connection, WINDOW_PRODUCTS, windows)
        with _Timed(spent, ARTICLES_AT_ONCE):
            load_lists(connection, SHOP_ARTICLES, articles)


def statements(store: FileStore, batches: Sequence[Batch]) -> list[tuple[str, int, float]]:
    """Kinds of statements, how often, and seconds of the processor, of article lists in batches."""
    times = Counter[str]()
    seconds: dict[str, float] = {}
    for batch in batches:
        if batch.articles:
            with store.writing() as connection:
                recording = Recording(connection)
                load_lists(recording.as_connection, SHOP_ARTICLES, _lists(batch.articles))
                times.update(recording.times)
                for name, spent in recording.seconds.items():
                    seconds[name] = seconds.get(name, 0.0) + spent
    most = sorted(seconds, key=lambda name: -seconds[name])[:_SHOWN]
    return [(name, times[name], seconds[name]) for name in most]


def _lists(pulled: Sequence[tuple[PullTask, Pulled]]) -> list[ListToLoad]:
    return [list_of(task, each) for task, each in pulled]


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--latency", default=0.05, show_default=True, help="Of the calls before.")
def main(rounds: int, latency: float) -> None:
    size = Size()
    articles = size.lists * size.articles * (1 + size.products_per_article)
    rows = {
        WINDOWS: size.windows * size.products,
        ARTICLES: articles,
        TOGETHER: size.rows,
        ARTICLES_AT_ONCE: articles,
        ALL_AT_ONCE: size.rows,
    }
    with tempfile.TemporaryDirectory() as folder:
        with served(Path(folder), size, latency) as place:
            batches = staged(place, size)
        first: list[Spent] = []
        again: list[Spent] = []
        for number in range(rounds):
            store = FileStore(Path(folder) / f"round {number}")
            first.append(load(store, batches))
            again.append(load(store, batches))
            load_at_once(FileStore(Path(folder) / f"at once {number}"), batches, first[-1])
            load_at_once(FileStore(Path(folder) / f"at once {number}"), batches, again[-1])
        told = statements(FileStore(Path(folder) / "statements"), batches)
    console = Console(highlight=False, width=120)
    console.print(f"{len(batches)} batches; medians of {rounds} rounds; rows a second")
    table = Table("", box=None, header_style="bold")
    for heading in ("rows", "by the clock", "of the processor", "again, clock", "again, processor"):
        table.add_column(heading, justify="right")
    for part, count in rows.items():
        figures = [
            count / median(spent[part] for spent in rounds_of_it)
            for rounds_of_it in (
                [item.wall for item in first],
                [item.cpu for item in first],
                [item.wall for item in again],
                [item.cpu for item in again],
            )
        ]
        table.add_row(part, f"{count:,}", *(f"{figure:,.0f}" for figure in figures))
    console.print(table)
    console.print(f"{_number_of_batches(batches)} batches of article lists, first load: statements")
    table = Table("", box=None, header_style="bold")
    for heading in ("times", "ms of the processor", "each"):
        table.add_column(heading, justify="right")
    for name, times, spent in told:
        table.add_row(name, str(times), f"{1000 * spent:.0f}", f"{1000 * spent / times:.1f}")
    console.print(table)


def _number_of_batches(batches: Sequence[Batch]) -> int:
    return sum(bool(batch.articles) for batch in batches)


if __name__ == "__main__":
    main()
