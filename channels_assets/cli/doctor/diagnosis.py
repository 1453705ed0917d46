"""All checks, in order; a check that needs what failed before is left out."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from channels_assets import config
from channels_assets.accounts import Account, Credential, League, Window
from channels_assets.cli.bundled_sandbox import bundled_sandbox
from channels_assets.cli.context import is_configured
from channels_assets.cli.doctor.api_checks import check_address, check_league, check_windows
from channels_assets.cli.doctor.finding import Finding, error_text_finding, wrong_finding
from channels_assets.cli.doctor.instance_checks import check_instance
from channels_assets.cli.doctor.lake_checks import check_lake
from channels_assets.cli.doctor.local_checks import (
    Costs,
    check_data_folder,
    check_warehouse,
    wrong_secret,
)
from channels_assets.clients import ApiClients
from channels_assets.defs.instance import dagster_home
from channels_assets.defs.resources import lake_of
from channels_assets.environment import load_environment
from channels_assets.language import Bilingual
from channels_assets.machine_errors import MachineError
from channels_assets.warehouse import machine_error_of

_TRIES = 2
_DOTENV = Bilingual(
    "Nothing of it was read, and nothing else checked.", "其中的变量均未读取，其余检查未进行。"
)
_UNCHECKED = Bilingual("What comes after it was not checked.", "其后的检查未进行。")


@dataclass(frozen=True)
class Diagnosis:
    """The findings of all checks; `sandbox` is the address of the bundled sandbox if that was checked."""

    findings: tuple[Finding, ...]
    configured: bool
    sandbox: str = ""

    @property
    def exit_code(self) -> int:
        if not self.configured:
            return 2
        return 1 if any(finding.status == "wrong" for finding in self.findings) else 0


def diagnose() -> Diagnosis:
    """Runs all checks; without a channels.toml, of the bundled sandbox. A failed check raises nothing."""
    findings: list[Finding] = []
    try:
        load_environment()
    except (config.ConfigError, MachineError) as error:
        findings = [error_text_finding("configuration", error, _DOTENV)]
        findings += check_data_folder(config.data_dir())
        return Diagnosis(tuple(findings), configured=isinstance(error, MachineError))
    try:
        return _diagnose(findings)
    except Exception as error:
        # What no check has foreseen, as where the disk fills up at this moment.
        if (fault := machine_error_of(error)) is None:
            raise
        findings.append(error_text_finding("data_folder", fault, _UNCHECKED))
        return Diagnosis(tuple(findings), configured=True)


def _diagnose(findings: list[Finding]) -> Diagnosis:
    data = config.data_dir()
    findings += check_data_folder(data)
    writable = findings[-1].check == "disk_space"
    with ExitStack() as stack:
        sandbox = ""
        try:
            dagster_home(data)
            if not is_configured():
                sandbox = stack.enter_context(bundled_sandbox(data, looking=True))
            settings = config.load_settings(config.config_path())
        except config.ConfigError as error:
            remedy = Bilingual("Correct it, and run doctor again.", "请修改后再次运行 doctor。")
            return Diagnosis(
                (wrong_finding("configuration", error.text, remedy), *findings), configured=False
            )
        findings.insert(0, Finding("configuration", "ok", _settings_message(settings, sandbox)))
        costs: Costs = {}
        if writable:
            lake = lake_of(settings)
            findings += check_lake(lake, costs) if lake else check_warehouse(data, settings, costs)
            findings += check_instance(data, settings)
        findings += _check_accounts(settings, data, costs)
        return Diagnosis(tuple(findings), configured=True, sandbox=sandbox)


def _settings_message(settings: config.Settings, sandbox: str) -> Bilingual:
    path = config.config_path()
    windows = len(settings.window)
    source = Bilingual(f"{path}", f"{path}")
    if sandbox:
        source = Bilingual(
            f"no channels.toml here: checking the bundled sandbox at {sandbox}",
            f"没有 channels.toml：检查的是内置沙盒 {sandbox}",
        )
    league = settings.league is not None
    return Bilingual(
        f"{source.en}; windows: {windows}, league: {'yes' if league else 'no'}",
        f"{source.zh}；橱窗 {windows} 个，联盟带货机构{'有' if league else '无'}",
    )


def _check_accounts(settings: config.Settings, data: Path, costs: Costs) -> Iterator[Finding]:
    groups: dict[Credential, list[Account]] = {}
    accounts: list[Account] = [*settings.window, *([settings.league] if settings.league else [])]
    for account in accounts:
        groups.setdefault(account.credential, []).append(account)
    ready: list[list[Account]] = []
    for group in groups.values():
        missing = wrong_secret(group[0], settings, data)
        if missing is None:
            ready.append(group)
            yield Finding("secrets", "ok", Bilingual("present", "已设置"), account=group[0].appid)
        else:
            yield missing
    reachable: dict[str, bool] = {}
    for url in {settings.api.url_for(account.auth): None for account in accounts}:
        finding = check_address(url)
        reachable[url] = finding.status == "ok"
        yield finding
    reachable_groups = [group for group in ready if reachable[settings.api.url_for(group[0].auth)]]
    # A person waits for the answer: fewer retries than in a refresh.
    clients = ApiClients(settings, data, tries=min(settings.api.tries, _TRIES))

    def check(group: list[Account]) -> list[Finding]:
        first = group[0]
        client = clients.client(first)
        if isinstance(first, League):
            return list(check_league(first, client, costs))
        windows = [account for account in group if isinstance(account, Window)]
        return list(check_windows(windows, client, costs))

    with closing(clients), ThreadPoolExecutor(settings.api.max_in_flight) as pool:
        for findings in pool.map(check, reachable_groups):
            yield from findings
