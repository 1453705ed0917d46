"""Asset checks: the warehouse's quality questions, and the freshness of every single list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import duckdb
from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
    MetadataValue,
    asset_check,
)

from channels_assets.config import Freshness, Settings
from channels_assets.defs.partitions import PROMOTERS_NAME, WINDOWS_NAME
from channels_assets.defs.report import evidence_table
from channels_assets.defs.resources import WarehouseResource
from channels_assets.warehouse import (
    CHECKS,
    Evidence,
    ListAge,
    QualityCheck,
    active_shops,
    connect,
    evidence,
    list_ages,
)

FRESH = "every_list_fresh"
COUNTS = ("against_it", "stale", "failed_at_last_try")
SHOPS = "shops"
_SHOWN = 20


@dataclass(frozen=True)
class Promise:
    """How old the lists of an asset may be, in hours.

    `lists` is the name of its partitions, SHOPS for one list per active shop, None for a single one.
    """

    asset: str
    hours: float
    lists: str | None


def promises(freshness: Freshness) -> tuple[Promise, ...]:
    return (
        Promise("window_products", freshness.windows_hours, WINDOWS_NAME),
        Promise("shop_articles", freshness.articles_hours, PROMOTERS_NAME),
        Promise("article_products", freshness.articles_hours, PROMOTERS_NAME),
        Promise("cooperating_shops", freshness.discovery_hours, None),
        Promise("shop_promoters", freshness.discovery_hours, SHOPS),
        Promise("sharers", freshness.discovery_hours, None),
    )


def quality(check: QualityCheck, found: Evidence) -> AssetCheckResult:
    return AssetCheckResult(
        passed=found.passed,
        check_name=check.name,
        asset_key=AssetKey(check.asset),
        severity=AssetCheckSeverity[check.severity],
        description=None if found.passed else f"{check.asks} No: {found.count} are against it.",
        metadata={"against_it": found.count}
        | ({} if found.passed else {"evidence": evidence_table(found)}),
    )


def freshness(promise: Promise, ages: Sequence[ListAge]) -> AssetCheckResult:
    """Passes when every list was read within its promise; names those that were not."""
    limit = promise.hours * 3600
    stale = [one for one in ages if _is_older(one, limit)]
    failed = any(
        one.error is not None if one.seconds is None else _is_older(one, 2 * limit) for one in stale
    )
    rows = [(one.partition or promise.asset, _age(one), one.error or "") for one in stale]
    oldest = Evidence(("list", "age", "last failure"), tuple(rows[:_SHOWN]), len(rows))
    named = "; ".join(f"{row[0]} ({row[1]}{': ' if row[2] else ''}{row[2]})" for row in rows[:3])
    return AssetCheckResult(
        passed=not stale,
        check_name=FRESH,
        asset_key=AssetKey(promise.asset),
        severity=AssetCheckSeverity.ERROR if failed else AssetCheckSeverity.WARN,
        description=f"{len(ages) - len(stale)} of {len(ages)} lists were read within "
        f"{promise.hours:g} h." + (f" Not so: {named}" if stale else ""),
        metadata={
            "lists": len(ages),
            "stale": len(stale),
            "failed_at_last_try": sum(1 for one in ages if one.error is not None),
        }
        | ({"oldest": evidence_table(oldest)} if stale else {}),
    )


def _is_older(one: ListAge, limit: float) -> bool:
    return one.seconds is None or one.seconds > limit or one.is_from_future


def _age(one: ListAge) -> str:
    if one.seconds is None:
        return "never read"
    if one.is_from_future:
        ahead = timedelta(seconds=round(-one.seconds))
        return f"loaded while this machine's clock was ahead by {ahead}: refresh it again"
    hours = one.seconds / 3600
    return f"{hours:.1f} h old" if hours >= 1 else f"{one.seconds / 60:.0f} min old"


def _of_quality(check: QualityCheck) -> AssetChecksDefinition:
    @asset_check(
        asset=check.asset,
        name=check.name,
        config_schema={},
        description=f"{check.asks} ({check.severity.lower()})",
    )
    def run(context: AssetCheckExecutionContext, warehouse: WarehouseResource) -> AssetCheckResult:
        with connect(warehouse.folder) as connection:
            return quality(check, evidence(connection, check))

    return run


def _of_promise(promise: Promise) -> AssetChecksDefinition:
    @asset_check(
        asset=promise.asset,
        name=FRESH,
        config_schema={},
        description=f"Was every single list read within {promise.hours:g} h? Older warns, twice as "
        "old fails. Dagster's own freshness sees the newest list alone.",
    )
    def run(context: AssetCheckExecutionContext, warehouse: WarehouseResource) -> AssetCheckResult:
        with connect(warehouse.folder) as connection:
            return freshness(promise, _ages(connection, context.instance, promise))

    return run


def _ages(
    connection: duckdb.DuckDBPyConnection, instance: DagsterInstance, promise: Promise
) -> list[ListAge]:
    lists: Sequence[str | None] = [None]
    if promise.lists == SHOPS:
        lists = active_shops(connection)
    elif promise.lists is not None:
        lists = instance.get_dynamic_partitions(promise.lists)
    return list_ages(connection, promise.asset, lists)


def definitions(settings: Settings) -> list[AssetChecksDefinition]:
    return [
        *(_of_quality(check) for check in CHECKS),
        *(_of_promise(promise) for promise in promises(settings.freshness)),
    ]


def evaluate(
    connection: duckdb.DuckDBPyConnection, instance: DagsterInstance, settings: Settings
) -> Iterator[AssetCheckEvaluation]:
    """All checks of the assets that channels.toml asks for, without a run."""
    for check in CHECKS:
        if _asked_for(check.asset, settings):
            yield _evaluation(quality(check, evidence(connection, check)))
    for promise in promises(settings.freshness):
        if _asked_for(promise.asset, settings):
            yield _evaluation(freshness(promise, _ages(connection, instance, promise)))


def _asked_for(asset: str, settings: Settings) -> bool:
    return bool(settings.window) if asset == "window_products" else settings.league is not None


def _evaluation(result: AssetCheckResult) -> AssetCheckEvaluation:
    assert result.asset_key is not None  # noqa: S101 (set by quality and freshness)
    metadata: Mapping[str, MetadataValue] = result.metadata
    return AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name or "",
        passed=result.passed,
        metadata=metadata,
        severity=result.severity,
        description=result.description,
    )
