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
    MetadataValue,
    asset_check,
)

from channels_assets.config import Settings
from channels_assets.defs.events import evidence_table
from channels_assets.defs.names import Names
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
    own_partition_keys,
)

FRESH = "every_list_fresh"
COUNTS = ("against_it", "stale", "failed_at_last_try")
SHOPS = "shops"
_SHOWN = 20


@dataclass(frozen=True)
class Promise:
    """How old the lists of an asset may be, in hours.

    `lists` is the name of its partition set, SHOPS for one list per active shop, None for a single one.
    """

    asset: str
    hours: float
    lists: str | None


def promises(settings: Settings) -> tuple[Promise, ...]:
    freshness, names = settings.freshness, Names.of(settings)
    return (
        Promise("window_products", freshness.windows_hours, names.windows),
        Promise("shop_articles", freshness.articles_hours, names.article_lists),
        Promise("article_products", freshness.articles_hours, names.article_lists),
        Promise("cooperating_shops", freshness.discovery_hours, None),
        Promise("shop_promoters", freshness.discovery_hours, SHOPS),
        Promise("sharers", freshness.discovery_hours, None),
    )


def quality(key: AssetKey, check: QualityCheck, found: Evidence) -> AssetCheckResult:
    return AssetCheckResult(
        passed=found.passed,
        check_name=check.name,
        asset_key=key,
        severity=AssetCheckSeverity[check.severity],
        description=None if found.passed else f"{check.question} No: {found.count} are against it.",
        metadata={"against_it": found.count}
        | ({} if found.passed else {"evidence": evidence_table(found)}),
    )


def freshness(key: AssetKey, promise: Promise, ages: Sequence[ListAge]) -> AssetCheckResult:
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
        asset_key=key,
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


def _of_quality(key: AssetKey, check: QualityCheck) -> AssetChecksDefinition:
    @asset_check(
        asset=key,
        name=check.name,
        config_schema={},
        description=f"{check.question} ({check.severity.lower()})",
    )
    def run(context: AssetCheckExecutionContext, warehouse: WarehouseResource) -> AssetCheckResult:
        with connect(warehouse.folder) as connection:
            return quality(key, check, evidence(connection, check))

    return run


def _of_promise(key: AssetKey, promise: Promise) -> AssetChecksDefinition:
    @asset_check(
        asset=key,
        name=FRESH,
        config_schema={},
        description=f"Was every single list read within {promise.hours:g} h? Older warns, twice as "
        "old fails. Dagster's own freshness sees the newest list alone.",
    )
    def run(context: AssetCheckExecutionContext, warehouse: WarehouseResource) -> AssetCheckResult:
        with connect(warehouse.folder) as connection:
            return freshness(key, promise, _ages(connection, promise))

    return run


def _ages(connection: duckdb.DuckDBPyConnection, promise: Promise) -> list[ListAge]:
    lists: Sequence[str | None] = [None]
    if promise.lists == SHOPS:
        lists = active_shops(connection)
    elif promise.lists is not None:
        lists = own_partition_keys(connection, promise.lists)
    return list_ages(connection, promise.asset, lists)


def definitions(settings: Settings) -> list[AssetChecksDefinition]:
    keys = Names.of(settings).asset_keys
    return [
        *(_of_quality(keys[check.asset], check) for check in CHECKS),
        *(_of_promise(keys[promise.asset], promise) for promise in promises(settings)),
    ]


def evaluate(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> Iterator[AssetCheckEvaluation]:
    """All checks of the assets that channels.toml asks for, without a run."""
    keys = Names.of(settings).asset_keys
    for check in CHECKS:
        if _asked_for(check.asset, settings):
            yield _evaluation(quality(keys[check.asset], check, evidence(connection, check)))
    for promise in promises(settings):
        if _asked_for(promise.asset, settings):
            yield _evaluation(freshness(keys[promise.asset], promise, _ages(connection, promise)))


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
