"""`make bench-memory`: one window of 100,000 and of 1,000,000 products; time and peak memory.

Peak memory is that of the whole process of a refresh above one that has only started Dagster.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from channels_assets_tests.bench.serve import Served, served
from channels_assets_tests.bench.world import Size

_MEASURE = """
import atexit, resource, sys
from channels_assets.cli.__main__ import entry
atexit.register(lambda: print("\\npeak_kb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
sys.argv = ["channels-assets", *sys.argv[1:]]
entry()
"""


@dataclass(frozen=True)
class Measured:
    seconds: float
    peak_mb: float


def command(place: Served, data: Path, *arguments: str) -> Measured:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *arguments],
        env={**place.environment, "CHANNELS_DATA": str(data), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
        cwd=place.folder,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return Measured(time.perf_counter() - started, int(done.stdout.split()[-1]) / 1024)


@click.command()
@click.option("--latency", default=0.0, show_default=True)
@click.option("--products", multiple=True, type=int, default=(100_000, 1_000_000))
def main(latency: float, products: tuple[int, ...]) -> None:
    table = Table("products", "seconds", "peak MB", "above idle", box=None, header_style="bold")
    seconds: dict[int, float] = {}
    for count in products:
        size = Size(windows=1, products=count, lists=0)
        with (
            tempfile.TemporaryDirectory() as folder,
            served(Path(folder), size, latency) as place,
        ):
            command(
                place, Path(folder) / "data", "partitions", "--prune"
            )  # Makes Dagster's databases.
            idle = command(place, Path(folder) / "data", "partitions", "--prune")
            full = command(place, Path(folder) / "data", "refresh", "--asset", "window_products")
            again = command(place, Path(folder) / "data", "refresh", "--asset", "window_products")
        for name, item in (("first", full), ("again", again)):
            above = f"{item.peak_mb - idle.peak_mb:.0f}"
            table.add_row(f"{count:,} {name}", f"{item.seconds:.1f}", f"{item.peak_mb:.0f}", above)
        seconds[count] = full.seconds - idle.seconds
    console = Console(highlight=False)
    console.print(table)
    few, many = min(seconds), max(seconds)
    if few != many:
        times = seconds[many] / seconds[few]
        console.print(f"{many // few} x the products took {times:.1f} x the time")


if __name__ == "__main__":
    main()
