"""Calls over a real socket: tokens, retries, quotas, and what never leaves the client."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from channels_assets.sandbox import Fault, Sandbox, World
from channels_assets.wechat import transport as transport_module
from channels_assets.wechat.auth.stable_token import StableToken
from channels_assets.wechat.client import Calls, Client, Stopped
from channels_assets.wechat.errors import (
    PermissionDenied,
    QuotaExhausted,
    RateLimited,
    TokenRejected,
    Transient,
    UnexpectedResponse,
    WeChatError,
)
from channels_assets.wechat.league import cooperating_shops
from channels_assets.wechat.paging import fetch_page
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import WINDOW_PRODUCTS, get_window_product_list, window_products

TOKEN_PATH = "/cgi-bin/stable_token"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.generate(seed=3, products=30)) as sandbox:
        yield sandbox


@pytest.fixture
def world(sandbox: Sandbox) -> World:
    return sandbox.world


def client_of(
    sandbox: Sandbox, appid: str, secret: str, retry: RetryPolicy | None = None
) -> Client:
    transport = RequestsTransport()
    return Client(
        transport,
        sandbox.url,
        StableToken(transport, sandbox.url, appid, lambda: secret),
        retry=retry or RetryPolicy(tries=3, backoff_seconds=0.0),
    )


def window_client(sandbox: Sandbox, retry: RetryPolicy | None = None) -> Client:
    window = next(iter(sandbox.world.windows.values()))
    return client_of(sandbox, window.appid, window.secret, retry)


def test_a_page_as_the_api_describes_it(sandbox: Sandbox, world: World) -> None:
    appid = next(iter(world.windows))
    client = window_client(sandbox)
    first = get_window_product_list(client, page_size=7, need_total_num=True)
    second = get_window_product_list(client, page_size=7, last_buffer=first.cursor or "")
    by_index = get_window_product_list(client, page_size=7, page_index=2)
    truth = [str(item["product_id"]) for item in world.products_for(appid)]
    assert list(first.keys) == truth[:7]
    assert first.total_num == len(truth)
    assert second.total_num is None
    assert second.keys == by_index.keys == tuple(truth[7:14])
    assert list(first.items) == world.products_for(appid)[:7]


def test_many_threads_share_one_token(sandbox: Sandbox) -> None:
    client = window_client(sandbox)

    def one(_: int) -> int:
        return len(fetch_page(client, window_products(page_size=5), "", Calls()).items)

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(one, range(64))) == {5}
    assert len(sandbox.calls_to(TOKEN_PATH)) == 1


@pytest.mark.parametrize("end", ["expire_tokens", "revoke_tokens"])
def test_a_token_that_ends_is_renewed_once_for_all_threads(sandbox: Sandbox, end: str) -> None:
    client = window_client(sandbox)
    fetch_page(client, window_products(), "", Calls())
    getattr(sandbox, end)()
    sandbox.reset_calls()
    counters = [Calls() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda c: fetch_page(client, window_products(), "", c), counters))
    assert 1 <= len(sandbox.calls_to(TOKEN_PATH)) <= 2
    assert all(counter.sent <= 2 for counter in counters)


def test_a_token_that_is_always_rejected_does_not_loop(sandbox: Sandbox) -> None:
    sandbox.inject(Fault("token_replaced"))
    counter = Calls()
    with pytest.raises(TokenRejected, match="40001"):
        fetch_page(window_client(sandbox), window_products(), "", counter)
    assert counter.sent == 2
    forced = [c for c in sandbox.calls_to(TOKEN_PATH) if c.body and c.body["force_refresh"]]
    assert len(forced) == 1


def test_a_window_token_may_not_call_the_agency_lists(sandbox: Sandbox) -> None:
    with pytest.raises(PermissionDenied, match=r"联盟带货机构.*48001.*rid"):
        fetch_page(window_client(sandbox), cooperating_shops(), "", Calls())
    assert len(sandbox.calls_to(TOKEN_PATH)) == 1


def test_a_wrong_secret_is_said_and_not_shown(sandbox: Sandbox, world: World) -> None:
    appid = next(iter(world.windows))
    client = client_of(sandbox, appid, "not-the-secret")
    with pytest.raises(PermissionDenied, match="secret_env") as caught:
        fetch_page(client, window_products(), "", Calls())
    assert "not-the-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "kind",
    [
        *("system_busy", "http_500", "http_502", "html_200", "truncated", "truncated_json"),
        *("drop", "duplicate_keys", "nan", "rate_minute"),
    ],
)
def test_a_passing_fault_is_tried_again_and_leaves_no_trace(sandbox: Sandbox, kind: str) -> None:
    client = window_client(sandbox)
    sandbox.inject(Fault(kind, times=2))
    counter = Calls()
    page = fetch_page(client, window_products(), "", counter)
    assert len(page.items) == 30
    assert counter.sent == 3


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("system_busy", Transient),
        ("rate_minute", RateLimited),
        ("http_502", Transient),
        ("html_200", UnexpectedResponse),
        ("redirect", UnexpectedResponse),
        ("truncated", Transient),
        ("drop", Transient),
    ],
)
def test_a_lasting_fault_comes_out_after_the_tries(
    sandbox: Sandbox, kind: str, expected: type[WeChatError]
) -> None:
    sandbox.inject(Fault(kind))
    counter = Calls()
    with pytest.raises(expected) as caught:
        fetch_page(window_client(sandbox), window_products(), "", counter)
    assert type(caught.value) is expected
    assert counter.sent == 3
    assert not [secret for secret in sandbox.tokens if secret in str(caught.value)]


@pytest.mark.parametrize("kind", ["errcode_string", "errcode_missing", "text_plain"])
def test_an_odd_answer_is_an_answer(sandbox: Sandbox, kind: str) -> None:
    sandbox.inject(Fault(kind))
    counter = Calls()
    assert len(fetch_page(window_client(sandbox), window_products(), "", counter).items) == 30
    assert counter.sent == 1


def test_after_the_quota_is_gone_no_call_is_spent_on_that_api(sandbox: Sandbox) -> None:
    sandbox.inject(Fault("quota_day"))
    client = window_client(sandbox)
    for _ in range(3):
        with pytest.raises(QuotaExhausted, match="45009"):
            fetch_page(client, window_products(), "", Calls())
    assert len(sandbox.calls_to(WINDOW_PRODUCTS.path)) == 1


def test_a_hanging_server_ends_in_a_timeout(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "READ_SECONDS", 0.2)
    client = window_client(sandbox, RetryPolicy(tries=1))
    sandbox.inject(Fault("hang", times=1))
    with pytest.raises(Transient, match="No answer within"):
        fetch_page(client, window_products(), "", Calls())


def test_dribbling_bytes_end_at_the_deadline(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "TOTAL_SECONDS", 0.3)
    client = window_client(sandbox, RetryPolicy(tries=1))
    sandbox.inject(Fault("slow", times=1, seconds=30, path=WINDOW_PRODUCTS.path))
    with pytest.raises(Transient, match="took longer"):
        fetch_page(client, window_products(), "", Calls())


def test_a_huge_answer_is_refused(sandbox: Sandbox) -> None:
    client = window_client(sandbox, RetryPolicy(tries=1))
    sandbox.inject(Fault("huge"))
    with pytest.raises(UnexpectedResponse, match="larger than 32 MB"):
        fetch_page(client, window_products(), "", Calls())


def test_an_address_where_nobody_listens_is_said_without_the_token(world: World) -> None:
    transport = RequestsTransport()

    class Fixed:
        paths: frozenset[str] | None = None

        def query(self, token: str) -> dict[str, str]:
            return {"access_token": token}

        def token(self) -> str:
            return "THE_TOKEN"

        def renew(self, rejected: str) -> str:
            return rejected

    client = Client(transport, "http://127.0.0.1:9", Fixed(), retry=RetryPolicy(tries=1))
    with pytest.raises(Transient, match="connection was refused") as caught:
        fetch_page(client, window_products(), "", Calls())
    assert "THE_TOKEN" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_one_connection_for_many_calls_closed_with_the_transport() -> None:
    def serve(server: socket.socket) -> list[bytes]:
        """What came through one connection, until the other side closed it."""
        connection, _ = server.accept()
        with connection:
            connection.settimeout(20)
            asked = [b""]
            while piece := connection.recv(65536):
                asked[-1] += piece
                if asked[-1].endswith(b"{}"):
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\n\r\n{}"
                    )
                    asked.append(b"")
        return asked

    transport = RequestsTransport()
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as threads:
        served = threads.submit(serve, server)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/list"
        for token in ("one", "two"):
            assert transport.post(url, {"access_token": token}, b"{}", "list").body == b"{}"
        transport.close()
        first, second, nothing = served.result(20)
    assert first.startswith(b"POST /list?access_token=one HTTP")
    assert second.startswith(b"POST /list?access_token=two HTTP")
    assert b"Cookie" not in second
    assert nothing == b""


def test_a_standing_rejection_forces_one_new_token_and_stops_asking(sandbox: Sandbox) -> None:
    sandbox.inject(Fault("token_replaced", path=WINDOW_PRODUCTS.path))
    client = window_client(sandbox)
    for _ in range(20):
        with pytest.raises(TokenRejected):
            fetch_page(client, window_products(), "", Calls())
    calls = sandbox.calls_to(TOKEN_PATH)
    assert len([call for call in calls if call.body and call.body["force_refresh"]]) == 1
    assert len(calls) <= 4
    assert len(sandbox.calls_to(WINDOW_PRODUCTS.path)) <= 3


def test_lists_that_wait_for_a_token_share_its_failure(sandbox: Sandbox) -> None:
    sandbox.inject(Fault("ip_not_allowed"))
    client = window_client(sandbox)

    def one(_: int) -> str:
        with pytest.raises(PermissionDenied, match="40164") as caught:
            fetch_page(client, window_products(), "", Calls())
        return str(caught.value)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(one, range(16)))) == 1
    assert len(sandbox.calls_to(TOKEN_PATH)) == 1


def test_a_caller_that_stops_ends_its_waits_and_sends_no_more(sandbox: Sandbox) -> None:
    sandbox.inject(Fault("system_busy"))
    stop = threading.Event()
    client = window_client(
        sandbox, RetryPolicy(tries=5, backoff_seconds=60, max_backoff_seconds=60)
    )
    calls = Calls(stop)
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(Stopped):
        fetch_page(client, window_products(), "", calls)
    assert calls.sent == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 600\r\n\r\nX" + b"%TOKEN%",
        b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n<html>" + b"%TOKEN%",
        b'HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n{"errcode":1,"errmsg":"%TOKEN%"}',
        b'HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n{"total_num":"%TOKEN%"}',
    ],
)
def test_no_part_of_a_token_reaches_errors_or_logs(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    token = "89_" + "SeCrEt0123" * 44
    body = answer.replace(b"%TOKEN%", token.encode()).ljust(700)

    class Fixed:
        paths: frozenset[str] | None = None

        def query(self, token: str) -> dict[str, str]:
            return {"access_token": token}

        def token(self) -> str:
            return token

        def renew(self, rejected: str) -> str:
            return rejected

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(body)

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        client = Client(RequestsTransport(), url, Fixed(), retry=RetryPolicy(tries=1))
        caplog.set_level("DEBUG")
        told = ""
        try:
            fetch_page(client, window_products(), "", Calls())
        except WeChatError as error:
            told = str(error)
    assert "SeCrEt" not in told + caplog.text
    assert caplog.records
