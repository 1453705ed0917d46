"""All checks, in order: what stands on what failed is not tried."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from dotenv import load_dotenv

from channels_assets import config
from channels_assets.accounts import Account, Credential, League, Window
from channels_assets.cli.context import bundled_sandbox
from channels_assets.cli.doctor.api_checks import look_at_address, look_at_league, look_at_window
from channels_assets.cli.doctor.finding import Finding, Said, wrong
from channels_assets.cli.doctor.instance_checks import look_at_dagster
from channels_assets.cli.doctor.lake_checks import look_at_lake
from channels_assets.cli.doctor.local_checks import (
    Costs,
    look_at_folder,
    look_at_warehouse,
    missing_secret,
)
from channels_assets.clients import ApiClients
from channels_assets.defs.resources import lake_of

_TRIES = 2


@dataclass(frozen=True)
class Diagnosis:
    """What was found. `sandbox` is the address of the bundled sandbox, where that was looked at."""

    findings: tuple[Finding, ...]
    configured: bool
    sandbox: str = ""

    @property
    def exit_code(self) -> int:
        if not self.configured:
            return 2
        return 1 if any(one.status == "wrong" for one in self.findings) else 0


def diagnose() -> Diagnosis:
    """Looks at everything; without a channels.toml, at the bundled sandbox. Raises nothing of its own."""
    load_dotenv(Path(".env"))
    data = config.data_dir()
    found = list(look_at_folder(data))
    writable = found[0].status == "ok"
    with ExitStack() as stack:
        sandbox = ""
        if not config.config_path().exists() and not os.environ.get("CHANNELS_CONFIG"):
            if not writable:
                return Diagnosis(tuple(found), configured=True)
            sandbox = stack.enter_context(bundled_sandbox(data))
        try:
            settings = config.load_settings(config.config_path())
        except config.ConfigError as error:
            told = Said(str(error), str(error))
            todo = Said("See README.md, Settings.", "参见 README.zh-CN.md 的设置说明。")
            return Diagnosis((wrong("configuration", told, todo), *found), configured=False)
        found.insert(0, Finding("configuration", "ok", _accounts_told(settings, sandbox)))
        costs: Costs = {}
        if writable:
            lake = lake_of(settings)
            found += look_at_lake(lake, costs) if lake else look_at_warehouse(data, settings, costs)
            found += look_at_dagster(data, settings)
        found += _look_at_accounts(settings, data, costs)
        return Diagnosis(tuple(found), configured=True, sandbox=sandbox)


def _accounts_told(settings: config.Settings, sandbox: str) -> Said:
    where = config.config_path()
    windows = len(settings.window)
    told = Said(f"{where}", f"{where}")
    if sandbox:
        told = Said(
            f"no channels.toml here: looking at the bundled sandbox at {sandbox}",
            f"没有 channels.toml：检查的是内置沙盒 {sandbox}",
        )
    league = settings.league is not None
    return Said(
        f"{told.en}; windows: {windows}, league: {'yes' if league else 'no'}",
        f"{told.zh}；橱窗 {windows} 个，联盟带货机构{'有' if league else '无'}",
    )


def _look_at_accounts(settings: config.Settings, data: Path, costs: Costs) -> Iterator[Finding]:
    groups: dict[Credential, list[Account]] = {}
    accounts: list[Account] = [*settings.window, *([settings.league] if settings.league else [])]
    for account in accounts:
        groups.setdefault(account.credential, []).append(account)
    able: list[list[Account]] = []
    for group in groups.values():
        missing = missing_secret(group[0], settings, data)
        if missing is None:
            able.append(group)
            yield Finding("secrets", "ok", Said("present", "已设置"), account=group[0].appid)
        else:
            yield missing
    reachable: dict[str, bool] = {}
    for url in {settings.api.url_for(account.auth): None for account in accounts}:
        finding = look_at_address(url)
        reachable[url] = finding.status == "ok"
        yield finding
    tried = [group for group in able if reachable[settings.api.url_for(group[0].auth)]]
    # The doctor shows the cause soon, without the retries of a refresh.
    clients = ApiClients(settings, data, tries=min(settings.api.tries, _TRIES))

    def look_at(group: list[Account]) -> list[Finding]:
        first = group[0]
        client = clients.client(first)
        if isinstance(first, League):
            return list(look_at_league(first, client, costs))
        windows = [one for one in group if isinstance(one, Window)]
        return list(look_at_window(windows, client, costs))

    with closing(clients), ThreadPoolExecutor(settings.api.max_in_flight) as pool:
        for findings in pool.map(look_at, tried):
            yield from findings
