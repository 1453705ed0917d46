"""What is checked before a call is answered: method, path, body, token, type of account."""

import pytest

from channels_assets_tests.sandbox.callers import (
    ARTICLES,
    PRODUCTS,
    PROMOTERS,
    SHARERS,
    SHOPS,
    Caller,
)

GOOD = b'{"page_size": 1}'
QUOTA = "/cgi-bin/openapi/quota/get"
CLEAR = "/cgi-bin/clear_quota"
RID = "/cgi-bin/openapi/rid/get"


@pytest.mark.parametrize(
    ("method", "path", "body", "errcode"),
    [
        ("POST", "/channels/ec/window/product/list", GOOD, 40066),
        ("GET", "/", b"", 40066),
        ("GET", PRODUCTS, b"", 43002),
        ("POST", PRODUCTS, b"", 44002),
        ("POST", PRODUCTS, b"{", 47001),
        ("POST", PRODUCTS, b"[]", 47001),
        ("POST", PRODUCTS, b'{"page_size": NaN}', 47001),
        ("POST", PRODUCTS, b'{"appid": "\xff"}', 47001),
        ("POST", PRODUCTS, GOOD, 0),
    ],
)
def test_methods_paths_and_bodies(
    window: Caller, method: str, path: str, body: bytes, errcode: int
) -> None:
    url = window.sandbox.url + path
    answer = window.session.request(
        method, url, params={"access_token": window.token}, data=body, timeout=5
    )
    assert answer.status_code == 200
    assert answer.json()["errcode"] == errcode
    assert answer.headers["Content-Type"] == "application/json; encoding=utf-8"


@pytest.mark.parametrize(
    ("token", "errcode"),
    [("", 41001), ("nonsense", 40014), ("90_" + "x" * 100, 40001), ("90_" + "é" * 100, 40014)],
)
def test_bad_tokens(window: Caller, token: str, errcode: int) -> None:
    window.token = token
    assert window.errcode(PRODUCTS, {"page_size": 1}) == errcode


def test_missing_token(window: Caller) -> None:
    answer = window.session.post(window.sandbox.url + PRODUCTS, json={"page_size": 1}, timeout=5)
    assert answer.json()["errcode"] == 41001


@pytest.mark.parametrize("path", [ARTICLES, SHOPS, PROMOTERS, SHARERS])
def test_window_account_has_no_promoter_lists(window: Caller, path: str) -> None:
    assert window.errcode(path, {"next_key": "", "page_size": 1}) == 48001


def test_agency_has_no_window(league: Caller) -> None:
    assert league.errcode(PRODUCTS, {"page_size": 1}) == 48001


@pytest.mark.parametrize("path", [QUOTA, CLEAR, RID])
def test_they_need_a_token(window: Caller, path: str) -> None:
    window.token = ""
    assert window.errcode(path, {}) == 41001
