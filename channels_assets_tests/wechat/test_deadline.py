"""A whole exchange ends at its deadline, however slowly or endlessly the other side answers."""

from __future__ import annotations

import itertools
import shutil
import socket
import ssl
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from channels_assets.wechat import transport as transport_module
from channels_assets.wechat.errors import Transient
from channels_assets.wechat.transport import RequestsTransport
from channels_assets_tests.helpers.listener import Listener, Talk, dribbling, listening

HEAD = b"HTTP/1.1 200 OK\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def forever(piece: bytes) -> Iterator[bytes]:
    return itertools.repeat(piece)


def one_by_one(text: bytes) -> Iterator[bytes]:
    return (bytes([byte]) for byte in text)


# How each of them would go on for ever; the second number: how long it waits after each piece.
ANSWERS: dict[str, tuple[Iterator[bytes], float]] = {
    "dribbled status line": (one_by_one(b"HTTP/1.1 200 " + b"x" * 5000), 0.02),
    "dribbled headers": (itertools.chain([HEAD], forever(b"X: y\r\n")), 0.05),
    "a dribbled header": (itertools.chain([HEAD, b"X: "], forever(b"x")), 0.02),
    "100 Continue now and then": (forever(CONTINUE), 0.02),
    "100 Continue without a pause": (forever(CONTINUE * 50), 0),
    "dribbled body": (
        itertools.chain([HEAD, b"Content-Length: 99999\r\n\r\n"], forever(b" ")),
        0.02,
    ),
    "dribbled chunks": (
        itertools.chain([HEAD, b"Transfer-Encoding: chunked\r\n\r\n"], forever(b"1\r\n \r\n")),
        0.02,
    ),
    "a dribbled chunk's length": (
        itertools.chain([HEAD, b"Transfer-Encoding: chunked\r\n\r\n"], forever(b"0")),
        0.02,
    ),
    "body until it hangs up": (itertools.chain([HEAD, b"\r\n"], forever(b" ")), 0.02),
}


@pytest.fixture(autouse=True)
def _half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "TOTAL_SECONDS", 0.5)
    for name in (
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(path), "-out", str(path.with_name("cert.pem"))),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + path.with_name("cert.pem").read_text())
    return path


@contextmanager
def over_tls(talk: Talk, certificate: Path) -> Generator[Listener]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with listening(talk, wrap=lambda plain: context.wrap_socket(plain, server_side=True)) as server:
        yield server


@pytest.mark.parametrize("name", ANSWERS)
def test_what_would_go_on_for_ever_ends_at_the_deadline(name: str) -> None:
    pieces, pause = ANSWERS[name]
    with (
        listening(dribbling(pieces, pause)) as server,
        pytest.raises(Transient, match=r"took longer than 0\.5 s.*0\.5 秒内未完成"),
    ):
        RequestsTransport().post(f"http://127.0.0.1:{server.port}/", {}, b"{}", "list")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command")
@pytest.mark.parametrize("piece", [b"X: y\r\n", b"x", CONTINUE])
def test_over_tls_too(monkeypatch: pytest.MonkeyPatch, certificate: Path, piece: bytes) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    start = b"" if piece == CONTINUE else HEAD
    talk = dribbling(itertools.chain([start], forever(piece)))
    with over_tls(talk, certificate) as server, pytest.raises(Transient, match="took longer"):
        RequestsTransport().post(f"https://localhost:{server.port}/", {}, b"{}", "list")


def test_a_dribbled_handshake_ends_with_the_time_to_connect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport_module, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(transport_module, "TOTAL_SECONDS", 60)
    # The beginning of a record of 16 kB.
    talk = dribbling(itertools.chain([b"\x16\x03\x03\x40\x00\x02"], forever(b"\0")))
    with listening(talk) as server, pytest.raises(Transient, match=r"No connection within 0\.3 s"):
        RequestsTransport().post(f"https://localhost:{server.port}/", {}, b"{}", "list")


def test_a_proxy_that_dribbles(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = dribbling(itertools.chain([b"HTTP/1.1 200 OK\r\n"], forever(b"X: y\r\n")))
    with listening(talk) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(Transient, match="took longer"):
            RequestsTransport().post("https://api.weixin.invalid/", {}, b"{}", "list")


def test_each_call_of_a_connection_has_its_own_deadline() -> None:
    def talk(connection: socket.socket) -> None:
        while True:
            dribbling(iter([HEAD, b"Content-Length: 2\r\n", b"\r\n{}"]), 0.1)(connection)
            if not connection.recv(65536):
                return

    transport = RequestsTransport()
    with listening(talk) as server:
        for _ in range(4):
            url = f"http://127.0.0.1:{server.port}/"
            assert transport.post(url, {}, b"{}", "list").body == b"{}"
        assert len(server.received) == 1
