"""`channels-assets doctor --quota`: what is left of each API today, and what a full refresh costs."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from channels_assets.accounts import Account
from channels_assets.cli.context import Surroundings
from channels_assets.config import Settings
from channels_assets.defs.resources import WeChatResource
from channels_assets.defs.source_assets import ENDPOINTS
from channels_assets.warehouse import calls_of_last_loads
from channels_assets.wechat.errors import WeChatError
from channels_assets.wechat.quota import get_quota


def print_quota(around: Surroundings, console: Console) -> bool:
    """Prints a line for each account and API; false when some could not be asked."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("account", "API"):
        table.add_column(column)
    for column in ("a day", "used", "left", "a full refresh"):
        table.add_column(column, justify="right")
    wechat = WeChatResource()
    with around.store.writing() as connection:
        costs = calls_of_last_loads(connection)
    good = True
    for account, asset in _asked(around.settings):
        endpoint = ENDPOINTS[asset]
        appid = account.appid
        cost = costs.get((asset, appid if asset == "window_products" else ""), 0)
        try:
            quota = get_quota(wechat.client(account), endpoint.path)
        except WeChatError as error:
            good = False
            console.print(f"[red]wrong[/red] {appid} {endpoint.name}: {escape(str(error))}")
            continue
        # WeChat's own sample has 0 everywhere: a limit of 0 says nothing.
        told = [quota.daily_limit, quota.used, quota.remain] if quota.daily_limit else [None] * 3
        shown = ["not told" if one is None else f"{one:,}" for one in told]
        if quota.daily_limit and quota.remain is not None and quota.remain < cost:
            shown[2] = f"[red]{shown[2]}[/red]"
        table.add_row(appid, endpoint.name, *shown, f"{cost:,}")
    console.print(table)
    return good


def _asked(settings: Settings) -> list[tuple[Account, str]]:
    """Account and asset, once for each credential and API."""
    windows = {one.credential: one for one in settings.window}
    asked: list[tuple[Account, str]] = [(one, "window_products") for one in windows.values()]
    if settings.league is not None:
        of_league = [asset for asset in ENDPOINTS if asset != "window_products"]
        asked += [(settings.league, asset) for asset in of_league]
    return asked
