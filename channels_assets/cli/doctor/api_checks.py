"""What it takes to ask WeChat: the address, and for each account one call of each list, one item each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tenacity

from channels_assets.accounts import Account, League, Window
from channels_assets.cli.doctor.finding import Finding, Said, of_error, wrong
from channels_assets.cli.doctor.local_checks import Costs
from channels_assets.defs.names import DISCOVERY
from channels_assets.defs.source_assets import ENDPOINTS
from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.errors import (
    PermissionDenied,
    QuotaExhausted,
    TokenRejected,
    Transient,
    UnexpectedResponse,
    WeChatError,
)
from channels_assets.wechat.league import (
    ARTICLE_PROMOTER_TYPES,
    cooperating_shops,
    sharers,
    shop_articles,
    shop_promoters,
)
from channels_assets.wechat.paging import ListRequest, Page, fetch_page
from channels_assets.wechat.quota import QUOTA_PATH, get_quota
from channels_assets.wechat.request import exchange
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import window_products

_TRIES = 2
_IP_CODES = (40164, 45035, 61004)
_TYPE_CODES = (10022001, 76022)
_NOT_ALLOWED = 48001
_NO_TOKEN = (41001, 43003)
_GRANTS = (48001, 61003, 61007, -604101)
_LOOK_AROUND = Said(
    "Look at the network of this machine, any proxy, and `base_url` in channels.toml.",
    "请检查本机网络、代理，以及 channels.toml 中的 base_url。",
)


def look_at_address(url: str) -> Finding:
    """Whether WeChat answers there: a call without a token must be refused in its own words."""
    transport = RequestsTransport(1)
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_on_the_way),
        stop=tenacity.stop_after_attempt(_TRIES),
        reraise=True,
    )
    try:
        retrying(exchange, transport, url + QUOTA_PATH, {}, b"{}", "address", [])
    except UnexpectedResponse as error:
        return wrong(
            "address",
            Said(
                f"Something else than WeChat answers at {url}: {error.what}",
                f"{url} 的应答不是微信接口：{error.what}",
            ),
            Said(
                "A proxy or a login page is between, or `base_url` in channels.toml is wrong.",
                "中间可能有代理或上网登录页，或 channels.toml 中的 base_url 有误。",
            ),
        )
    except (Transient, PermissionDenied) as error:
        if error.errcode is None:
            what = Said(f"{url} can't be reached: {error.what}", f"无法连接 {url}：{error.what}")
            # An advice speaks both languages.
            todo = Said(error.advice, error.advice) if error.advice else _LOOK_AROUND
            return wrong("address", what, todo)
    except WeChatError:
        pass
    finally:
        transport.close()
    return Finding("address", "ok", Said(f"WeChat answers at {url}", f"{url} 可以连接"))


def _is_on_the_way(error: BaseException) -> bool:
    """Rather than WeChat's own word, which has an errcode."""
    return isinstance(error, Transient) and error.errcode is None


def look_at_window(windows: list[Window], client: Client, costs: Costs) -> Iterator[Finding]:
    """All windows of one account."""
    account = windows[0]
    products = 0
    for number, window in enumerate(windows):
        request = window_products(
            page_size=1,
            appid=window.shop_appid,
            branch_id=window.branch_id,
            query_cps_product=window.cps_only,
        )
        try:
            page = _first_page(client, request)
        except WeChatError as error:
            yield from _refused(account, client, error, cooperating_shops())
            return
        if number == 0:
            yield from _accepted(account)
        products += page.total_num if page.total_num is not None else len(page.items)
    cost = costs.get(("window_products", account.appid), 0)
    yield from _quota(account, client, "window_products", cost)
    told = Said(f"{products} products", f"{products} 个商品")
    yield Finding("lists", "ok", told, account=account.appid)


