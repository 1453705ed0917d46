"""One transaction that either happened or raised."""

import contextlib
from collections.abc import Generator
from contextlib import contextmanager

import duckdb

from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.single import count

_TRANSACTION = "SELECT txid_current()"


@contextmanager
def atomic(con: duckdb.DuckDBPyConnection) -> Generator[None, None, None]:
    """Run the body in one transaction: COMMIT at its end, ROLLBACK on any exception.

    The exception goes on to the caller. A body that swallowed a failed statement, or ended the
    transaction itself, raises too: nothing it left behind counts as success.
    """
    con.execute("BEGIN TRANSACTION")
    try:
        begun = count(con, _TRANSACTION)
        yield
        # DuckDB takes COMMIT after a failed statement and rolls back without a word. Any query
        # raises in that state, so ask one first.
        if count(con, _TRANSACTION) != begun:
            raise WarehouseError("the transaction was ended within; nothing after that is kept")
        con.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(duckdb.Error):
            con.execute("ROLLBACK")
        raise
