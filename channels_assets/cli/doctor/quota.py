"""Calls left of each API today, and the calls of a full refresh: the check, and `doctor --quota`."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from channels_assets.accounts import Account
from channels_assets.cli.doctor.finding import Finding, error_finding
from channels_assets.cli.doctor.local_checks import Costs
from channels_assets.config import Settings
from channels_assets.defs.names import PULLING, WINDOW_ASSETS
from channels_assets.defs.resources import WeChatResource
from channels_assets.defs.source_assets import ENDPOINTS
from channels_assets.language import Bilingual
from channels_assets.wechat.client import Client
from channels_assets.wechat.errors import WeChatError
from channels_assets.wechat.quota import get_quota

(WINDOW_ASSET,) = WINDOW_ASSETS
_NAMES = (Bilingual("account", "账号"), Bilingual("API", "接口"))
_COUNTS = (
    Bilingual("a day", "每日额度"),
    Bilingual("used", "已用"),
    Bilingual("left", "剩余"),
    Bilingual("a full refresh", "完整刷新一次"),
)
_WRONG = Bilingual("wrong", "错误")
_UNKNOWN = Bilingual("unknown", "微信未告知")
LEAGUE_ASSETS = [asset for asset in PULLING if asset != WINDOW_ASSET]


def print_quota(settings: Settings, costs: Costs, console: Console) -> bool:
    """Prints a line for each account and API; returns False when WeChat refused to answer for some."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _NAMES:
        table.add_column(str(column))
    for column in _COUNTS:
        table.add_column(str(column), justify="right")
    wechat = WeChatResource()
    complete = True
    for account, asset in _accounts_and_assets(settings):
        endpoint = ENDPOINTS[asset]
        appid = account.appid
        cost = costs.get((asset, appid if asset == WINDOW_ASSET else ""), 0)
        try:
            quota = get_quota(wechat.client(account), endpoint.path)
        except WeChatError as error:
            complete = False
            text = f"{appid} {endpoint.name}: {error}"
            console.print(f"[red]{_WRONG}[/red] {escape(text)}")
            continue
        # WeChat's own sample has 0 everywhere: a limit of 0 means that it is unknown.
        counts = [quota.daily_limit, quota.used, quota.remain] if quota.daily_limit else [None] * 3
        cells = [str(_UNKNOWN) if count is None else f"{count:,}" for count in counts]
        if quota.daily_limit and quota.remain is not None and quota.remain < cost:
            cells[2] = f"[red]{cells[2]}[/red]"
        table.add_row(appid, endpoint.name, *cells, f"{cost:,}")
    console.print(table)
    return complete


def _accounts_and_assets(settings: Settings) -> list[tuple[Account, str]]:
    """One pair for each credential and API."""
    windows = {window.credential: window for window in settings.window}
    pairs: list[tuple[Account, str]] = [(window, WINDOW_ASSET) for window in windows.values()]
    if settings.league is not None:
        pairs += [(settings.league, asset) for asset in LEAGUE_ASSETS]
    return pairs


def check_quota(account: Account, client: Client, asset: str, cost: int) -> Iterator[Finding]:
    """Whether the calls left today are enough for a full refresh, which takes `cost` calls."""
    if account.mode.is_cloud:
        # Cloud calls have no quota/get.
        return
    try:
        quota = get_quota(client, ENDPOINTS[asset].path)
    except WeChatError as error:
        finding = error_finding("quota", error, account.appid)
        yield Finding("quota", "warning", finding.message, finding.remedy, account.appid)
        return
    # WeChat's own sample has 0 everywhere: a limit of 0 means that it is unknown.
    if not quota.daily_limit or quota.remain is None:
        yield Finding("quota", "ok", _UNKNOWN, account=account.appid)
        return
    name = ENDPOINTS[asset].name
    left = Bilingual(
        f"{name}: {quota.remain:,} of {quota.daily_limit:,} calls left today",
        f"{name}：今日剩余 {quota.remain:,} / {quota.daily_limit:,} 次",
    )
    if quota.remain >= max(cost, 1):
        yield Finding("quota", "ok", left, account=account.appid)
        return
    message = Bilingual(
        f"{left.en}; a full refresh takes {cost:,}", f"{left.zh}；完整刷新约需 {cost:,} 次"
    )
    remedy = Bilingual(
        "Refresh after the daily reset, presumably at midnight in Shanghai, or less often "
        "([automation] in channels.toml).",
        "请在额度重置后（通常为北京时间零点）再刷新，或降低刷新频率（channels.toml 的 [automation]）。",
    )
    status = "warning" if quota.remain else "wrong"
    yield Finding("quota", status, message, remedy, account.appid)
