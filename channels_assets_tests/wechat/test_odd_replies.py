"""Replies that are not WeChat's, row by row: which error, after how many calls, and what it says."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import suppress

import pytest

from channels_assets.defs.events import FailedPartition
from channels_assets.wechat.auth.stable_token import StableToken
from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.errors import (
    BadRequest,
    PermissionDenied,
    RateLimited,
    Transient,
    UnexpectedResponse,
    WeChatError,
)
from channels_assets.wechat.outage import Outage
from channels_assets.wechat.paging import fetch_page
from channels_assets.wechat.quota import get_quota
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import window_products
from channels_assets_tests.helpers.scripted import FixedToken, Json, Raw, ScriptedApi

TRIES = 3
GATEWAY: Json = {"code": 502, "message": "upstream connect error", "path": "/channels"}
ECHO: Json = {"error": "denied", "url": f"https://x/?access_token={FixedToken.text}&b=1"}
PRODUCTS: Json = {"errcode": 0, "errmsg": "ok", "products": [{"product_id": "1"}], "total_num": 1}
BETWEEN = ("not from WeChat", "`base_url`", "HTTPS_PROXY", "代理、网关或边车")


def client_of(url: str, policy: RetryPolicy | None = None, outage: Outage | None = None) -> Client:
    retry = policy or RetryPolicy(tries=TRIES, backoff_seconds=0.0)
    return Client(RequestsTransport(), url, FixedToken(), retry=retry, outage=outage)


def failure(client: Client, calls: Calls | None = None) -> WeChatError:
    with pytest.raises(WeChatError) as caught:
        fetch_page(client, window_products(), "", calls or Calls())
    assert "SeCrEt" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("reply", "kind", "calls", "words"),
    [
        (GATEWAY, UnexpectedResponse, TRIES, ("JSON, but not WeChat's", "upstream connect error")),
        (Raw(200, ECHO), UnexpectedResponse, TRIES, ("not WeChat's", "denied", "access_token=***")),
        ({"status": 0, "data": {}}, UnexpectedResponse, TRIES, ("not WeChat's", "data")),
        (Raw(502, GATEWAY), Transient, TRIES, ("HTTP 502", "upstream connect error")),
        (Raw(403, ECHO), PermissionDenied, 1, ("HTTP 403", "denied", "access_token=***")),
        *(
            (Raw(status, GATEWAY), PermissionDenied, 1, (f"HTTP {status}", "upstream"))
            for status in (400, 401, 404, 405, 410, 413, 414, 421, 431, 451)
        ),
        *((Raw(status, b"<p>"), PermissionDenied, 1, (f"HTTP {status}",)) for status in (403, 404)),
        *((Raw(status, GATEWAY), Transient, TRIES, ()) for status in (408, 425, 500, 503, 504)),
        (Raw(429, GATEWAY), RateLimited, TRIES, ("HTTP 429",)),
    ],
)
def test_what_is_not_from_wechat(
    reply: Json | Raw, kind: type[WeChatError], calls: int, words: tuple[str, ...]
) -> None:
    with ScriptedApi(lambda *_: reply) as api:
        error = failure(client_of(api.url))
        assert len(api.asked) == calls
    assert type(error) is kind
    assert [word for word in (*words, *BETWEEN) if word not in str(error)] == []


@pytest.mark.parametrize(
    ("reply", "kind", "calls", "word"),
    [
        (Raw(407), PermissionDenied, 1, "asks for a user and a password"),
        (Raw(412), BadRequest, 1, "HTTP 412"),
        (Raw(502, b"<html>"), Transient, TRIES, "HTTP 502 instead of an answer."),
        ({"errcode": 45011, "code": 1}, RateLimited, TRIES, "Too many calls"),
    ],
)
def test_other_statuses(reply: Json | Raw, kind: type[WeChatError], calls: int, word: str) -> None:
    with ScriptedApi(lambda *_: reply) as api:
        error = failure(client_of(api.url))
        assert len(api.asked) == calls
    assert type(error) is kind
    assert word in str(error)


def test_json_of_a_gateway_passes_like_another_fault() -> None:
    with ScriptedApi(lambda _, number: PRODUCTS if number else GATEWAY) as api:
        page = fetch_page(client_of(api.url), window_products(), "", Calls())
    assert page.keys == ("1",)


def test_json_of_a_gateway_for_a_token_is_not_shown() -> None:
    with ScriptedApi(lambda *_: {"code": 1, "echo": "0123456789abcdef"}) as api:
        transport = RequestsTransport()
        tokens = StableToken(transport, api.url, "wx1", lambda: "0123456789abcdef")
        client = Client(transport, api.url, tokens, retry=RetryPolicy(tries=1))
        with pytest.raises(UnexpectedResponse, match="not WeChat's") as caught:
            fetch_page(client, window_products(), "", Calls())
    assert "0123" not in str(caught.value)
    assert "网关" in str(caught.value)


def test_json_of_a_gateway_is_no_quota() -> None:
    with (
        ScriptedApi(lambda *_: GATEWAY) as api,
        pytest.raises(UnexpectedResponse, match="not WeChat's"),
    ):
        get_quota(client_of(api.url), "/channels")


def waits_of(reply: Raw) -> list[float]:
    """What the client waits before its retries, with a longest wait of 20 seconds."""
    waits: list[float] = []
    with ScriptedApi(lambda *_: reply) as api:
        policy = RetryPolicy(tries=3, backoff_seconds=0.001, max_backoff_seconds=20)
        failure(client_of(api.url, policy), Calls(sleep=waits.append))
    return waits


@pytest.mark.parametrize(
    ("status", "header", "least", "most"),
    [
        (503, "7", 7, 7.1),
        (503, "3600", 20, 20.1),
        (503, "9" * 400, 20, 20.1),
        (503, "-5", 0, 0.1),
        (503, "soon", 0, 0.1),
        (503, "Fri, 31 Dec 2100 23:59:59 GMT", 20, 20.1),
        (503, "Fri, 31 Dec 1999 23:59:59 GMT", 0, 0.1),
        (500, "7", 0, 0.1),
    ],
)
def test_retry_after_is_heeded(status: int, header: str, least: float, most: float) -> None:
    waits = waits_of(Raw(status, b"", {"Retry-After": header}))
    assert len(waits) == 2
    assert all(least <= seconds <= most for seconds in waits)


def test_retry_after_of_429_holds_all_calls_of_the_account() -> None:
    """The back-off of the call, then the pause of the account's rate limit."""
    waits = waits_of(Raw(429, b"", {"Retry-After": "7"}))
    assert waits[0] >= 7
    assert waits[1] > 6.5


