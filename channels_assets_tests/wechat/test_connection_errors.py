"""Connections that fail, over real sockets: what is said of them, and through which proxy they went."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from channels_assets.sandbox import World
from channels_assets.wechat import transport as transport_module
from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.errors import PermissionDenied, Transient, WeChatError
from channels_assets.wechat.paging import fetch_page
from channels_assets.wechat.proxies import is_loopback
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import window_products
from channels_assets_tests.helpers.listener import Listener, Talk, listening, refused_port, saying
from channels_assets_tests.helpers.project import Project

TOKEN = "92_SeCrEt-tOkEn-of-the-call"
PASSWORD = "SeCrEt-pAsSwOrD"
ELSEWHERE = "api.weixin.invalid"
VARIABLES = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
OK = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.endswith("_CA_BUNDLE"):
            monkeypatch.delenv(name)


def post(url: str) -> bytes:
    return RequestsTransport().post(url, {"access_token": TOKEN}, b"{}", "list").body


def failure(url: str) -> WeChatError:
    with pytest.raises(WeChatError) as caught:
        post(url)
    assert "SeCrEt" not in str(caught.value) + repr(vars(caught.value))
    assert "Traceback" not in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("no_proxy", [None, "", "example.com"])
@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST"])
def test_calls_to_this_machine_never_go_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, host: str, variable: str, no_proxy: str | None
) -> None:
    with listening(OK) as proxy, listening(OK) as server:
        monkeypatch.setenv(variable, f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}")
        if no_proxy is not None:
            monkeypatch.setenv("NO_PROXY", no_proxy)
        if host == "127.0.0.2":
            # Nobody listens there, and that is said without a word of the proxy.
            error = failure(f"http://{host}:{server.port}/list")
            assert f"connection was refused: http://127.0.0.2:{server.port}." in str(error)
            assert variable not in str(error)
        else:
            assert post(f"http://{host}:{server.port}/list") == b"{}"
            assert TOKEN.encode() in server.received[0]
        assert proxy.received == []


def test_other_calls_do_go_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(OK) as proxy:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")
        assert post(f"http://{ELSEWHERE}/list") == b"{}"
        assert proxy.received[0].startswith(f"POST http://{ELSEWHERE}/list?".encode())
        monkeypatch.setenv("no_proxy", "weixin.invalid")
        assert "host's name was not found" in str(failure(f"http://{ELSEWHERE}/list"))
        assert len(proxy.received) == 1


@pytest.mark.parametrize(
    ("host", "here"),
    [
        *((item, True) for item in ("127.0.0.1", "127.255.0.9", "localhost", "::1", "[::1]")),
        *((item, True) for item in ("127.1", "0x7f.0.0.1", "2130706433", "0", "::")),
        *((item, True) for item in ("::ffff:127.0.0.1", "LocalHost.", "api.localhost")),
        *((item, False) for item in ("api.weixin.qq.com", "10.0.0.1", "128.0.0.1", "")),
        *((item, False) for item in ("localhost.example.com", "notlocalhost", "fe80::1%eth0")),
        *((item, False) for item in ("127.0.0.1.example.com", "::ffff:10.0.0.1")),
    ],
)
def test_what_is_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) == here


def proxy_settings(listener: Listener) -> str:
    return f"http://user:{PASSWORD}@127.0.0.1:{listener.port}"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [("407 Proxy Authentication Required", PermissionDenied), ("403 Forbidden", PermissionDenied)],
)
def test_a_proxy_that_refuses(
    monkeypatch: pytest.MonkeyPatch, scheme: str, status: str, kind: type[WeChatError]
) -> None:
    if scheme == "http" and not status.startswith("407"):
        pytest.skip("not to be told from an answer of the API")
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    with listening(saying(answer)) as proxy:
        variable = f"{scheme.upper()}_PROXY"
        monkeypatch.setenv(variable, proxy_settings(proxy))
        monkeypatch.setenv("ALL_PROXY", proxy_settings(proxy))
        error = failure(f"{scheme}://{ELSEWHERE}/list")
    assert type(error) is kind
    port = {"http": 80, "https": 443}[scheme]
    for word in (
        f"proxy 127.0.0.1:{proxy.port} ({variable}) answered HTTP {status[:3]}",
        f"{scheme}://{ELSEWHERE}:{port}",
        "代理",
    ):
        assert word in str(error)


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    port = refused_port()
    monkeypatch.setenv("all_proxy", f"http://user:{PASSWORD}@127.0.0.1:{port}")
    for scheme, its_port in (("http", 80), ("https", 443)):
        error = failure(f"{scheme}://{ELSEWHERE}/list")
        assert type(error) is Transient
        assert f"was refused: {scheme}://{ELSEWHERE}:{its_port}" in str(error)
        assert f"at the proxy 127.0.0.1:{port} (all_proxy)" in str(error)
        assert f"连接被拒绝：{scheme}://{ELSEWHERE}:{its_port}，代理 127.0.0.1:{port}" in str(error)


def test_a_proxy_whose_name_is_unknown_or_that_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    error = failure(f"https://{ELSEWHERE}/list")
    assert "host's name was not found (DNS)" in str(error)
    assert "at the proxy proxy.invalid:3128 (HTTPS_PROXY)" in str(error)
    with listening(saying(b"")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy_settings(proxy))
        error = failure(f"https://{ELSEWHERE}/list")
        assert "connection was lost" in str(error)
        assert f"through the proxy 127.0.0.1:{proxy.port} (HTTPS_PROXY)" in str(error)
        assert proxy.received[0].startswith(f"CONNECT {ELSEWHERE}:443".encode())


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("socks5://127.0.0.1:1080", "PySocks is missing"),
        ("socks5h://user:SeCrEt@127.0.0.1", "PySocks is missing"),
        ("socks://127.0.0.1:1080", "socks:// is no kind of proxy"),
        ("ftp://127.0.0.1:21", "ftp:// is no kind of proxy"),
        ("http://", "it is no proxy's URL"),
        ("http://127.0.0.1:port", "it is no proxy's URL"),
        ("http://127.0.0.1:99999", "it is no proxy's URL"),
        ("http://[::1", "it is no proxy's URL"),
        ("http://user:12/SeCrEt@127.0.0.1:80", "it is no proxy's URL"),
        ("http://user:12#SeCrEt@127.0.0.1:80", "it is no proxy's URL"),
        ("http://用户:SeCrEt@127.0.0.1:80", "it is no proxy's URL"),
    ],
)
@pytest.mark.parametrize("variable", ["https_proxy", "ALL_PROXY"])
def test_a_proxy_that_can_not_be_used_is_one_line_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    error = failure(f"https://{ELSEWHERE}/list")
    assert type(error) is PermissionDenied
    assert told in str(error)
    assert variable in str(error)
    assert "代理" in str(error)

    class Fixed:
        paths: frozenset[str] | None = None

        def query(self, token: str) -> dict[str, str]:
            return {"access_token": token}

        def token(self) -> str:
            return TOKEN

        def renew(self, rejected: str) -> str:
            return rejected

    # By a client that would wait for an hour between two tries.
    retry = RetryPolicy(tries=5, backoff_seconds=3600)
    client = Client(RequestsTransport(), f"https://{ELSEWHERE}", Fixed(), retry=retry)
    calls = Calls()
    with pytest.raises(PermissionDenied):
        fetch_page(client, window_products(), "", calls)
    assert calls.sent == 1


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "told"), [(None, "No such file"), ("no certificate", "it holds no certificate")]
)
def test_a_file_of_certificates_that_is_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, content: str | None, told: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv(variable, str(path))
    with listening(OK) as server:
        error = failure(f"https://127.0.0.1:{server.port}/list")
    assert type(error) is PermissionDenied
    assert f"{path} ({variable}) can't be used: {told}" in str(error)
    assert "证书文件" in str(error)


def test_another_programs_file_of_certificates_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    error = failure(f"https://127.0.0.1:{refused_port()}/list")
    assert "connection was refused" in str(error)


REASONS: dict[str, tuple[Talk, str, str, str]] = {
    "hangs up": (saying(b""), "http", "connection was lost", "中断"),
    "hangs up in a handshake": (saying(b""), "https", "connection was lost", "中断"),
    "cut": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
        *("http", "connection was lost", "中断"),
    ),
    "cut chunks": (
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"),
        *("http", "connection was lost", "中断"),
    ),
    "no TLS": (OK, "https", "TLS failed", "TLS 握手失败"),
    "no HTTP": (saying(b"SSH-2.0-OpenSSH_9.6\r\n" * 9), "http", "does not speak HTTP", "不是 HTTP"),
    "endless header": (
        saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 99999),
        *("http", "does not speak HTTP", "不是 HTTP"),
    ),
}


@pytest.mark.parametrize("case", REASONS)
def test_an_address_that_answers_amiss(case: str) -> None:
    talk, scheme, told, zh = REASONS[case]
    with listening(talk) as server:
        error = failure(f"{scheme}://127.0.0.1:{server.port}/list")
    assert type(error) is Transient
    assert told in error.reason
    assert f"{scheme}://127.0.0.1:{server.port}" in error.reason
    assert zh in error.remedy


def test_an_address_that_nobody_knows_or_listens_at() -> None:
    error = failure(f"https://{ELSEWHERE}/list")
    assert f"host's name was not found (DNS): https://{ELSEWHERE}:443." in str(error)
    assert "找不到主机名" in str(error)
    port = refused_port()
    error = failure(f"http://127.0.0.1:{port}/list")
    assert f"connection was refused: http://127.0.0.1:{port}." in str(error)


def silent(connection: socket.socket) -> None:
    """Reads all that comes: head and body of a request may arrive apart."""
    while connection.recv(65536):
        pass


def test_an_address_that_keeps_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "READ_SECONDS", 0.2)
    monkeypatch.setattr(transport_module, "CONNECT_SECONDS", 0.4)
    with listening(silent) as server:
        error = failure(f"http://127.0.0.1:{server.port}/list")
        assert f"No answer within 0.2 s: http://127.0.0.1:{server.port}" in str(error)
        error = failure(f"https://127.0.0.1:{server.port}/list")
        assert f"No connection within 0.4 s: https://127.0.0.1:{server.port}" in str(error)


@pytest.mark.parametrize("variable", ["http_proxy", "ALL_PROXY"])
def test_the_sandbox_works_behind_any_proxy(
    make_project: Callable[..., Project], variable: str
) -> None:
    project = make_project(World.generate(seed=63, windows=1, products=2, shops=0))
    project.write(league=False)
    with listening(OK) as proxy:
        project.environment[variable] = proxy_settings(proxy)
        done = project.refresh("--asset", "window_products")
        assert done.code == 0, done.err
        assert project.command("doctor").code == 0
        assert proxy.received == []


def test_doctor_shows_the_reason_and_the_proxy(make_project: Callable[..., Project]) -> None:
    project = make_project(World.generate(seed=63, windows=1, products=2, shops=0))
    project.write(league=False)
    toml = project.folder / "channels.toml"
    toml.write_text(toml.read_text().replace(project.sandbox.url, f"https://{ELSEWHERE}"))
    port = refused_port()
    cases = {
        f"http://user:{PASSWORD}@127.0.0.1:{port}": "connection was refused",
        "socks5://127.0.0.1:1080": "PySocks is missing",
    }
    for value, told in cases.items():
        project.environment["HTTPS_PROXY"] = value
        done = project.command("doctor")
        assert done.code == 1
        assert told in " ".join(done.out.split())
        assert "HTTPS_PROXY" in done.out
        assert "SeCrEt" not in done.out
