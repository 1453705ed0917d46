"""Servers on real sockets that say what they are told to, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress

Talk = Callable[[socket.socket], object]
Wrap = Callable[[socket.socket], socket.socket]


class Listener:
    """`talk` answers each connection, in a thread of its own. `received`: what came first in each.

    `wrap` makes a TLS connection of a plain one.
    """

    def __init__(self, talk: Talk, wrap: Wrap | None = None) -> None:
        self._talk = talk
        self._wrap = wrap
        self._server = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self.port: int = self._server.getsockname()[1]
        self.received: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, plain: socket.socket) -> None:
        with suppress(OSError), self._wrap(plain) if self._wrap else plain as connection:
            self.received.append(connection.recv(65536))
            self._talk(connection)

    def close(self) -> None:
        # To close it alone does not wake a thread that waits in accept().
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@contextmanager
def listening(talk: Talk, wrap: Wrap | None = None) -> Generator[Listener]:
    listener = Listener(talk, wrap)
    try:
        yield listener
    finally:
        listener.close()


def saying(answer: bytes) -> Talk:
    return lambda connection: connection.sendall(answer)


def dribbling(pieces: Iterator[bytes], every_seconds: float = 0.02) -> Talk:
    """Until the other side has had enough."""

    def talk(connection: socket.socket) -> None:
        pause = threading.Event()
        for piece in pieces:
            connection.sendall(piece)
            pause.wait(every_seconds)

    return talk


def refused_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
