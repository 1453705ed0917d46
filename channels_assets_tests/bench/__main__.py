"""`make bench`: everybody fetches the same lists from the same sandbox, in turns, in one run.

    floor    asyncio, the bytes thrown away          pull     our pull and load, without Dagster
    loop     requests, one call at a time, pandas    refresh  our command, Dagster and start included
    dlt      dlt's RESTClient, 32 workers            empty    Dagster alone, recording the partitions

A ratio is that of the medians. `start` is a process that imports what the command imports. dlt and
loop are told which lists there are; refresh finds them, and then, as `lists alone`, reads those that
dlt reads once more and compares them with what it has.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

from channels_assets_tests.bench.serve import Served, served
from channels_assets_tests.bench.world import Size, make

DLT_PYTHON = Path(".venv-bench/bin/python")
Seconds = dict[str, list[float]]
SOON = 0.002
"""With answers later than that `loop` takes as long as they do, and once is enough."""
BUSY = "pull, cores busy"
"""Seconds of a pull that all cores together, the sandbox's work included, had something to do."""


def run(command: list[str], environment: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """What the contestant printed, and of its whole process the seconds as `process`, those of the
    processor as `process cpu`."""
    started, used = time.perf_counter(), _cpu_of_children()
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        cwd=folder,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise click.ClickException(f"{command}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    last = done.stdout.strip().rpartition("\n")[2]
    told = json.loads(last) if last.startswith("{") else {}
    return {**told, "process": seconds, "process cpu": _cpu_of_children() - used}


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


class Contest:
    def __init__(self, place: Served, size: Size, in_flight: int) -> None:
        self._place, self._size, self._in_flight = place, size, in_flight
        self._python = [sys.executable, "-m"]
        self._path = {**place.environment, "PYTHONPATH": os.getcwd()}
        self._told = json.dumps(asdict(size))

    def _module(self, name: str, *arguments: str) -> dict[str, Any]:
        command = [*self._python, f"channels_assets_tests.bench.{name}", *arguments]
        return run(command, self._path, self._place.folder)

    def floor(self) -> dict[str, float]:
        told = self._module("floor", self._place.url, self._told, str(self._in_flight))
        return {"floor": told["seconds"]}

    def pull(self) -> dict[str, float]:
        folder = fresh(self._place.folder / "pull")
        told = self._module("pull", self._told, str(folder))
        return {
            "pull": told["seconds"],
            "pull, fetching": told["fetching"],
            "pull, cpu": told["cpu"],
            BUSY: told["busy"] * told["seconds"],
        }

    def loop(self) -> dict[str, float]:
        folder = fresh(self._place.folder / "loop")
        told = self._module("loop", self._place.url, self._told, str(folder))
        return {"loop": told["seconds"], "loop, fetching": told["fetching"]}

    def empty(self) -> dict[str, float]:
        ours = yaml.safe_load(Path("channels_assets/dagster.yaml").read_text())
        dagsters = {name: value for name, value in ours.items() if name != "event_log_storage"}
        told: dict[str, float] = {}
        for name, settings in (("empty", dagsters), ("empty, together", ours)):
            home = fresh(self._place.folder / "empty")
            (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
            arguments = [str(home), str(self._size.windows), str(self._size.lists)]
            told[name] = self._module("empty", *arguments)["seconds"]
        return told

    def start(self) -> dict[str, float]:
        code = "import channels_assets.cli, channels_assets.definitions, dagster"
        done = run([sys.executable, "-c", code], self._path, self._place.folder)
        return {"start": done["process"]}

    def refresh(self) -> dict[str, float]:
        folder = fresh(self._place.folder / "data")
        command = [*self._python, "channels_assets.cli", "refresh", "--json"]
        environment = {**self._path, "CHANNELS_DATA": str(folder), "DAGSTER_HOME": ""}
        told = run(command, environment, self._place.folder)
        assets = ("window_products", "shop_articles", "article_products")
        lists = [argument for asset in assets for argument in ("--asset", asset)]
        again = run([*command, *lists], environment, self._place.folder)
        for item in (told, again):
            failed = [each for asset in item["assets"].values() for each in asset["failed"]]
            assert not failed, failed
        return {
            "refresh, process": told["process"],
            "refresh, cpu": told["process cpu"],
            "refresh, inside": told["seconds"],
            "refresh, lists alone": again["process"],
        }

    def dlt(self) -> dict[str, float]:
        world = make(self._size)
        told = {
            "windows": {window.appid: window.secret for window in world.windows.values()},
            "league": [world.league.appid, world.league.secret],
            "lists": [
                (shop, account["promoter_id"], account["promoter_type"])
                for shop, accounts in world.league.promoters.items()
                for account in accounts
            ],
        }
        folder = fresh(self._place.folder / "dlt")
        command = [
            str(DLT_PYTHON.absolute()),
            str(Path(__file__).with_name("with_dlt.py")),
            *(self._place.url, json.dumps(told), str(folder), str(self._in_flight)),
        ]
        done = run(command, {"HOME": str(folder)}, self._place.folder)
        got = done["rows"]
        assert got["window_products"] == self._size.windows * self._size.products, got
        return {"dlt, process": done["process"], "dlt, cpu": done["process cpu"]}


RATIOS = (
    ("pull", "floor", 1.15),
    ("pull, fetching", "floor", None),
    (BUSY, "pull", None),
    ("refresh, inside", "larger of floor and empty", 1.2),
    ("dlt, process", "refresh, process", None),
    ("dlt, process", "refresh, lists alone", None),
    ("loop", "pull", None),
)


def tell(console: Console, size: Size, latency: float, in_flight: int, seconds: Seconds) -> None:
    console.print(
        f"{size.windows} windows x {size.products:,} products, {size.lists} article lists x "
        f"{size.articles} articles x {size.products_per_article} products: {size.rows:,} rows, "
        f"{size.calls} calls; {latency * 1000:.0f} ms latency, {in_flight} in flight, "
        f"{os.cpu_count()} cores"
    )
    table = Table("", "median s", "all", box=None, header_style="bold")
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    for name, taken in seconds.items():
        table.add_row(name, f"{medians[name]:.2f}", " ".join(f"{item:.2f}" for item in taken))
    console.print(table)
    if "empty" in medians and "floor" in medians:
        medians["larger of floor and empty"] = max(medians["empty"], medians["floor"])
    # Without latency nothing is gained by many calls at once, and all that we do beside them shows.
    for item, other, at_most in RATIOS if latency else (*RATIOS, ("pull", "loop, fetching", 2)):
        if item in medians and other in medians:
            bound = f" (at most {at_most})" if at_most else ""
            console.print(f"{item} / {other}: {medians[item] / medians[other]:.2f}{bound}")
    if {"refresh, inside", "empty"} <= set(medians) and size.lists:
        partitions = size.windows + 2 * size.lists
        more = (medians["refresh, inside"] - medians["empty"]) / partitions * 1000
        console.print(f"refresh, inside - empty: {more:.1f} ms for each of {partitions} partitions")


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--latency", default=0.05, show_default=True, help="Seconds that each answer takes.")
@click.option("--in-flight", default=32, show_default=True)
@click.option("--only", multiple=True, help="Only these contestants.")
def main(rounds: int, latency: float, in_flight: int, only: tuple[str, ...]) -> None:
    size = Size()
    names = only or ("floor", "pull", "empty", "start", "refresh", "dlt", "loop")
    seconds: Seconds = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), size, latency, in_flight) as place,
    ):
        contest = Contest(place, size, in_flight)
        for number in range(rounds):
            for name in names:
                if name == "loop" and number and latency > SOON:
                    continue
                contestant: Callable[[], dict[str, float]] = getattr(contest, name)
                for what, taken in contestant().items():
                    seconds.setdefault(what, []).append(taken)
    tell(Console(highlight=False, width=120), size, latency, in_flight, seconds)


if __name__ == "__main__":
    main()
