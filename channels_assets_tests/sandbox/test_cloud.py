"""云托管: the pushed token, and 开放接口服务, which takes calls without one."""

from collections.abc import Iterator

import pytest
import requests

from channels_assets.sandbox import Fault, Sandbox, World
from channels_assets_tests.sandbox.callers import PRODUCTS, SHOPS, Caller
from channels_assets_tests.sandbox.conftest import Clock

ONE = {"page_size": 1}
FIRST = {"next_key": "", "page_size": 1}
TOKEN = "cloudbase_access_token"


def _post(sandbox: Sandbox, path: str, body: object, **query: str) -> requests.Response:
    return requests.post(sandbox.url + path, params=query, json=body, timeout=5)


def test_the_pushed_token_reads_the_window_list_and_nothing_else(window: Caller) -> None:
    token = window.sandbox.push_cloud_token(window.appid)
    answer = _post(window.sandbox, PRODUCTS, ONE, **{TOKEN: token})
    assert answer.json()["products"] == window.call(PRODUCTS, ONE)["products"]
    assert "x-openapi-seqid" not in answer.headers
    assert window.sandbox.calls_to(PRODUCTS)[0].appid == window.appid
    assert _post(window.sandbox, SHOPS, FIRST, **{TOKEN: token}).json()["errcode"] == 48001


def test_the_pushed_token_under_the_other_name(window: Caller) -> None:
    token = window.sandbox.push_cloud_token(window.appid)
    refused = _post(window.sandbox, PRODUCTS, ONE, access_token=token).json()
    assert refused["errcode"] == 40001
    swapped = _post(window.sandbox, PRODUCTS, ONE, **{TOKEN: window.token}).json()
    assert swapped["errcode"] == 40001


def test_the_pushed_token_works_for_half_an_hour(window: Caller, clock: Clock) -> None:
    first = window.sandbox.push_cloud_token(window.appid)
    clock.now += 600
    second = window.sandbox.push_cloud_token(window.appid)
    assert first != second
    clock.now += 1199
    assert _post(window.sandbox, PRODUCTS, ONE, **{TOKEN: first}).json()["errcode"] == 0
    clock.now += 1
    assert _post(window.sandbox, PRODUCTS, ONE, **{TOKEN: first}).json()["errcode"] == 42001
    assert _post(window.sandbox, PRODUCTS, ONE, **{TOKEN: second}).json()["errcode"] == 0
    assert {first, second} <= window.sandbox.tokens


@pytest.fixture
def open_api(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, open_api_for=next(iter(world.windows))) as sandbox:
        yield sandbox


def test_open_api_needs_no_token_and_says_so(open_api: Sandbox, world: World) -> None:
    answer = _post(open_api, PRODUCTS, ONE)
    appid = next(iter(world.windows))
    assert answer.json()["products"] == world.products_for(appid)[:1]
    assert answer.headers["x-openapi-seqid"]
    assert [call.appid for call in open_api.calls] == [appid]


def test_open_api_is_for_the_window_list_and_calls_without_a_token(open_api: Sandbox) -> None:
    assert _post(open_api, SHOPS, FIRST).json()["errcode"] == 41001
    assert _post(open_api, PRODUCTS, ONE, access_token="x").json()["errcode"] == 40014


def test_open_api_has_no_header_on_failures(open_api: Sandbox) -> None:
    open_api.inject(Fault("window_banned"))
    assert "x-openapi-seqid" not in _post(open_api, PRODUCTS, ONE).headers


def test_without_open_api_a_token_is_needed(sandbox: Sandbox) -> None:
    assert _post(sandbox, PRODUCTS, ONE).json()["errcode"] == 41001
