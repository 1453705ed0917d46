"""A server that answers the calls for one list with what a test says, on a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]


@dataclass(frozen=True)
class Raw:
    """An answer that is no JSON of HTTP status 200."""

    status: int
    body: bytes | Json = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Script = Callable[[Json, int], Json | bytes | Raw]
"""From the body of a call, and the number of the calls before it, to the answer."""


class ScriptedApi:
    """A context manager. `asked` are the bodies of the calls."""

    def __init__(self, script: Script) -> None:
        self.asked: list[Json] = []
        asked_bodies, lock = self.asked, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # Head and body in one packet.

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                asked = json.loads(self.rfile.read(length))
                with lock:
                    answer = script(asked, len(asked_bodies))
                    asked_bodies.append(asked)
                raw = answer if isinstance(answer, Raw) else Raw(200, answer)
                body = raw.body if isinstance(raw.body, bytes) else json.dumps(raw.body).encode()
                self.send_response(raw.status)
                for name, value in {**raw.headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class FixedToken:
    """A token source that asks nobody."""

    paths: frozenset[str] | None = None
    text = "89_" + "SeCrEt0123" * 12

    def query(self, token: str) -> dict[str, str]:
        return {"access_token": token}

    def token(self) -> str:
        return self.text

    def renew(self, rejected: str) -> str:
        return rejected
