"""One deadline for a whole HTTP exchange, however slowly its bytes come.

urllib3's time-outs count for each read alone: a server that sends a byte of a header now and then, or
`100 Continue` without end, never exceeds them. Here each read from the socket gets the time that is
left. Over TLS too, where Python's time-outs count for a whole record, and for a whole handshake.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import threading
import time
from typing import Any, Literal, Protocol

import urllib3


class _Exchange(threading.local):
    deadline = math.inf


# By thread, since an exchange stays in its thread, and urllib3 passes no argument down to the socket.
_exchange = _Exchange()


class _Pool(Protocol):
    ConnectionCls: Any


def set_deadline(deadline: float) -> None:
    """Reads of this thread's next exchange end in TimeoutError at `deadline` (of time.monotonic)."""
    _exchange.deadline = deadline


def enforce_deadlines(pool: urllib3.connectionpool.ConnectionPool | _Pool) -> None:
    """Makes the connections that `pool` opens from now on read until the deadline."""
    plain: Any = getattr(pool, "ConnectionCls")  # noqa: B009 (only its subclasses declare it)
    if plain.response_class is not _Response:
        kept = type(plain.__name__, (plain,), {"response_class": _Response})
        setattr(pool, "ConnectionCls", kept)  # noqa: B010


class _Response(http.client.HTTPResponse):
    """An HTTP response, also that of a proxy to CONNECT."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        reading: Any = _Reading(sock)
        super().__init__(reading, *arguments, **named)


class _Reading:
    """The part of a socket that http.client needs to read an answer."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: Literal["rb"]) -> io.BufferedReader:
        # The socket counts its open files and closes with the last of them.
        raw = self._sock.makefile(mode, buffering=0)
        return io.BufferedReader(_UntilDeadline(self._sock, raw, _exchange.deadline))


class _UntilDeadline(io.RawIOBase):
    def __init__(self, sock: socket.socket, raw: io.RawIOBase, deadline: float) -> None:
        self._sock = sock
        self._raw = raw
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        allowed = self._sock.gettimeout()
        if allowed is not None and allowed <= left:
            return self._sock.recv_into(buffer)
        self._sock.settimeout(left)
        try:
            return self._sock.recv_into(buffer)
        finally:
            # The connection is used again.
            self._sock.settimeout(allowed)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
