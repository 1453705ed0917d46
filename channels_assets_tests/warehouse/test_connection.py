"""Transactions: all or nothing, also where the body catches an error."""

import contextlib

import duckdb
import pytest

from channels_assets.warehouse import WarehouseError, atomic, get_meta, set_meta


def test_commits(con: duckdb.DuckDBPyConnection) -> None:
    with atomic(con):
        set_meta(con, "k", "v")
    assert get_meta(con, "k") == "v"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_rolls_back(con: duckdb.DuckDBPyConnection, error: type[BaseException]) -> None:
    def body() -> None:
        with atomic(con):
            set_meta(con, "k", "v")
            raise error

    with pytest.raises(error):
        body()
    assert get_meta(con, "k") is None


def test_a_swallowed_failure_is_no_success(con: duckdb.DuckDBPyConnection) -> None:
    def body() -> None:
        with atomic(con):
            set_meta(con, "k", "v")
            with contextlib.suppress(duckdb.Error):
                con.execute("SELECT 'x'::INTEGER").fetchall()

    with pytest.raises(duckdb.TransactionException):
        body()
    assert get_meta(con, "k") is None
    with atomic(con):
        set_meta(con, "k", "again")
    assert get_meta(con, "k") == "again"


def test_a_body_that_starts_another_transaction(con: duckdb.DuckDBPyConnection) -> None:
    def body() -> None:
        with atomic(con):
            set_meta(con, "k", "v")
            con.execute("ROLLBACK")
            con.execute("BEGIN")

    with pytest.raises(WarehouseError, match="ended within"):
        body()
    assert get_meta(con, "k") is None
