"""Puts a reply on a socket: whole, or in one of the ways that networks fail."""

import socket
import time
from http import HTTPStatus

from channels_assets.sandbox.replies import Delivery, Reply

_PADDING = b" " * 2**20
_PADDINGS = 65
_PIECES = 40


def deliver(connection: socket.socket, reply: Reply) -> bool:
    """Send the reply; whether the connection is still good afterwards."""
    body = reply.body
    if reply.delivery is Delivery.WHOLE:
        # Headers and body in one write: two would wait for each other's acknowledgement.
        connection.sendall(_head(reply, len(body)) + body)
        return True
    if reply.delivery is Delivery.CUT:
        connection.sendall(_head(reply, len(body)) + body[: len(body) // 2])
    elif reply.delivery is Delivery.HANG:
        _wait_until_left(connection)
    elif reply.delivery is Delivery.SLOW:
        _trickle(connection, reply)
    elif reply.delivery is Delivery.HUGE:
        _pad(connection, reply)
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


def _wait_until_left(connection: socket.socket) -> None:
    """Return when the client closes, or when the sandbox stops and closes for it."""
    connection.recv(1, socket.MSG_PEEK)


def _trickle(connection: socket.socket, reply: Reply) -> None:
    body = reply.body
    connection.sendall(_head(reply, len(body)))
    step = max(1, -(-len(body) // _PIECES))
    starts = range(0, len(body), step)
    for start in starts:
        time.sleep(reply.seconds / len(starts))
        connection.sendall(body[start : start + step])


def _pad(connection: socket.socket, reply: Reply) -> None:
    """White space behind the JSON keeps it valid, so only its size is wrong."""
    length = len(reply.body) + len(_PADDING) * _PADDINGS
    connection.sendall(_head(reply, length) + reply.body)
    for _ in range(_PADDINGS):
        connection.sendall(_PADDING)
