"""Published warehouses that a test damages, and how it damages them."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb

from channels_assets.warehouse import FileStore, connect
from channels_assets_tests.helpers.loading import load_window
from channels_assets_tests.warehouse.making import ids, load

HISTORY = "SELECT product_id, valid_from, valid_to FROM window_products_history ORDER BY ALL"


def put(warehouse: FileStore, *product_ids: object) -> None:
    with warehouse.writing() as con:
        load_window(con, window="w", account_appid="a", pages=ids(*product_ids), load=load())


def read(folder: Path, query: str) -> list[tuple[object, ...]]:
    with connect(folder) as con:
        return con.execute(query).fetchall()


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of all files but the lock file."""
    files = [path for path in folder.iterdir() if path.is_file() and path.suffix != ".lock"]
    return {path.name: path.read_bytes() for path in files}


def missing(path: Path) -> None:
    path.unlink()


def zero_bytes(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("see the other disk\n")


def noise(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def another_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE a (b)")


def cut_off_after(share: float) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        os.truncate(path, int(path.stat().st_size * share))

    cut.__name__ = f"cut_off_after_{share}"
    return cut


def last_bytes_gone(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def header_overwritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\0" * 8192)


def newer_duckdb(path: Path) -> None:
    """A later version number, with the checksum that belongs to it."""
    with path.open("r+b") as file:
        file.seek(12)
        file.write((999).to_bytes(8, "little"))
    with duckdb.connect() as con, suppress(duckdb.Error):
        try:
            con.execute(f"ATTACH '{path}' AS x (READ_ONLY)")
        except duckdb.Error as error:
            if found := re.search(r"computed checksum (\d+)", str(error)):
                with path.open("r+b") as file:
                    file.write(int(found[1]).to_bytes(8, "little"))


DAMAGES = [
    zero_bytes,
    text,
    noise,
    another_database,
    *map(cut_off_after, (0.001, 0.3, 0.7)),
    last_bytes_gone,
    header_overwritten,
]


def kill_foreign_writer(path: Path) -> None:
    """Another program opens the file for writing, makes a table, and is killed."""
    script = (
        "import os, sys, duckdb; con = duckdb.connect(sys.argv[1])\n"
        "con.execute('CREATE TABLE mine AS SELECT 1'); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)


def kill_writer(folder: Path) -> None:
    """A writer of ours commits and is killed: what it wrote is in the .wal only."""
    script = (
        "import os, sys, pathlib\n"
        "from channels_assets.warehouse import FileStore, set_meta\n"
        "with FileStore(pathlib.Path(sys.argv[1])).writing() as con:\n"
        "    set_meta(con, 'origin', 'killed')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=False)


def move_behind_symlink(path: Path, to: Path) -> Path:
    """Move the file to another folder, with a symlink in its place."""
    to.mkdir(exist_ok=True)
    real = to / f"real-{path.name}"
    path.rename(real)
    path.symlink_to(real)
    return real
