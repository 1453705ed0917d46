"""What history costs: a large window that changes every day, then the questions people ask of it.

python -m channels_assets_tests.bench.looking_back --products 20000 --days 60 --changes 100
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from random import Random

from channels_assets.warehouse import FileStore, connect
from channels_assets_tests.helpers.loading import load_window
from channels_assets_tests.warehouse.making import MOMENT, in_pages, load

QUESTIONS = (
    "SELECT count(*) FROM window_as_of($last)",
    "SELECT count(*) FROM window_as_of($middle)",
    "SELECT count(*) FROM window_changes",
    "SELECT count(*) FROM products_in_windows",
    "SELECT count(*) FROM products_in_window_and_articles",
    "SELECT count(*) FROM coverage",
)


def change(products: list[dict[str, str]], new: str, rng: Random) -> None:
    kind = rng.random()
    if kind < 0.4 or not products:
        products.insert(rng.randint(0, len(products)), {"product_id": new, "appid": "shop"})
    elif kind < 0.8:
        products.pop(rng.randrange(len(products)))
    else:
        one = products.pop(rng.randrange(len(products)))
        products.insert(rng.randint(0, len(products)), one)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--changes", type=int, default=100)
    asked = parser.parse_args()
    rng = Random(1)
    products = [{"product_id": str(n), "appid": "shop"} for n in range(asked.products)]
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        warehouse = FileStore(Path(folder))
        with warehouse.writing() as con:
            for day in range(asked.days):
                pages = in_pages("products", products, 200)
                started = time.perf_counter()
                load_window(
                    con,
                    window="w",
                    account_appid="a",
                    pages=pages,
                    load=load(fetched_at=MOMENT + timedelta(days=day)),
                )
                seconds.append(time.perf_counter() - started)
                for number in range(asked.changes):
                    change(products, f"{day}-{number}", rng)
        warehouse.publish()
        print(f"{sum(seconds) / len(seconds):8.3f} s  a load of {asked.products:,} with history")  # noqa: T201
        with connect(folder) as con:
            moments = {"last": MOMENT + timedelta(days=asked.days)}
            moments["middle"] = MOMENT + timedelta(days=asked.days // 2)
            for question in QUESTIONS:
                named = {name: at for name, at in moments.items() if f"${name}" in question}
                started = time.perf_counter()
                [(rows,)] = con.execute(question, named).fetchall()
                print(f"{time.perf_counter() - started:8.3f} s  {question}: {rows:,}")  # noqa: T201


if __name__ == "__main__":
    main()
