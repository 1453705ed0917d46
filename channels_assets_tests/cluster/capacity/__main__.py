"""Measures, simulates, and writes docs/outgrowing.md: make capacity."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
from dagster import __version__ as dagster_version

from channels_assets_tests.cluster.capacity.measure import bench, measure
from channels_assets_tests.cluster.capacity.model import Constants, Plan, simulate
from channels_assets_tests.cluster.capacity.page import page
from channels_assets_tests.cluster.fleet import ROOT

SIZES = [(5_000, 1), (50_000, 4), (50_000, 16), (1_000_000, 16), (1_000_000, 64)]
HELD_OUT = 30


def check(known: Constants, took: float) -> float:
    """Predicted over measured seconds, for a turn that the constants were not measured from."""
    predicted = known.turn_seconds + HELD_OUT * (known.load_seconds + known.record_seconds)
    return predicted / took


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder), 480) as fixture:
        known = measure(fixture)
        took = min(fixture.load(start, HELD_OUT) for start in range(0, 400, 50))
        took += min(fixture.record(start, HELD_OUT) for start in range(0, 400, 50))
    plans = [Plan(lists, workers, max_in_flight=32, latency=0.2) for lists, workers in SIZES]
    text = page(
        known,
        check(known, took),
        [(plan, simulate(plan, known)) for plan in plans],
        f"DuckDB {duckdb.__version__}, Dagster {dagster_version}",
    )
    (ROOT / "docs" / "outgrowing.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
