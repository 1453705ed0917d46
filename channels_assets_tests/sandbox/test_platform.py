"""The third-party platform and 云托管: tokens, refresh tokens that change, and calls without a token."""

from collections.abc import Iterator

import pytest
import requests

from channels_assets.sandbox import Fault, Sandbox, World
from channels_assets_tests.sandbox.callers import PRODUCTS, SHOPS, Caller, Json
from channels_assets_tests.sandbox.conftest import Clock

COMPONENT = "/cgi-bin/component/api_component_token"
AUTHORIZER = "/cgi-bin/component/api_authorizer_token"
QUOTA = "/cgi-bin/openapi/quota/get"
ONE_ITEM = {"page_size": 1}
FIRST = {"next_key": "", "page_size": 1}
TOKEN = "cloudbase_access_token"


def _component(window: Caller, **fields: object) -> Json:
    platform = window.sandbox.world.platform
    body = {
        "component_appid": platform.appid,
        "component_appsecret": platform.secret,
        "component_verify_ticket": platform.ticket,
    }
    url = window.sandbox.url + COMPONENT
    return window.session.post(url, json={**body, **fields}, timeout=5).json()


def _authorizer(
    window: Caller, token: str, spelled: str = "component_access_token", **fields: object
) -> Json:
    platform = window.sandbox.world.platform
    body = {
        "component_appid": platform.appid,
        "authorizer_appid": window.appid,
        "authorizer_refresh_token": platform.authorisations[window.appid].refresh_token
        if window.appid in platform.authorisations
        else "x",
    }
    url = window.sandbox.url + AUTHORIZER
    return window.session.post(
        url, params={spelled: token}, json={**body, **fields}, timeout=5
    ).json()


@pytest.fixture
def component_token(window: Caller) -> str:
    return _component(window)["component_access_token"]


def test_the_platforms_token(window: Caller) -> None:
    answer = _component(window)
    assert set(answer) == {"component_access_token", "expires_in"}
    assert answer["expires_in"] == 7200
    assert [call.appid for call in window.sandbox.calls_to(COMPONENT)] == [
        window.sandbox.world.platform.appid
    ]


@pytest.mark.parametrize(
    ("fields", "errcode"),
    [
        ({"component_appid": ""}, 41002),
        ({"component_appid": "wx0000000000000000"}, 61011),
        ({"component_appsecret": "x"}, 40125),
        ({"component_verify_ticket": "ticket@@@other"}, 61006),
    ],
)
def test_the_platforms_token_refused(window: Caller, fields: Json, errcode: int) -> None:
    answer = _component(window, **fields)
    assert answer["errcode"] == errcode
    assert " rid: " in answer["errmsg"]


def test_a_ticket_of_yesterday(window: Caller) -> None:
    platform = window.sandbox.world.platform
    old, platform.ticket = platform.ticket, "ticket@@@new"
    platform.expired_tickets.add(old)
    assert _component(window, component_verify_ticket=old)["errcode"] == 61005
    assert "component_access_token" in _component(window)


@pytest.mark.parametrize("spelled", ["access_token", "component_access_token"])
def test_an_accounts_token_with_both_spellings(
    window: Caller, component_token: str, spelled: str
) -> None:
    answer = _authorizer(window, component_token, spelled)
    assert set(answer) == {"authorizer_access_token", "expires_in", "authorizer_refresh_token"}
    window.token = answer["authorizer_access_token"]
    assert window.errcode(PRODUCTS, ONE_ITEM) == 0
    assert "quota" in window.call(QUOTA, {"cgi_path": PRODUCTS})
    assert window.errcode(SHOPS, {"next_key": "", "page_size": 1}) == 61007


def test_an_accounts_token_refused(window: Caller, league: Caller, component_token: str) -> None:
    assert _authorizer(window, "")["errcode"] == 41001
    assert _authorizer(window, window.token)["errcode"] == 61011
    assert _authorizer(window, component_token, component_appid="wx0")["errcode"] == 61011
    assert _authorizer(league, component_token)["errcode"] == 61003
    assert _authorizer(window, component_token, authorizer_refresh_token="x")["errcode"] == 61023
    others = list(window.sandbox.world.platform.authorisations.values())[1].refresh_token
    refused = _authorizer(window, component_token, authorizer_refresh_token=others)
    assert refused["errcode"] == 61023


def test_a_refresh_token_is_replaced_and_works_five_minutes_more(
    window: Caller, component_token: str, clock: Clock
) -> None:
    granted = window.sandbox.world.platform.authorisations[window.appid]
    first = granted.refresh_token
    second = _authorizer(window, component_token)["authorizer_refresh_token"]
    assert second == granted.refresh_token != first
    clock.now += 299
    late = _authorizer(window, component_token, authorizer_refresh_token=first)
    assert late["authorizer_refresh_token"] == second
    clock.now += 1
    too_late = _authorizer(window, component_token, authorizer_refresh_token=first)
    assert too_late["errcode"] == 61023
    assert "errcode" not in _authorizer(window, component_token)


