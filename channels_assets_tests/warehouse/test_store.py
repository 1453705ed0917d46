"""Several processes at once: writing, publishing, reading, dying."""

import multiprocessing
import random
import time
from multiprocessing.context import SpawnProcess
from pathlib import Path

from channels_assets.warehouse import WarehouseError, connect
from channels_assets.warehouse.connection import scalar
from channels_assets_tests.helpers.loading import load_window
from channels_assets_tests.warehouse.making import against, ids, load
from channels_assets_tests.warehouse.opening import opened

SPAWN = multiprocessing.get_context("spawn")
ROUNDS = 5
ROWS = 300


def write(folder: Path, name: str) -> None:
    warehouse = opened(folder, publish_every=0.05)
    for number in range(1, ROUNDS + 1):
        pages = ids(*(f"{number}-{row}" for row in range(ROWS)))
        with warehouse.writing() as con:
            load_window(con, window=name, account_appid="a", pages=pages, load=load())
        warehouse.publish_if_due()
    warehouse.publish()


def read(folder: Path, stop: Path) -> None:
    seen: dict[str, int] = {}
    while not stop.exists():
        with connect(folder) as con:
            rows = con.execute(
                """
                SELECT "window", count(*), count(DISTINCT split_part(product_id, '-', 1)),
                    max(split_part(product_id, '-', 1)::INT)
                FROM window_products GROUP BY "window"
                """
            ).fetchall()
            assert against(con, "rows_as_loaded") == {}
        for window, products, rounds, latest in rows:
            assert (products, rounds) == (ROWS, 1), "torn"
            assert latest >= seen.get(window, 0), "gone back"
            seen[window] = latest


def started(target: object, *arguments: object) -> SpawnProcess:
    process = SPAWN.Process(target=target, args=arguments)  # type: ignore[arg-type]
    process.start()
    return process


def test_nothing_is_lost_or_torn(tmp_path: Path) -> None:
    opened(tmp_path).publish()
    stop = tmp_path / "stop"
    readers = [started(read, tmp_path, stop) for _ in range(2)]
    writers = [started(write, tmp_path, f"w{number}") for number in range(3)]
    for process in writers:
        process.join(60)
    stop.touch()
    for process in readers:
        process.join(60)
    assert [process.exitcode for process in writers + readers] == [0] * 5
    with connect(tmp_path) as con:
        assert con.execute("SELECT count(*) FROM loads").fetchall() == [(3 * ROUNDS,)]
        latest = con.execute(
            'SELECT "window", count(*) FROM window_products WHERE starts_with(product_id, $last)'
            " GROUP BY ALL ORDER BY ALL",
            {"last": f"{ROUNDS}-"},
        ).fetchall()
        assert latest == [("w0", ROWS), ("w1", ROWS), ("w2", ROWS)]
        open_rows = con.execute(
            "SELECT count(*) FROM window_products_history WHERE valid_to IS NULL"
        ).fetchall()
        assert open_rows == [(3 * ROWS,)]
    assert not list(tmp_path.glob(".*.tmp"))


def replace_for_ever(folder: Path) -> None:
    warehouse = opened(folder)
    number = 0
    while True:
        number += 1
        pages = ids(*(f"{number}-{row}" for row in range(5000)))
        with warehouse.writing() as con:
            load_window(con, window="w", account_appid="a", pages=pages, load=load())
        warehouse.publish()


def loads(folder: Path) -> int:
    try:
        with connect(folder) as con:
            return scalar(con, "SELECT count(*) FROM loads")
    except WarehouseError:
        return 0


def test_a_killed_writer_leaves_the_old_or_the_new_list(tmp_path: Path) -> None:
    warehouse = opened(tmp_path)
    for attempt in range(3):
        writer = started(replace_for_ever, tmp_path)
        while writer.is_alive() and not loads(tmp_path):
            time.sleep(0.01)
        time.sleep(random.Random(attempt).uniform(0.8, 1.3))
        assert writer.is_alive()
        writer.kill()
        writer.join()
        warehouse.publish()
        with connect(tmp_path) as con:
            assert against(con, "rows_as_loaded", "ids_unique") == {}
            state = con.execute(
                """
                SELECT count(*), count(DISTINCT split_part(product_id, '-', 1)),
                    (SELECT count(*) FROM window_products_history WHERE valid_to IS NULL)
                FROM window_products
                """
            ).fetchall()
            assert state == [(5000, 1, 5000)]
        assert not list(tmp_path.glob(".*.tmp"))
