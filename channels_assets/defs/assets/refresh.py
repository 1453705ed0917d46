"""The body of every asset that pulls: pull many lists at once, load them, record them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain

import duckdb
from dagster import (
    AssetExecutionContext,
    Backoff,
    Jitter,
    RetryPolicy,
)

from channels_assets.config import Settings
from channels_assets.defs.assets.doubtful_end import confirmed
from channels_assets.defs.dagster_internals import batched
from channels_assets.defs.events import (
    FailedPartition,
    Metadata,
    evidence_table,
    failure_of,
    materialization,
    observation,
    table_metadata,
    warehouse_failure,
)
from channels_assets.defs.names import key_beside
from channels_assets.defs.ownership import require_owner
from channels_assets.defs.resources import WarehouseResource
from channels_assets.defs.source_assets import source_key
from channels_assets.extract.page_file import remove_leftovers
from channels_assets.extract.pool import Outcome, pull_all
from channels_assets.extract.prefetch import prefetch
from channels_assets.extract.pull import Pulled, PullTask
from channels_assets.warehouse import (
    LIST_TABLES,
    ListTable,
    ListToLoad,
    LoadRecord,
    LoadStats,
    Store,
    lift_memory_limit,
    load_lists,
    previews,
    raise_machine_error,
    record_failure,
    retry_conflicts,
    with_derived,
)

RETRY = RetryPolicy(max_retries=2, delay=10, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS)


@dataclass(frozen=True)
class RefreshPlan:
    """The lists of one table to pull, by partition key, "" for a table that is a single list.

    `problems` are the keys that can't be pulled, with their reasons.
    """

    table: ListTable
    tasks: Mapping[str, PullTask]
    problems: Mapping[str, Exception] = field(default_factory=dict[str, Exception])

    @property
    def assets(self) -> list[str]:
        """What a load fills; the asset that pulls comes first."""
        return [table.name for table in with_derived(self.table)]


@dataclass
class EndedList:
    """A list that was pulled and loaded, with its stats and metadata by asset; or the reason why not."""

    key: str
    result: Pulled | Exception
    stats: Mapping[str, LoadStats] = field(default_factory=dict[str, LoadStats])
    metadata: dict[str, Metadata] = field(default_factory=dict[str, Metadata])


def refresh_partitions(
    context: AssetExecutionContext,
    warehouse: WarehouseResource,
    settings: Settings,
    plan: RefreshPlan,
    stop: threading.Event,
) -> None:
    """Records each partition when it is loaded; raises Failure at the end when some were not."""
    failed: list[FailedPartition] = []
    loaded = load_in_batches(context, warehouse, settings, plan, stop)
    # The next batch is loaded while this one is recorded.
    with closing(prefetch(loaded, stop)) as batches:
        for batch in batches:
            with batched(context.instance):
                for ended in batch:
                    if isinstance(ended.result, Exception):
                        failed.append(FailedPartition.of(ended.key, ended.result))
                    _record(context, plan, ended)
    warehouse.open(settings).publish()
    if failed:
        order = {key: number for number, key in enumerate([*plan.problems, *plan.tasks])}
        failed.sort(key=lambda failure: order[failure.partition])
        raise failure_of(plan.table.name, failed, len(order))


def load_in_batches(
    context: AssetExecutionContext,
    warehouse: WarehouseResource,
    settings: Settings,
    plan: RefreshPlan,
    stop: threading.Event,
) -> Generator[Sequence[EndedList]]:
    """Pulls the lists of the plan and loads those that ended together in one transaction.

    Raises Failure at once where the Dagster instance belongs to another data folder.
    """
    store = warehouse.open(settings)
    require_owner(context, store, settings)
    folder = warehouse.page_folder(settings)
    remove_leftovers(folder.path, *folder.resumable())
    pulled = pull_all(plan.tasks, folder, settings.api.max_in_flight, stop)
    return _load_in_batches(store, context.run.run_id, plan, pulled)


def _load_in_batches(
    store: Store, run_id: str, plan: RefreshPlan, pulled: Generator[Sequence[Outcome[str]]]
) -> Generator[Sequence[EndedList]]:
    problems = [Outcome(key, error) for key, error in plan.problems.items()]
    with closing(pulled):
        for outcomes in chain([problems] if problems else [], pulled):
            try:
                for outcome in outcomes:
                    if isinstance(outcome.result, Exception):
                        raise_machine_error(outcome.result)
                with store.writing() as connection:
                    batch = _load_batch(connection, run_id, plan, outcomes)
            finally:
                # Where the store can't be opened, the pages stay for a retry.
                for outcome in outcomes:
                    if isinstance(outcome.result, Pulled):
                        outcome.result.page_file.keep()
            yield batch
            store.publish_if_due()


def _load_batch(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    plan: RefreshPlan,
    outcomes: Sequence[Outcome[str]],
) -> list[EndedList]:
    """Loads what was pulled, keeps the reasons of what was not, and removes the page files.

    Page files stay for a retry where the database failed, and not the data in them.
    """
    ended: list[EndedList] = []
    pulled: dict[str, Pulled] = {}
    for outcome in outcomes:
        result = confirmed(connection, run_id, plan.table, plan.tasks, outcome)
        if isinstance(result, Exception):
            ended.append(_failed(connection, run_id, plan, outcome.key, result))
        else:
            pulled[outcome.key] = result
    lists = {key: _list_to_load(plan.tasks[key], key, run_id, each) for key, each in pulled.items()}
    loaded: list[EndedList] = []
    for key, stats in _load_together(connection, plan.table, lists).items():
        if not isinstance(stats, duckdb.OperationalError):
            # Data that does not fit would not fit again: a retry asks the API anew.
            pulled[key].page_file.discard()
        if isinstance(stats, Exception):
            ended.append(_failed(connection, run_id, plan, key, stats))
        else:
            loaded.append(EndedList(key, pulled[key], stats))
    if loaded and not plan.table.keeps_vanished:
        _add_metadata(connection, plan, loaded, [lists[each.key] for each in loaded])
    return [*ended, *loaded]


def _list_to_load(task: PullTask, key: str, run_id: str, pulled: Pulled) -> ListToLoad:
    record = LoadRecord(
        partition=key or None,
        run_id=run_id,
        started_at=pulled.started_at,
        fetched_at=pulled.fetched_at,
        end_reason=pulled.end_reason,
        pages=pulled.pages,
        api_calls=pulled.api_calls,
        total_num=pulled.total_num,
        resumed_pages=pulled.resumed_pages,
        resumed_calls=pulled.resumed_calls,
    )
    return ListToLoad(task.scope, pulled, record, task.constants)


def _load_together(
    connection: duckdb.DuckDBPyConnection, table: ListTable, lists: Mapping[str, ListToLoad]
) -> dict[str, Mapping[str, LoadStats] | Exception]:
    """All lists in one transaction; when that fails, each in its own: an error in one list must not
    keep the others from being loaded."""
    if not lists:
        return {}
    try:
        try:
            stats = retry_conflicts(load_lists, connection, table, list(lists.values()))
        except (duckdb.OutOfMemoryException, duckdb.IOException):
            # What doesn't fit into the memory has no room on the disk either.
            lift_memory_limit(connection)
            stats = retry_conflicts(load_lists, connection, table, list(lists.values()))
        return dict(zip(lists, stats, strict=True))
    except Exception as error:
        if not isinstance(error, duckdb.OutOfMemoryException):
            # Memory may be too small for this one list alone.
            raise_machine_error(error)
        if len(lists) == 1:
            return dict.fromkeys(lists, error)
    results: dict[str, Mapping[str, LoadStats] | Exception] = {}
    for key, to_load in lists.items():
        results.update(_load_together(connection, table, {key: to_load}))
    return results


def _failed(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    plan: RefreshPlan,
    key: str,
    error: Exception,
) -> EndedList:
    for asset in plan.assets:
        failure = FailedPartition.of(key or asset, error)
        record_failure(connection, warehouse_failure(asset, run_id, failure))
    return EndedList(key, error)


def _add_metadata(
    connection: duckdb.DuckDBPyConnection,
    plan: RefreshPlan,
    loaded: Sequence[EndedList],
    lists: Sequence[ListToLoad],
) -> None:
    """A preview for each list. Columns and lineage go with the last list of a batch: the UI reads
    them off the newest materialization."""
    for asset in plan.assets:
        for ended, rows in zip(loaded, previews(connection, asset, lists), strict=True):
            ended.metadata[asset] = {"preview": evidence_table(rows)}
        described = table_metadata(LIST_TABLES[asset], source_key(asset))
        loaded[-1].metadata[asset] = {**loaded[-1].metadata[asset], **described}


def _record(context: AssetExecutionContext, plan: RefreshPlan, ended: EndedList) -> None:
    if isinstance(ended.result, Exception):
        failure = FailedPartition.of(ended.key, ended.result)
        context.log.error(f"{plan.table.name} {ended.key}: {failure.error}")
        for asset in plan.assets:
            context.log_event(observation(key_beside(context, asset), failure))
        return
    # The asset that pulls comes last: a list that has its event is done (keys_to_refresh), so a run
    # that is killed between two events leaves none out.
    for asset in reversed(plan.assets):
        pulled = ended.result if asset == plan.table.name else None
        key = key_beside(context, asset)
        context.log_event(
            materialization(key, ended.key, ended.stats[asset], pulled, ended.metadata[asset])
        )