def test_the_platforms_token_does_not_read_lists(window: Caller, component_token: str) -> None:
    window.token = component_token
    assert window.errcode(PRODUCTS, ONE_ITEM) == 48001


def test_without_permission_sets_and_without_authorisation(
    window: Caller, component_token: str
) -> None:
    platform = window.sandbox.world.platform
    window.token = _authorizer(window, component_token)["authorizer_access_token"]
    platform.authorisations[window.appid].permission_sets = {1, 2}
    assert window.errcode(PRODUCTS, ONE_ITEM) == 61007
    platform.authorisations[window.appid].permission_sets = {133}
    assert window.errcode(PRODUCTS, ONE_ITEM) == 0
    del platform.authorisations[window.appid]
    assert window.errcode(PRODUCTS, ONE_ITEM) == 61003


def test_tokens_knows_all_that_must_not_leak(
    window: Caller, sandbox: Sandbox, component_token: str
) -> None:
    platform = sandbox.world.platform
    first = platform.authorisations[window.appid].refresh_token
    answer = _authorizer(window, component_token)
    seen = {component_token, first, answer["authorizer_access_token"]}
    seen |= {answer["authorizer_refresh_token"], platform.secret, platform.ticket}
    assert seen <= sandbox.tokens


def _post(sandbox: Sandbox, path: str, body: object, **query: str) -> requests.Response:
    return requests.post(sandbox.url + path, params=query, json=body, timeout=5)


def test_the_pushed_token_reads_the_window_list_and_nothing_else(window: Caller) -> None:
    token = window.sandbox.push_cloud_token(window.appid)
    answer = _post(window.sandbox, PRODUCTS, ONE_ITEM, **{TOKEN: token})
    assert answer.json()["products"] == window.call(PRODUCTS, ONE_ITEM)["products"]
    assert "x-openapi-seqid" not in answer.headers
    assert window.sandbox.calls_to(PRODUCTS)[0].appid == window.appid
    assert _post(window.sandbox, SHOPS, FIRST, **{TOKEN: token}).json()["errcode"] == 48001


def test_the_pushed_token_under_the_other_name(window: Caller) -> None:
    token = window.sandbox.push_cloud_token(window.appid)
    refused = _post(window.sandbox, PRODUCTS, ONE_ITEM, access_token=token).json()
    assert refused["errcode"] == 40001
    swapped = _post(window.sandbox, PRODUCTS, ONE_ITEM, **{TOKEN: window.token}).json()
    assert swapped["errcode"] == 40001


def test_the_pushed_token_works_for_half_an_hour(window: Caller, clock: Clock) -> None:
    first = window.sandbox.push_cloud_token(window.appid)
    clock.now += 600
    second = window.sandbox.push_cloud_token(window.appid)
    assert first != second
    clock.now += 1199
    assert _post(window.sandbox, PRODUCTS, ONE_ITEM, **{TOKEN: first}).json()["errcode"] == 0
    clock.now += 1
    assert _post(window.sandbox, PRODUCTS, ONE_ITEM, **{TOKEN: first}).json()["errcode"] == 42001
    assert _post(window.sandbox, PRODUCTS, ONE_ITEM, **{TOKEN: second}).json()["errcode"] == 0
    assert {first, second} <= window.sandbox.tokens


@pytest.fixture
def open_api(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, open_api_for=next(iter(world.windows))) as sandbox:
        yield sandbox


def test_open_api_needs_no_token_and_says_so(open_api: Sandbox, world: World) -> None:
    answer = _post(open_api, PRODUCTS, ONE_ITEM)
    appid = next(iter(world.windows))
    assert answer.json()["products"] == world.products_for(appid)[:1]
    assert answer.headers["x-openapi-seqid"]
    assert [call.appid for call in open_api.calls] == [appid]


def test_open_api_is_for_the_window_list_and_calls_without_a_token(open_api: Sandbox) -> None:
    assert _post(open_api, SHOPS, FIRST).json()["errcode"] == 41001
    assert _post(open_api, PRODUCTS, ONE_ITEM, access_token="x").json()["errcode"] == 40014


def test_open_api_has_no_header_on_failures(open_api: Sandbox) -> None:
    open_api.inject(Fault("window_banned"))
    assert "x-openapi-seqid" not in _post(open_api, PRODUCTS, ONE_ITEM).headers


def test_without_open_api_a_token_is_needed(sandbox: Sandbox) -> None:
    assert _post(sandbox, PRODUCTS, ONE_ITEM).json()["errcode"] == 41001
