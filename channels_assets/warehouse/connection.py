"""Statements on a DuckDB connection: running, transactions, retries, quoting, and error messages.

DuckDB has no error codes. Where the message of an error decides what to do, the words that are
searched for stand at the end of this file, as DuckDB 1.5 and 2.0 write them.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from typing import ParamSpec, TypeVar, cast

import duckdb
import tenacity

from channels_assets.warehouse.column_types import ListTable
from channels_assets.warehouse.errors import WarehouseError

Config = dict[str, str | bool | int | float | list[str]]
P = ParamSpec("P")
T = TypeVar("T")

TIME_ZONE = "Asia/Shanghai"
"""The time zone in which connections show times. Stored times are independent of it."""
_NO_EXTENSIONS: Config = {
    # DuckDB would run an extension that somebody put into the user's folder with all our rights.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_STATEMENTS: dict[str, list[duckdb.Statement]] = {}
_TRANSACTION_START = "SELECT epoch_us(now())"
"""Within a transaction now() is its start. txid_current() works in DuckDB's own files only."""


def in_memory(config: Config | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory database to attach files or a lake to. It neither installs nor loads an extension
    automatically."""
    con = duckdb.connect(config={**_NO_EXTENSIONS, **(config or {})})
    hide_progress_bar(con)
    return con


def hide_progress_bar(con: duckdb.DuckDBPyConnection) -> None:
    """After two seconds DuckDB would print one on stdout, which is the output of our commands."""
    # In Jupyter without widgets, DuckDB refuses this setting and shows no progress bar.
    with suppress(duckdb.InvalidInputException):
        con.execute("SET enable_progress_bar = false")


def run(
    con: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object] | None = None
) -> duckdb.DuckDBPyConnection:
    """`con.execute` with a cache of parsed statements, for SQL texts of which there are few.

    DuckDB 2 needs about as long to parse the small statements of a load as to run them.
    """
    statements = _STATEMENTS.get(sql)
    if statements is None:
        statements = _STATEMENTS[sql] = con.extract_statements(sql)
    *earlier, last = statements
    for statement in earlier:
        con.execute(statement)
    return con.execute(last, values)


def scalar(
    con: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, object] | None = None
) -> int:
    """The result of a query that gives a single whole number.

    Not by fetchone(): it leaves the result unfinished, and con.sql() refuses to work until then.
    """
    [row] = run(con, query, values).fetchall()
    return cast("tuple[int]", row)[0]


@contextmanager
def atomic(con: duckdb.DuckDBPyConnection) -> Generator[None, None, None]:
    """Run the body in one transaction: COMMIT at its end, ROLLBACK on any exception.

    The exception is raised again. A body that caught the error of a failed statement, or ended the
    transaction itself, raises as well, so that a partial result is never taken for a success.
    """
    con.execute("BEGIN TRANSACTION")
    try:
        start = scalar(con, _TRANSACTION_START)
        yield
        # After a failed statement, DuckDB answers COMMIT with a silent rollback. Any query raises
        # in that state, so run one first.
        if scalar(con, _TRANSACTION_START) != start:
            raise WarehouseError("the transaction was ended within; nothing after that is kept")
        con.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):
            con.execute("ROLLBACK")
        raise


def retry_conflicts(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` up to 8 times while its commit conflicts with that of another writer.

    Conflicts occur only in a lake, with writers other than ours: ours hold the writers' lock.
    """
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_conflict),
        stop=tenacity.stop_after_attempt(8),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=5),
        reraise=True,
    )
    return attempts(work, *args, **kwargs)


def quoted(text: str) -> str:
    """A text as an SQL literal, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


def names(columns: Iterable[str]) -> str:
    """Column names, quoted: `window` and `partition` are words of SQL."""
    return ", ".join(f'"{column}"' for column in columns)


def in_scope(table: ListTable) -> str:
    """The condition that selects the rows of one list; its parameters have the names of the columns."""
    return " AND ".join(f'"{column}" = ${column}' for column in table.scope) or "TRUE"


def same_key(table: ListTable, left: str, right: str) -> str:
    """The condition that rows of `left` and `right`, two names in the query, have the same key."""
    return " AND ".join(f'{left}."{column}" = {right}."{column}"' for column in table.key)


def is_in_use(error: duckdb.Error) -> bool:
    """Whether a file can't be opened because another program has it open for writing."""
    return "Could not set lock" in str(error)


def is_damage(error: duckdb.Error) -> bool:
    """Whether a file is not a whole DuckDB file."""
    return any(words in first_line(error) for words in _DAMAGE)


def is_other_version(error: duckdb.Error) -> bool:
    """Whether a file was written by a DuckDB whose files this DuckDB can't read."""
    return any(words in first_line(error) for words in _OTHER_VERSION)


def is_comment_unsupported(error: duckdb.Error) -> bool:
    """Whether a COMMENT failed because DuckLake keeps those of tables, views and tables' columns only."""
    return any(words in str(error) for words in _COMMENT_UNSUPPORTED)


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, duckdb.TransactionException) and "conflict" in str(error).lower()


_DAMAGE = (
    "not a valid DuckDB database file",
    "Could not read enough bytes",
    "Corrupt",
    "checksum",
    "Serialization Error",
    "INTERNAL Error",
)
_OTHER_VERSION = ("version number", "Unsupported Storage Version")
_COMMENT_UNSUPPORTED = ("Cannot comment on columns", "Unsupported catalog type for SET COMMENT")
