"""A malicious stand-in for the API: it gives tokens, and sends back whatever it was sent."""

from __future__ import annotations

import gzip
import json
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, quote, urlsplit

# By path: what names the account, what of the body is secret, and the field of the token.
TOKEN_CALLS: dict[str, tuple[str, list[str], str]] = {
    "/cgi-bin/stable_token": ("appid", ["secret"], "access_token"),
    "/cgi-bin/component/api_component_token": (
        "component_appid",
        ["component_appsecret", "component_verify_ticket"],
        "component_access_token",
    ),
    "/cgi-bin/component/api_authorizer_token": (
        "authorizer_appid",
        ["authorizer_refresh_token"],
        "authorizer_access_token",
    ),
}


class Reply:
    def __init__(self, body: str | bytes, status: int = 200, **headers: str) -> None:
        self.body = body.encode() if isinstance(body, str) else body
        self.status = status
        self.headers = headers


Way = Callable[[str], Reply]
"""From what was sent (query, body, headers, and the token or secret in it) to an answer."""


def failed(errcode: object, errmsg: str) -> Reply:
    return Reply(json.dumps({"errcode": errcode, "errmsg": errmsg}))


# `told` is "<the token or secret>\n<query>\n<body>\n<headers>".
WAYS: dict[str, Way] = {
    "html": lambda told: Reply(f"<html><body>{told}</body></html>"),
    "html_attribute": lambda told: Reply(f"<a href='?access_token&#61;{told.split()[0]}'>"),
    "http_500": lambda told: Reply(told, 500),
    "http_403": lambda told: Reply(told, 403),
    "busy": lambda told: failed(-1, told),
    "unknown_code": lambda told: failed(123456, told),
    "in_errcode": lambda told: failed(told.split()[0], ""),
    "in_rid": lambda told: failed(-1, f"busy rid: {told.split()[0]}"),
    "in_hint": lambda told: failed(-1, f"busy hint: [{told.split()[0]}]"),
    "hex_rid": lambda told: failed(-1, f"busy rid: 0a-{told.split()[0].encode().hex()}"),
    "url_encoded": lambda told: failed(48001, quote(told, safe="")),
    "twice_encoded": lambda told: failed(48001, quote(quote(told, safe=""), safe="")),
    "no_json": lambda told: Reply("no JSON: " + told),
    "no_object": lambda told: Reply(json.dumps([told])),
    "cut_json": lambda told: Reply(json.dumps({"errmsg": told})[: 12 + len(told.split()[0]) // 2]),
    "first_half": lambda told: failed(-1, told[:40]),
    "last_half": lambda told: failed(-1, told.split()[0][-40:]),
    "spelled_out": lambda told: failed(-1, " ".join(told.split()[0][n:][:30] for n in (0, 30, 60))),
    "as_key": lambda told: Reply(json.dumps({told.split()[0]: 1, "errcode": "x"})),
    "key_twice": lambda told: Reply(f'{{"{told.split()[0]}":1,"{told.split()[0]}":2}}'),
    "in_list": lambda told: Reply(json.dumps({"products": told})),
    "in_item": lambda told: Reply(json.dumps({"products": [told]})),
    "in_id": lambda told: Reply(json.dumps({"products": [{"product_id": {"x": told[:30]}}]})),
    "in_total": lambda told: Reply(json.dumps({"products": [], "total_num": told[:30]})),
    "redirect": lambda told: Reply(told, 302, Location=f"http://localhost:9/?{quote(told)}"),
    "bad_gzip": lambda told: Reply(told, 200, **{"Content-Encoding": "gzip"}),
    "gzip": lambda told: Reply(
        gzip.compress(f"<html>{told}".encode()), 200, **{"Content-Encoding": "gzip"}
    ),
    "header": lambda told: Reply("<html>", 200, **{f"X-{told.split()[0]}": told.split()[0]}),
    "reason": lambda told: Reply(b"", 599, Reason=told.split()[0]),
}

# A whole list for the walk, with values that would be kept as they were sent.
LOAD_WAYS: dict[str, Way] = {
    "in_number": lambda told: _product(product_source=told.split()[0]),
    "in_a_piece_of_a_number": lambda told: _product(product_source=told[:30]),
    "in_text": lambda told: _product(appid={told[:30]: told}),
    "in_optional_id": lambda told: _product(out_product_id=[told]),
}


def _product(**fields: object) -> Reply:
    return Reply(json.dumps({"products": [{"product_id": "1", **fields}]}))


class Echo(ThreadingHTTPServer):
    """`way_of` says, by appid, how a call is answered; appids in `refuse_tokens` get no token.

    `issued`: every token it gave. `hits`: how many requests arrived.
    """

    daemon_threads = True

    def __init__(self, way_of: dict[str, Way], refuse_tokens: dict[str, Way] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.way_of = way_of
        self.refuse_tokens = refuse_tokens or {}
        self.issued: dict[str, str] = {}
        self.hits = 0
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
        self.server_close()

    def reply(self, path: str, query: str, body: dict[str, Any], told: str) -> Reply:
        if path in TOKEN_CALLS:
            named, sent, field = TOKEN_CALLS[path]
            appid = body[named]
            if appid in self.refuse_tokens:
                return self.refuse_tokens[appid](
                    " ".join(body[item] for item in sent) + f"\n{told}"
                )
            token = f"92_{secrets.token_urlsafe(102)}"
            self.issued[token] = appid
            return Reply(json.dumps({field: token, "expires_in": 7200}))
        token = parse_qs(query)["access_token"][0]
        return self.way_of[self.issued[token]](f"{token}\n{told}")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Echo  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        self.server.hits += 1
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        url = urlsplit(self.path)
        told = f"{url.query}\n{raw.decode()}\n{self.headers}"
        reply = self.server.reply(url.path, url.query, json.loads(raw or b"{}"), told)
        reason = reply.headers.pop("Reason", None)
        self.send_response(reply.status, reason)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