def look_at_league(league: League, client: Client, costs: Costs) -> Iterator[Finding]:
    """The agency: its shops, sharers, linked accounts and one article list."""
    try:
        shops = _first_page(client, cooperating_shops(page_size=1))
    except WeChatError as error:
        yield from _refused(league, client, error, window_products(page_size=1))
        return
    yield from _accepted(league)
    for asset in (*DISCOVERY, "shop_articles"):
        finding = next(_quota(league, client, asset, costs.get((asset, ""), 0)))
        if finding.status != "ok" or asset == "shop_articles":
            yield finding
            break
    try:
        yield from _league_lists(league, client, shops)
    except WeChatError as error:
        yield of_error("lists", error, league.appid)


def _league_lists(league: League, client: Client, shops: Page[Any]) -> Iterator[Finding]:
    if not shops.items:
        yield Finding(
            "lists",
            "warning",
            Said("No shop cooperates with the agency.", "没有合作小店。"),
            Said(
                "Arrange content cooperation with a shop: 联盟带货机构 console → 推客带货 → 内容合作.",
                "请到联盟带货机构后台 → 推客带货 → 内容合作，与小店建立合作。",
            ),
            league.appid,
        )
        return
    bound = [one.sharer_appid for one in _first_page(client, sharers()).items]
    wanted = list(league.sharers) if isinstance(league.sharers, tuple) else bound
    unbound = [one for one in wanted if one not in bound and not _is_bound(client, one)]
    finding = _sharers_finding(league, bound, unbound)
    if finding is not None:
        yield finding
        return
    shop = shops.items[0].shop_appid
    linked = _first_page(client, shop_promoters(shop)).items
    for one in linked:
        if one.promoter_type in ARTICLE_PROMOTER_TYPES:
            request = shop_articles(
                shop_appid=shop,
                promoter_id=one.promoter_id,
                promoter_type=one.promoter_type,
                sharer_appid=wanted[0],
                page_size=1,
            )
            _first_page(client, request)
            break
    yield Finding(
        "lists",
        "ok",
        Said("shops, sharers and articles answer", "小店、推客、文章列表均可读取"),
        account=league.appid,
    )


def _is_bound(client: Client, sharer: str) -> bool:
    """Asked for by its id: an agency may have more sharers than a page holds."""
    return bool(_first_page(client, sharers(sharer_appid=sharer, page_size=1)).items)


def _sharers_finding(league: League, bound: list[str], unbound: list[str]) -> Finding | None:
    if not bound:
        return Finding(
            "lists",
            "warning",
            Said("No sharer is bound to the agency.", "机构没有绑定推客。"),
            Said(
                "Bind one: share links are made for a sharer.", "请先绑定推客：推广参数按推客生成。"
            ),
            league.appid,
        )
    if league.sharers is None and len(bound) > 1:
        return wrong(
            "lists",
            Said(
                f"{len(bound)} sharers or more are bound to the agency, and none is chosen.",
                f"机构绑定了至少 {len(bound)} 个推客，但未指定使用哪个。",
            ),
            Said(
                f'Say in [league] whose share links are wanted: sharers = ["{bound[0]}"] or "all".',
                f'请在 [league] 中指定 sharers = ["{bound[0]}"] 或 "all"。',
            ),
            league.appid,
        )
    if unbound:
        return wrong(
            "lists",
            Said(
                f"The sharer {unbound[0]} is not bound to this agency.",
                f"推客 {unbound[0]} 未绑定该机构。",
            ),
            Said(
                "Bind it, or take it out of `sharers` in channels.toml.",
                "请绑定该推客，或从 channels.toml 的 sharers 中移除。",
            ),
            league.appid,
        )
    return None


def _first_page(client: Client, request: ListRequest[Any]) -> Page[Any]:
    return fetch_page(client, request, "", Calls())


def _accepted(account: Account, before: str = "") -> Iterator[Finding]:
    """What an answer proves: all of these, or those that come before the check that failed."""
    kind = "联盟带货机构" if isinstance(account, League) else "视频号助手"
    proven = {
        "token": Said("obtained", "已获取"),
        "ip": Said("accepted", "已被接受"),
        "account_type": Said(kind, kind),
        "capability": Said("on", "已开通"),
    }
    for check, what in proven.items():
        if check == before:
            return
        yield Finding(check, "ok", what, account=account.appid)


