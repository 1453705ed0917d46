"""Looks for secrets, and pieces of them, in everything that was written below a folder."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb

PIECE = 16
# Whatever tokens and secrets are made of, URL-encoded too.
_RUNS = re.compile(rb"[\w%+.~-]{16,}")


class Needles:
    """Every piece of 16 characters of each secret, raw and URL-encoded."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            form
            for secret in secrets
            for form in (secret, quote(secret, safe=""), quote_plus(secret))
        }
        assert forms
        assert all(len(form) >= PIECE for form in forms)
        self._pieces = {
            form[at : at + PIECE].encode() for form in forms for at in range(len(form) - PIECE + 1)
        }

    def found_in(self, hay: str | bytes) -> list[bytes]:
        data = hay.encode("utf-8", "surrogatepass") if isinstance(hay, str) else hay
        return [
            run[at : at + PIECE]
            for run in _RUNS.findall(data)
            for at in range(len(run) - PIECE + 1)
            if run[at : at + PIECE] in self._pieces
        ]


def written_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Each file as it is; databases also as their rows, which may be compressed or cut by pages."""
    for path in sorted(folder.rglob("*")):
        yield f"name of {path.name}", str(path).encode()
        if not path.is_file():
            continue
        raw = path.read_bytes()
        yield str(path), raw
        if path.suffix == ".duckdb":
            yield f"rows of {path}", _duckdb_text(path).encode("utf-8", "surrogatepass")
        elif raw.startswith(b"SQLite format 3"):
            with sqlite3.connect(path) as con:
                yield f"rows of {path}", "\n".join(con.iterdump()).encode()


def _duckdb_text(path: Path) -> str:
    texts: list[str] = []
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
        assert tables
        for (table,) in tables:
            rows = con.execute(f'SELECT COLUMNS(*)::VARCHAR FROM "{table}"').fetchall()  # noqa: S608
            texts += [str(row) for row in rows]
            texts += [value for row in rows for value in row if value is not None]
    return "\n".join(texts)
