"""Runs many worlds; says which seed failed, what was broken, and how to see it again."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from dataclasses import fields

from channels_assets_tests.simulation.checks import Violation
from channels_assets_tests.simulation.run import Tally, simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m channels_assets_tests.simulation")
    parser.add_argument("--seeds", type=int, default=1000, help="how many worlds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--go-on", action="store_true", help="do not stop at the first failure")
    asked = parser.parse_args()
    began = told = time.monotonic()
    total, failed = Tally(), 0
    for number, seed in enumerate(range(asked.first, asked.first + asked.seeds), 1):
        try:
            tally = simulate(seed)
        except Exception as error:
            failed += 1
            _tell(seed, error)
            if not asked.go_on:
                return 1
            continue
        for field in fields(Tally):
            setattr(total, field.name, getattr(total, field.name) + getattr(tally, field.name))
        if time.monotonic() - told > 5:
            told = time.monotonic()
            _say(f"{number} of {asked.seeds} worlds, {number / (told - began):.0f} a second")
    seconds = time.monotonic() - began
    counts = ", ".join(
        f"{getattr(total, field.name):.0f} {field.name.replace('_', ' ')}"
        for field in fields(Tally)
    )
    _say(f"{asked.seeds} worlds, {failed} failed, {seconds:.0f} s: {counts}")
    return 1 if failed else 0


def _tell(seed: int, error: Exception) -> None:
    if not isinstance(error, Violation):
        traceback.print_exception(error)
    _say(f"seed {seed}: {type(error).__name__}: {error}")
    _say(f"again: make simulate FIRST={seed} SEEDS=1")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
