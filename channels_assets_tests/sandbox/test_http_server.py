"""Connections, bodies and headers, and what the messages of all calls have in common."""

import http.client
import json
import re
import socket

from channels_assets.sandbox import Sandbox
from channels_assets_tests.sandbox.callers import (
    ARTICLES,
    PRODUCTS,
    Caller,
    article_request,
)
from channels_assets_tests.sandbox.conftest import Clock

GOOD = b'{"page_size": 1}'


def test_chunked_body_is_refused_and_the_connection_survives(window: Caller) -> None:
    connection = http.client.HTTPConnection(window.sandbox.url.removeprefix("http://"), timeout=5)
    target = f"{PRODUCTS}?access_token={window.token}"
    connection.request("POST", target, body=iter([b'{"page', b'_size": 1}']), encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 412
    answer.read()
    connection.request("POST", target, body=GOOD)
    assert json.loads(connection.getresponse().read())["errcode"] == 0
    connection.close()


def test_no_length_at_all_is_refused(sandbox: Sandbox) -> None:
    with _connect(sandbox) as wire:
        wire.sendall(f"POST {PRODUCTS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert wire.recv(1000).startswith(b"HTTP/1.1 412 ")


def test_one_connection_serves_many_calls_in_one_write_each(window: Caller) -> None:
    head = f"POST {PRODUCTS}?access_token={window.token} HTTP/1.1\r\nHost: x\r\n"
    with _connect(window.sandbox) as wire:
        for _ in range(3):
            wire.sendall(head.encode() + b"Content-Length: 16\r\n\r\n" + GOOD)
            packet = wire.recv(65536)
            assert packet.startswith(b"HTTP/1.1 200 OK\r\n")
            assert packet.endswith(b"}")


def test_64_clients_at_once(window: Caller) -> None:
    wires = [_connect(window.sandbox) for _ in range(64)]
    head = f"POST {PRODUCTS}?access_token={window.token} HTTP/1.1\r\nHost: x\r\n"
    for wire in wires:
        wire.sendall(head.encode() + b"Content-Length: 16\r\n\r\n" + GOOD)
    assert all(b'"errcode":0' in wire.recv(65536) for wire in wires)
    for wire in wires:
        wire.close()


def test_chinese_is_utf8_and_not_escaped(league: Caller) -> None:
    answer = league.send(ARTICLES, article_request(league.sandbox, promoter_type=1))
    assert "参数错误 rid: " in answer.content.decode("utf-8")


def test_errmsg_ends_with_a_rid_that_holds_the_time(window: Caller, clock: Clock) -> None:
    answer = window.call(PRODUCTS, {})
    found = re.search(r" rid: ([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8}$", answer["errmsg"])
    assert found
    assert int(found[1], 16) == clock.now
    assert window.sandbox.calls[-1].rid == answer["errmsg"].partition(" rid: ")[2]


def _connect(sandbox: Sandbox) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=5)
