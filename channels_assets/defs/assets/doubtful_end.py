"""A list must not lose rows by a doubtful end until a second refresh in a row says the same.

An end is doubtful where a field that the answer leaves out is its only sign: writers of JSON leave out
an empty list, but an answer may also have lost its list.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from channels_assets.extract.pool import Outcome
from channels_assets.extract.pull import Pulled, PullTask
from channels_assets.warehouse import ListTable, last_failure, rows_held
from channels_assets.wechat.errors import UnconfirmedEnd


def confirmed(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    table: ListTable,
    tasks: Mapping[str, PullTask],
    outcome: Outcome[str],
) -> Pulled | Exception:
    """The list to load, or the reason why it keeps its rows."""
    result = outcome.result
    if isinstance(result, Exception) or not result.end_is_doubtful:
        return result
    task = tasks[outcome.key]
    held = rows_held(connection, table, task.scope)
    if result.items >= held:
        return result
    error = _unconfirmed(result, held, task.request.endpoint.name)
    # A retry of the asset in the same run confirms nothing.
    last = last_failure(connection, table.name, outcome.key or None)
    said = (type(error).__name__, str(error))
    if last is not None and last.run_id != run_id and said == (last.error_class, last.error):
        return result
    # The next refresh must ask the API.
    result.page_file.discard()
    return error


def _unconfirmed(pulled: Pulled, held: int, endpoint: str) -> UnconfirmedEnd:
    """The text is the same for the same answer: the next refresh compares it."""
    error = UnconfirmedEnd(
        f"The list would have {pulled.items} rows instead of {held}, and the only sign of its end is a "
        f"field that the answer leaves out ({pulled.end_reason}).",
        endpoint=endpoint,
        remedy="Its rows stay for now. Refresh again: when the answer is the same, the list is loaded "
        "like that. 应答缺少字段，列表将变短：原数据暂时保留；请再次刷新，若结果相同则按此写入。",
    )
    error.api_calls = pulled.api_calls
    return error