def _refused(
    account: Account, client: Client, error: WeChatError, of_other_type: ListRequest[Any]
) -> Iterator[Finding]:
    """Which of the checks it is that failed."""
    finding = _cause(account, client, error, of_other_type)
    if finding.check not in ("token", "ip"):
        yield from _accepted(account, before=finding.check)
    yield finding


def _cause(
    account: Account, client: Client, error: WeChatError, of_other_type: ListRequest[Any]
) -> Finding:
    if error.errcode == _NOT_ALLOWED and _answers(client, of_other_type):
        return _swapped(account, error)
    if error.errcode in _IP_CODES:
        check = "ip"
    elif isinstance(error, QuotaExhausted):
        check = "quota"
    elif error.errcode in _TYPE_CODES or (
        error.errcode == _NOT_ALLOWED and isinstance(account, League)
    ):
        check = "account_type"
    elif error.errcode in _GRANTS:
        check = "capability"
    elif isinstance(error, TokenRejected) or error.errcode in _NO_TOKEN or _of_token_call(error):
        check = "token"
    else:
        check = "lists"
    return of_error(check, error, account.appid)


def _of_token_call(error: WeChatError) -> bool:
    return error.endpoint not in {endpoint.name for endpoint in ENDPOINTS.values()}


def _answers(client: Client, request: ListRequest[Any]) -> bool:
    try:
        _first_page(client, request)
    except WeChatError:
        return False
    return True


def _swapped(account: Account, error: WeChatError) -> Finding:
    is_league = isinstance(account, League)
    here, there = ("[league]", "[[window]]") if is_league else ("[[window]]", "[league]")
    found, wanted = ("视频号助手", "联盟带货机构") if is_league else ("联盟带货机构", "视频号助手")
    return wrong(
        "account_type",
        Said(
            f"{account.appid} is a {found} account, but {here} needs a {wanted} account "
            f"[errcode {error.errcode}]",
            f"{account.appid} 是{found}账号，而 {here} 需要{wanted}账号 [errcode {error.errcode}]",
        ),
        Said(
            f"Put it under {there} in channels.toml, and the {wanted} account's appid and secret "
            f"under {here}.",
            f"请在 channels.toml 中把它移到 {there}，并在 {here} 填写{wanted}账号的 appid 和 secret。",
        ),
        account.appid,
    )


def _quota(account: Account, client: Client, asset: str, cost: int) -> Iterator[Finding]:
    if account.auth in ("cloud_token", "cloud_open_api"):
        # Cloud calls have no quota/get.
        return
    try:
        quota = get_quota(client, ENDPOINTS[asset].path)
    except WeChatError as error:
        found = of_error("quota", error, account.appid)
        yield Finding("quota", "warning", found.what, found.todo, account.appid)
        return
    # WeChat's own sample has 0 everywhere: a limit of 0 says nothing.
    if not quota.daily_limit or quota.remain is None:
        yield Finding("quota", "ok", Said("not told", "微信未告知"), account=account.appid)
        return
    name = ENDPOINTS[asset].name
    left = Said(
        f"{name}: {quota.remain:,} of {quota.daily_limit:,} calls left today",
        f"{name}：今日剩余 {quota.remain:,} / {quota.daily_limit:,} 次",
    )
    if quota.remain >= max(cost, 1):
        yield Finding("quota", "ok", left, account=account.appid)
        return
    needs = Said(
        f"{left.en}; a full refresh takes {cost:,}", f"{left.zh}；完整刷新约需 {cost:,} 次"
    )
    todo = Said(
        "Refresh after the daily reset, presumably at midnight in Shanghai, or less often "
        "([automation] in channels.toml).",
        "请在额度重置后（通常为北京时间零点）再刷新，或降低刷新频率（channels.toml 的 [automation]）。",
    )
    yield Finding("quota", "wrong" if not quota.remain else "warning", needs, todo, account.appid)
