"""`make bench-growth`: how time and files grow with partitions and with refreshes.

Partitions: one run of the real command over so many windows of 5 products each, and over so many
article lists of 5 articles with 2 products each, which are found first. Refreshes: one window of
10,000 products, loaded again and again; each time 1 % of them have changed, and the lists of 40
article accounts beside it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from channels_assets.warehouse import FileStore, LoadRecord, connect, load_lists
from channels_assets.warehouse.tables import SHOP_ARTICLES, WINDOW_PRODUCTS
from channels_assets_tests.bench.serve import served
from channels_assets_tests.bench.world import Size
from channels_assets_tests.helpers.loading import article_list, window_list

_START = datetime(2026, 1, 1, tzinfo=UTC)
_PRODUCTS, _LISTS, _ARTICLES = 10_000, 40, 50


@dataclass(frozen=True)
class Point:
    """One measurement: what was counted, how many seconds it took, and megabytes on disk.

    `cpu`: seconds of the processor, of the whole process; other people's work does not change them.
    """

    count: int
    seconds: float
    warehouse_mb: float
    dagster_mb: float = 0.0
    cpu: float = 0.0
    history_rows: int = 0


def megabytes(path: Path) -> float:
    if path.is_file():
        return path.stat().st_size / 1e6
    return sum(item.stat().st_size for item in path.rglob("*") if item.is_file()) / 1e6


def windows(count: int) -> Size:
    return Size(windows=count, products=5, lists=0)


def article_lists(count: int) -> Size:
    return Size(windows=1, products=5, lists=count, articles=5, products_per_article=2)


def refresh_partitions(size: Size) -> Point:
    """The second refresh of such a world, by the real command; counts its article lists, if there are any."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), size, 0.0) as place:
        data = Path(folder) / "data"
        environment = {**place.environment, "CHANNELS_DATA": str(data), "PYTHONPATH": os.getcwd()}
        told: dict[str, Any] = {}
        cpu = 0.0
        for _ in range(2):
            before = _cpu_of_children()
            done = subprocess.run(
                [sys.executable, "-m", "channels_assets.cli", "refresh", "--json"],
                env=environment,
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
            )
            cpu = _cpu_of_children() - before
            told = json.loads(done.stdout)
        assert told["assets"]["window_products"]["succeeded"] == size.windows, told
        assert told["assets"].get("shop_articles", {}).get("succeeded", 0) == size.lists, told
        return Point(
            size.lists or size.windows,
            told["seconds"],
            megabytes(data / "warehouse.duckdb"),
            megabytes(data / "dagster_home"),
            cpu=cpu,
        )


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def page(field: str, items: list[dict[str, Any]]) -> bytes:
    return json.dumps({"errcode": 0, field: items}).encode()


def load_of(number: int) -> LoadRecord:
    at = _START + timedelta(hours=number)
    return LoadRecord(None, f"run {number}", at, at, "empty_page", pages=1, api_calls=1)


def products_at(number: int) -> list[dict[str, Any]]:
    """1 % of the products are others than the time before."""
    first = number * _PRODUCTS // 100
    return [{"product_id": str(10**13 + first + n), "appid": "wx"} for n in range(_PRODUCTS)]


def articles_at(number: int, item: int) -> list[dict[str, Any]]:
    return [
        {
            "article_info": {"article_url": f"https://mp.weixin.qq.com/s/{item}-{article}"},
            "product_list": [
                {
                    "product_id": 10**13 + product,
                    "product_name": "茶具",
                    # Each refresh changes the commission of one article in a hundred.
                    "predict_commission_amount": number if article % 100 == number % 100 else 1,
                    "commission_rate": 100_000,
                }
                for product in range(4)
            ],
        }
        for article in range(_ARTICLES)
    ]


