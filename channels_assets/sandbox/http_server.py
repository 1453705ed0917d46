"""HTTP/1.1 on a real socket: reads requests and sends replies, whole or as a network fails."""

import socket
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from channels_assets.sandbox.http_messages import Delivery, Reply, Request


class HttpServer(ThreadingHTTPServer):
    """Serves in background threads, one for each connection, until `stop`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int, answer: Callable[[Request], Reply]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answer = answer
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> None:
        """Accept connections from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting and close all connections, also in the middle of an answer."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._connections):
            _shut_down(connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection and add it to the open connections."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def close_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close a connection and remove it from the open connections."""
        self._connections.discard(request)  # pyright: ignore[reportArgumentType]
        super().close_request(request)

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Ignore clients that disconnect: tests do that. Any other error is a bug."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HttpServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        self._serve(self._read_body())

    def do_GET(self) -> None:
        self._serve(self._read_body() or b"")

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the URLs hold tokens."""

    def _serve(self, body: bytes | None) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        client_ip = str(self.client_address[0])
        request = Request(self.command, url.path, query, body, client_ip)
        reply = self.server.answer(request)
        self.close_connection = not send_reply(self.connection, reply) or self.close_connection

    def _read_body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if length.isdecimal():
            return self.rfile.read(int(length))
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self._discard_chunks()
        return None

    def _discard_chunks(self) -> None:
        """Unread bytes would reset the connection before the client reads the answer."""
        while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
            self.rfile.read(size + len(b"\r\n"))
        self.rfile.readline()


def _shut_down(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


_PADDING = b" " * 2**20
_PADDING_COUNT = 65
_SLOW_CHUNKS = 40


def send_reply(connection: socket.socket, reply: Reply) -> bool:
    """Send the reply; return whether the connection can be used again."""
    body = reply.body
    if reply.delivery is Delivery.WHOLE:
        # Headers and body in one write: a second write would wait for the ACK of the first.
        connection.sendall(_head(reply, len(body)) + body)
        return True
    if reply.delivery is Delivery.CUT:
        connection.sendall(_head(reply, len(body)) + body[: len(body) // 2])
    elif reply.delivery is Delivery.HANG:
        _wait_for_close(connection)
    elif reply.delivery is Delivery.SLOW:
        _send_slowly(connection, reply)
    elif reply.delivery is Delivery.HUGE:
        _send_padded(connection, reply)
    return False


def _head(reply: Reply, length: int) -> bytes:
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        "Connection: keep-alive",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in reply.headers),
        "\r\n",
    ]
    return "\r\n".join(lines).encode("latin-1")


def _wait_for_close(connection: socket.socket) -> None:
    """Return when the client or the stopping sandbox closes the connection."""
    connection.recv(1, socket.MSG_PEEK)


def _send_slowly(connection: socket.socket, reply: Reply) -> None:
    body = reply.body
    connection.sendall(_head(reply, len(body)))
    step = max(1, -(-len(body) // _SLOW_CHUNKS))
    starts = range(0, len(body), step)
    for start in starts:
        time.sleep(reply.seconds / len(starts))
        connection.sendall(body[start : start + step])


def _send_padded(connection: socket.socket, reply: Reply) -> None:
    """White space after the JSON keeps it valid: only its size is wrong."""
    length = len(reply.body) + len(_PADDING) * _PADDING_COUNT
    connection.sendall(_head(reply, length) + reply.body)
    for _ in range(_PADDING_COUNT):
        connection.sendall(_PADDING)