def refused_url() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


class Tokens(FixedToken):
    """Counts the tries: each asks for the token once."""

    tries = 0

    def token(self) -> str:
        self.tries += 1
        return super().token()


def test_an_outage_is_waited_for_once_however_many_lists_there_are() -> None:
    tokens, outage, waits = Tokens(), Outage(), list[float]()
    policy = RetryPolicy(tries=4, backoff_seconds=0.001)
    url = refused_url()
    errors: list[WeChatError] = []
    for _ in range(20):
        client = Client(RequestsTransport(), url, tokens, retry=policy, outage=outage)
        errors.append(failure(client, Calls(sleep=waits.append)))
    assert (tokens.tries, len(waits)) == (4, 3)
    assert len({str(error) for error in errors}) == 1
    assert "connection was refused" in str(errors[0])
    assert not any(FailedPartition.of("w", error).worth_a_retry for error in errors)


def test_no_try_begins_too_late_after_the_first() -> None:
    """Each wait would be 10 to 20 seconds; the clock does not move, so the wait alone counts."""
    tokens, waits = Tokens(), list[float]()
    policy = RetryPolicy(tries=9, backoff_seconds=10, connection_seconds=25)
    client = Client(RequestsTransport(), refused_url(), tokens, retry=policy)
    failure(client, Calls(sleep=waits.append))
    # 10 to 20, then 20 to 30 seconds.
    assert 1 <= len(waits) <= 2
    assert tokens.tries == len(waits) + 1


def test_other_faults_have_no_such_limit() -> None:
    waits: list[float] = []
    with ScriptedApi(lambda *_: {"errcode": -1, "errmsg": "busy"}) as api:
        policy = RetryPolicy(tries=6, backoff_seconds=10, connection_seconds=25)
        error = failure(client_of(api.url, policy), Calls(sleep=waits.append))
    assert len(waits) == 5
    # The client has retried: Dagster must not do so too.
    assert not FailedPartition.of("w", error).worth_a_retry


@pytest.mark.parametrize("answer", [PRODUCTS, Raw(502), {"errcode": 48001}])
def test_an_answer_of_any_kind_ends_an_outage(answer: Json | Raw) -> None:
    now = [0.0]
    outage, gone = Outage(lambda: now[0]), refused_url()
    policy = RetryPolicy(tries=2, backoff_seconds=0.0)

    def tries(url: str) -> int:
        tokens = Tokens()
        client = Client(RequestsTransport(), url, tokens, retry=policy, outage=outage)
        with suppress(WeChatError):
            fetch_page(client, window_products(), "", Calls())
        return tokens.tries

    with ScriptedApi(lambda *_: answer) as api:
        assert [tries(gone), tries(gone), tries(api.url)] == [2, 0, 0]
        now[0] += 60
        assert tries(api.url) > 0
        assert [tries(gone), tries(gone)] == [2, 0]


@pytest.mark.parametrize("answers_later", [False, True])
def test_a_long_wait_is_said_once(caplog: pytest.LogCaptureFixture, answers_later: bool) -> None:
    policy = RetryPolicy(tries=4, backoff_seconds=0.0, silent_seconds=0.0)
    if answers_later:
        script: Callable[[Json, int], Json | Raw] = lambda _, number: (  # noqa: E731
            PRODUCTS if number == 3 else Raw(502, GATEWAY)
        )
        with ScriptedApi(script) as api:
            fetch_page(client_of(api.url, policy), window_products(), "", Calls())
        why = "HTTP 502"
    else:
        url = refused_url()
        failure(client_of(url, policy))
        why = f"The connection was refused: {url}."
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    line = record.getMessage()
    assert line.startswith("Still trying")
    assert "try 2 of 4" in line
    assert why in line
    assert "getwindowproductlist" in line


def test_a_short_wait_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    failure(client_of(refused_url(), RetryPolicy(tries=3, backoff_seconds=0.0)))
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
