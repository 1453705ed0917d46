"""A DuckDB connection that keeps account of what each kind of statement takes."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any, cast

import duckdb

_BEGINNING = re.compile(
    r"(?:SELECT|BEGIN|COMMIT|SET VARIABLE|--)"
    r"|CREATE OR REPLACE TEMP MACRO"
    r"|(?:CREATE OR REPLACE TEMP TABLE|INSERT INTO|DELETE FROM|UPDATE) \w+"
)
_NAMES = {
    "--": "macros of parsing.sql",
    "CREATE OR REPLACE TEMP MACRO": "macros of parsing.sql",
    "SELECT": "SELECT duplicates, changes, fractions, the order, the moment",
}


class Recording:
    """Of `seconds` each is the processor's time of all statements that begin alike."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.seconds: dict[str, float] = {}
        self.times: Counter[str] = Counter()

    def execute(
        self,
        query: duckdb.Statement | str,
        *values: Any,  # noqa: ANN401
    ) -> duckdb.DuckDBPyConnection:
        text = " ".join((query if isinstance(query, str) else query.query).split())
        match = _BEGINNING.match(text)
        name = _NAMES.get(match[0], match[0]) if match else text[:40]
        began = time.process_time()
        try:
            return self._connection.execute(query, *values)
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - began
            self.times[name] += 1

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._connection, name)

    @property
    def as_connection(self) -> duckdb.DuckDBPyConnection:
        return cast("duckdb.DuckDBPyConnection", self)
