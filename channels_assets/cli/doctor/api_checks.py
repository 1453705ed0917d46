"""Checks with calls: the address, then for each account one page with one item of each list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tenacity

from channels_assets.accounts import Account, League, Window
from channels_assets.cli.doctor.finding import (
    Finding,
    error_finding,
    swapped_accounts_finding,
    wrong_finding,
)
from channels_assets.cli.doctor.local_checks import Costs
from channels_assets.cli.doctor.quota import LEAGUE_ASSETS, WINDOW_ASSET, check_quota
from channels_assets.defs.source_assets import ENDPOINTS
from channels_assets.language import Bilingual
from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.errcodes import (
    ACCOUNT_TYPE_CODES,
    GRANT_CODES,
    IP_CODES,
    NO_TOKEN_CODES,
    NOT_ALLOWED_CODE,
)
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
    promoter_type_of,
    sharers,
    shop_articles,
    shop_promoters,
)
from channels_assets.wechat.paging import ListRequest, Page, fetch_page
from channels_assets.wechat.quota import QUOTA_PATH
from channels_assets.wechat.request import post_json
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import window_products

_TRIES = 2
_CHECK_NETWORK = Bilingual(
    "Look at the network of this machine, any proxy, and `base_url` in channels.toml.",
    "请检查本机网络、代理，以及 channels.toml 中的 base_url。",
)


def check_address(url: str) -> Finding:
    """Whether WeChat answers there: it must refuse a call without a token with an errcode."""
    transport = RequestsTransport(1)
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_network_error),
        stop=tenacity.stop_after_attempt(_TRIES),
        reraise=True,
    )
    try:
        retrying(
            post_json, transport, url + QUOTA_PATH, {}, b"{}", "address", [], fields=("quota",)
        )
    except UnexpectedResponse as error:
        return wrong_finding(
            "address",
            Bilingual(
                f"Something else than WeChat answers at {url}: {error.reason}",
                f"{url} 的应答不是微信接口：{error.reason}",
            ),
            Bilingual(
                "A proxy or a login page is between, or `base_url` in channels.toml is wrong.",
                "中间可能有代理或上网登录页，或 channels.toml 中的 base_url 有误。",
            ),
        )
    except (Transient, PermissionDenied) as error:
        if error.errcode is None:
            message = Bilingual(
                f"{url} can't be reached: {error.reason}", f"无法连接 {url}：{error.reason}"
            )
            # Its advice holds both languages.
            remedy = Bilingual(error.remedy, error.remedy) if error.remedy else _CHECK_NETWORK
            return wrong_finding("address", message, remedy)
    except WeChatError:
        pass
    finally:
        transport.close()
    return Finding("address", "ok", Bilingual(f"WeChat answers at {url}", f"{url} 可以连接"))


def _is_network_error(error: BaseException) -> bool:
    """An answer of WeChat has an errcode."""
    return isinstance(error, Transient) and error.errcode is None


def check_windows(windows: list[Window], client: Client, costs: Costs) -> Iterator[Finding]:
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
            yield from _failed_checks(account, client, error, cooperating_shops())
            return
        if number == 0:
            yield from _passed_checks(account)
        products += page.total_num if page.total_num is not None else len(page.items)
    cost = costs.get((WINDOW_ASSET, account.appid), 0)
    yield from check_quota(account, client, WINDOW_ASSET, cost)
    count = Bilingual(f"{products} products", f"{products} 个商品")
    yield Finding("lists", "ok", count, account=account.appid)


def check_league(league: League, client: Client, costs: Costs) -> Iterator[Finding]:
    """The lists of the agency: shops, sharers, linked accounts and one list of articles."""
    try:
        shops = _first_page(client, cooperating_shops(page_size=1))
    except WeChatError as error:
        yield from _failed_checks(league, client, error, window_products(page_size=1))
        return
    yield from _passed_checks(league)
    quotas = {
        asset: next(check_quota(league, client, asset, costs.get((asset, ""), 0)))
        for asset in LEAGUE_ASSETS
    }
    not_ok = (finding for finding in quotas.values() if finding.status != "ok")
    yield next(not_ok, quotas["shop_articles"])
    try:
        yield from _league_lists(league, client, shops)
    except WeChatError as error:
        yield error_finding("lists", error, league.appid)


def _league_lists(league: League, client: Client, shops: Page[Any]) -> Iterator[Finding]:
    shop = next(filter(None, shops.keys), None)
    if shop is None:
        yield Finding(
            "lists",
            "warning",
            Bilingual("No shop cooperates with the agency.", "没有合作小店。"),
            Bilingual(
                "Arrange content cooperation with a shop: 联盟带货机构 console → 推客带货 → 内容合作.",
                "请到联盟带货机构后台 → 推客带货 → 内容合作，与小店建立合作。",
            ),
            league.appid,
        )
        return
    bound = [appid for appid in _first_page(client, sharers()).keys if appid]
    wanted = list(league.sharers) if isinstance(league.sharers, tuple) else bound
    unbound = [appid for appid in wanted if appid not in bound and not _is_bound(client, appid)]
    finding = _sharers_finding(league, bound, unbound)
    if finding is not None:
        yield finding
        return
    linked = _first_page(client, shop_promoters(shop))
    for promoter_id, promoter in zip(linked.keys, linked.items, strict=True):
        if not promoter_id:
            continue
        promoter_type = promoter_type_of(promoter)
        if promoter_type in ARTICLE_PROMOTER_TYPES:
            request = shop_articles(
                shop_appid=shop,
                promoter_id=promoter_id,
                promoter_type=promoter_type,
                sharer_appid=wanted[0],
                page_size=1,
            )
            _first_page(client, request)
            break
    yield Finding(
        "lists",
        "ok",
        Bilingual("shops, sharers and articles answer", "小店、推客、文章列表均可读取"),
        account=league.appid,
    )


def _is_bound(client: Client, sharer: str) -> bool:
    """Asks for this sharer alone: an agency may have more sharers than a page holds."""
    return bool(_first_page(client, sharers(sharer_appid=sharer, page_size=1)).items)


def _sharers_finding(league: League, bound: list[str], unbound: list[str]) -> Finding | None:
    if not bound:
        return Finding(
            "lists",
            "warning",
            Bilingual("No sharer is bound to the agency.", "机构没有绑定推客。"),
            Bilingual(
                "Bind one: share links are made for a sharer.", "请先绑定推客：推广参数按推客生成。"
            ),
            league.appid,
        )
    if league.sharers is None and len(bound) > 1:
        return wrong_finding(
            "lists",
            Bilingual(
                f"{len(bound)} sharers or more are bound to the agency, and none is chosen.",
                f"机构绑定了至少 {len(bound)} 个推客，但未指定使用哪个。",
            ),
            Bilingual(
                f'Say in [league] whose share links are wanted: sharers = ["{bound[0]}"] or "all".',
                f'请在 [league] 中指定 sharers = ["{bound[0]}"] 或 "all"。',
            ),
            league.appid,
        )
    if unbound:
        return wrong_finding(
            "lists",
            Bilingual(
                f"The sharer {unbound[0]} is not bound to this agency.",
                f"推客 {unbound[0]} 未绑定该机构。",
            ),
            Bilingual(
                "Bind it, or take it out of `sharers` in channels.toml.",
                "请绑定该推客，或从 channels.toml 的 sharers 中移除。",
            ),
            league.appid,
        )
    return None


def _first_page(client: Client, request: ListRequest[Any]) -> Page[Any]:
    return fetch_page(client, request, "", Calls())


def _passed_checks(account: Account, before: str = "") -> Iterator[Finding]:
    """The checks that an answer proves; with `before`, those that come before that one."""
    kind = "联盟带货机构" if isinstance(account, League) else "视频号助手"
    proved = {
        "token": Bilingual("obtained", "已获取"),
        "ip": Bilingual("accepted", "已被接受"),
        "account_type": Bilingual(kind, kind),
        "capability": Bilingual("on", "已开通"),
    }
    for check, message in proved.items():
        if check == before:
            return
        yield Finding(check, "ok", message, account=account.appid)


def _failed_checks(
    account: Account, client: Client, error: WeChatError, other_type: ListRequest[Any]
) -> Iterator[Finding]:
    """The check that this error belongs to, after those that the call has passed before."""
    finding = _classify(account, client, error, other_type)
    if finding.check not in ("token", "ip"):
        yield from _passed_checks(account, before=finding.check)
    yield finding


def _classify(
    account: Account, client: Client, error: WeChatError, other_type: ListRequest[Any]
) -> Finding:
    if error.errcode == NOT_ALLOWED_CODE and _succeeds(client, other_type):
        return swapped_accounts_finding(account, error)
    if error.errcode in IP_CODES:
        check = "ip"
    elif isinstance(error, QuotaExhausted):
        check = "quota"
    elif error.errcode in ACCOUNT_TYPE_CODES or (
        error.errcode == NOT_ALLOWED_CODE and isinstance(account, League)
    ):
        check = "account_type"
    elif error.errcode in GRANT_CODES:
        check = "capability"
    elif (
        isinstance(error, TokenRejected)
        or error.errcode in NO_TOKEN_CODES
        or _is_of_token_request(error)
    ):
        check = "token"
    else:
        check = "lists"
    return error_finding(check, error, account.appid)


def _is_of_token_request(error: WeChatError) -> bool:
    return error.endpoint not in {endpoint.name for endpoint in ENDPOINTS.values()}


def _succeeds(client: Client, request: ListRequest[Any]) -> bool:
    try:
        _first_page(client, request)
    except WeChatError:
        return False
    return True
