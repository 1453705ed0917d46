"""Asset checks: the warehouse's quality checks, and the freshness of every list."""

import re
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
from channels_assets.defs.names import DISCOVERY, Names
from channels_assets.defs.resources import WarehouseResource
from channels_assets.warehouse import (
    CHECKS,
    LIST_TABLES,
    Evidence,
    ListAge,
    QualityCheck,
    active_shops,
    connect,
    evidence,
    list_ages,
    own_partition_keys,
)
from channels_assets.wechat.redaction import redact

FRESH = "every_list_fresh"
COUNTS = ("violations", "stale", "failed_at_last_try")
SHOPS = "shops"
_SHOWN = 20
_NAMED = 3
_LONGEST_CELL = 80
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class FreshnessRule:
    """How old the lists of an asset may be, in hours.

    `lists` is the name of its partition set, SHOPS for one list per active shop, None for a single one.
    """

    asset: str
    hours: float
    lists: str | None


def freshness_rules(settings: Settings) -> tuple[FreshnessRule, ...]:
    freshness, names = settings.freshness, Names.of(settings)
    return (
        FreshnessRule("window_products", freshness.windows_hours, names.windows),
        FreshnessRule("shop_articles", freshness.articles_hours, names.article_lists),
        FreshnessRule("article_products", freshness.articles_hours, names.article_lists),
        *(
            FreshnessRule(
                asset, freshness.discovery_hours, SHOPS if LIST_TABLES[asset].scope else None
            )
            for asset in DISCOVERY
        ),
    )


def quality(key: AssetKey, check: QualityCheck, found: Evidence) -> AssetCheckResult:
    found = _shortened(found)
    return AssetCheckResult(
        passed=found.passed,
        check_name=check.name,
        asset_key=key,
        severity=AssetCheckSeverity[check.severity],
        description=None
        if found.passed
        else f"{check.question} No: {found.count} rows violate it: {_named(found)}. {check.remedy}".strip(),
        metadata={"violations": found.count}
        | ({} if found.passed else {"evidence": evidence_table(found)}),
    )


def _shortened(found: Evidence) -> Evidence:
    """Without what looks like a secret and what a terminal would obey, in cells of at most 80 characters."""
    rows = tuple(tuple(_shown_cell(cell) for cell in row) for row in found.rows)
    return Evidence(found.columns, rows, found.count)


def _shown_cell(cell: str) -> str:
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", redact(cell))[:_LONGEST_CELL]


def _named(found: Evidence) -> str:
    rows = [
        ", ".join(f"{name} {cell}" for name, cell in zip(found.columns, row, strict=True) if cell)
        for row in found.rows[:_NAMED]
    ]
    return "; ".join(rows) + (" ..." if found.count > _NAMED else "")


def freshness(key: AssetKey, rule: FreshnessRule, ages: Sequence[ListAge]) -> AssetCheckResult:
    """Passes when every list was read within the hours of its rule; names those that were not."""
    limit = rule.hours * 3600
    stale = [age for age in ages if _is_older(age, limit)]
    failed = any(
        age.error is not None if age.seconds is None else _is_older(age, 2 * limit) for age in stale
    )
    rows = [(age.partition or rule.asset, _shown(age), age.error or "") for age in stale]
    oldest = Evidence(("list", "age", "last failure"), tuple(rows[:_SHOWN]), len(rows))
    named = "; ".join(f"{row[0]} ({row[1]}{': ' if row[2] else ''}{row[2]})" for row in rows[:3])
    return AssetCheckResult(
        passed=not stale,
        check_name=FRESH,
        asset_key=key,
        severity=AssetCheckSeverity.ERROR if failed else AssetCheckSeverity.WARN,
        description=f"{len(ages) - len(stale)} of {len(ages)} lists were read within "
        f"{rule.hours:g} h." + (f" Too old or never read: {named}" if stale else ""),
        metadata={
            "lists": len(ages),
            "stale": len(stale),
            "failed_at_last_try": sum(1 for age in ages if age.error is not None),
        }
        | ({"oldest": evidence_table(oldest)} if stale else {}),
    )


def _is_older(age: ListAge, limit: float) -> bool:
    return age.seconds is None or age.seconds > limit or age.is_from_future


def _shown(age: ListAge) -> str:
    if age.seconds is None:
        return "never read"
    if age.is_from_future:
        ahead = timedelta(seconds=round(-age.seconds))
        return f"loaded while this machine's clock was ahead by {ahead}: refresh it again"
    hours = age.seconds / 3600
    return f"{hours:.1f} h old" if hours >= 1 else f"{age.seconds / 60:.0f} min old"


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


def _of_rule(key: AssetKey, rule: FreshnessRule) -> AssetChecksDefinition:
    @asset_check(
        asset=key,
        name=FRESH,
        config_schema={},
        description=f"Was every single list read within {rule.hours:g} h? Older warns, twice as "
        "old fails. Dagster's own freshness sees the newest list alone.",
    )
    def run(context: AssetCheckExecutionContext, warehouse: WarehouseResource) -> AssetCheckResult:
        with connect(warehouse.folder) as connection:
            return freshness(key, rule, _ages(connection, rule))

    return run


def _ages(connection: duckdb.DuckDBPyConnection, rule: FreshnessRule) -> list[ListAge]:
    lists: Sequence[str | None] = [None]
    if rule.lists == SHOPS:
        lists = active_shops(connection)
    elif rule.lists is not None:
        lists = own_partition_keys(connection, rule.lists)
    return list_ages(connection, rule.asset, lists)


def definitions(settings: Settings) -> list[AssetChecksDefinition]:
    keys = Names.of(settings).asset_keys
    return [
        *(_of_quality(keys[check.asset], check) for check in CHECKS),
        *(_of_rule(keys[rule.asset], rule) for rule in freshness_rules(settings)),
    ]


def evaluate(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> Iterator[AssetCheckEvaluation]:
    """All checks of the assets that channels.toml asks for, without a run."""
    keys = Names.of(settings).asset_keys
    for check in CHECKS:
        if _asked_for(check.asset, settings):
            yield _evaluation(quality(keys[check.asset], check, evidence(connection, check)))
    for rule in freshness_rules(settings):
        if _asked_for(rule.asset, settings):
            yield _evaluation(freshness(keys[rule.asset], rule, _ages(connection, rule)))


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
