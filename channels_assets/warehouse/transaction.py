"""One transaction that either happened or raised."""

import contextlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import duckdb
import tenacity

from channels_assets.warehouse.connection import count
from channels_assets.warehouse.errors import WarehouseError

_TRANSACTION = "SELECT epoch_us(now())"
"""Of a transaction it is the moment of its beginning. txid_current() knows DuckDB's own files only."""

P = ParamSpec("P")
T = TypeVar("T")


def retrying(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do a whole piece of work again, up to 8 times, when its commit lost to another writer's.

    Only a lake has such conflicts, and our own writers take turns at it: it is for other programs
    that write there.
    """
    again = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_conflict),
        stop=tenacity.stop_after_attempt(8),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=5),
        reraise=True,
    )
    return again(work, *args, **kwargs)


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, duckdb.TransactionException) and "conflict" in str(error).lower()


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