def refreshes(steps: tuple[int, ...]) -> list[Point]:
    points: list[Point] = []
    with tempfile.TemporaryDirectory() as folder:
        store = FileStore(Path(folder))
        recent: list[float] = []
        for number in range(1, max(steps) + 1):
            items = products_at(number)
            pages = [page("products", items[n : n + 200]) for n in range(0, _PRODUCTS, 200)]
            window = window_list(
                window="w",
                account_appid="wx",
                pages=pages,
                load=load_of(number),
            )
            lists = [
                article_list(
                    partition=f"s/{item}/h",
                    shop_appid="s",
                    promoter_id=str(item),
                    sharer_appid="h",
                    promoter_type=4,
                    pages=[page("article_list", articles_at(number, item))],
                    load=load_of(number),
                )
                for item in range(_LISTS)
            ]
            started = time.perf_counter()
            with store.writing() as connection:
                load_lists(connection, WINDOW_PRODUCTS, [window])
                load_lists(connection, SHOP_ARTICLES, lists)
            recent = [*recent[-9:], time.perf_counter() - started]
            store.publish()
            if number in steps:
                with connect(folder) as connection:
                    [(rows,)] = connection.execute(
                        "SELECT (SELECT count(*) FROM window_products_history)"
                        " + (SELECT count(*) FROM article_products_history)"
                    ).fetchall()
                seconds = sorted(recent)[len(recent) // 2]
                size = megabytes(store.path)
                points.append(Point(number, seconds, size, history_rows=int(rows)))
    return points


@click.command()
@click.option("--partitions", multiple=True, type=int, default=(10, 100, 1000, 10_000))
@click.option("--lists", multiple=True, type=int, default=(100, 1000, 10_000))
@click.option("--refreshes", "steps", multiple=True, type=int, default=(1, 30, 365))
@click.option("--plot", type=click.Path(path_type=Path), help="Draw a picture there (PNG).")
def main(
    partitions: tuple[int, ...], lists: tuple[int, ...], steps: tuple[int, ...], plot: Path | None
) -> None:
    console = Console(highlight=False)
    runs = [refresh_partitions(windows(count)) for count in partitions]
    tell(console, "windows", runs)
    tell(console, "article lists", [refresh_partitions(article_lists(count)) for count in lists])
    loads = refreshes(steps)
    table = Table("refreshes", "ms a refresh", "history rows", "warehouse MB", box=None)
    for load in loads:
        row = (f"{load.count:,}", f"{load.seconds * 1000:.0f}", f"{load.history_rows:,}")
        table.add_row(*row, f"{load.warehouse_mb:.1f}")
    console.print(table)
    if plot is not None:
        draw(plot, runs, loads)


def tell(console: Console, what: str, runs: list[Point]) -> None:
    table = Table(box=None)
    for heading in (what, "seconds", "ms each", "cpu s", "cpu ms each"):
        table.add_column(heading, justify="right")
    table.add_column("warehouse MB", justify="right")
    table.add_column("Dagster MB", justify="right")
    for run in runs:
        each = run.seconds / run.count * 1000
        row = (f"{run.count:,}", f"{run.seconds:.1f}", f"{each:.1f}", f"{run.cpu:.1f}")
        cpu = f"{run.cpu / run.count * 1000:.1f}"
        table.add_row(*row, cpu, f"{run.warehouse_mb:.1f}", f"{run.dagster_mb:.1f}")
    console.print(table)


def draw(path: Path, runs: list[Point], loads: list[Point]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2), dpi=80)
    left.loglog([run.count for run in runs], [run.seconds for run in runs], "o-")
    left.set_xlabel("partitions in one run")
    left.set_ylabel("seconds")
    left.set_title("A refresh of windows of 5 products")
    right.plot([load.count for load in loads], [load.warehouse_mb for load in loads], "o-")
    right.set_xlabel("refreshes, each with 1 % of the products new")
    right.set_ylabel("warehouse, MB")
    right.set_ylim(bottom=0)
    right.set_title("The warehouse file")
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
