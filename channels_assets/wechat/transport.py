"""One HTTP exchange. The interface that tests and simulations replace, and the only user of requests."""

from __future__ import annotations

import http.client
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlencode

import requests
import urllib3
from requests.adapters import HTTPAdapter

from channels_assets.wechat.connection_errors import (
    LOST,
    Route,
    connection_failed,
    error_of,
    machine_lacks,
    proxy_refused,
    time_out,
)
from channels_assets.wechat.deadline import enforce_deadlines, set_deadline
from channels_assets.wechat.errors import UnexpectedResponse
from channels_assets.wechat.proxies import proxy_for
from channels_assets.wechat.redaction import redact


class _Redacting(logging.Filter):
    """urllib3 logs whole URLs: at DEBUG always, at WARNING when a header is malformed."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


for _name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_Redacting())

CONNECT_SECONDS = 10.0
READ_SECONDS = 25.0
TOTAL_SECONDS = 120.0
MAX_BYTES = 32 * 1024 * 1024

# All that requests, urllib3 or http.client raise: it may hold the URL with the token.
_FAILURES = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)


@dataclass(frozen=True)
class Reply:
    """Status and whole body of an answer. `retry_after`: the seconds that Retry-After asks to wait."""

    status: int
    body: bytes
    retry_after: float = 0.0


class Transport(Protocol):
    """POSTs `body` to `url` with `query`. Raises only WeChatError, never with the query in it, and
    MachineError."""

    def post(self, url: str, query: Mapping[str, str], body: bytes, endpoint: str) -> Reply: ...


class _Adapter(HTTPAdapter):
    """Finds the connection pool of a URL once: it is the same for all its calls."""

    def __init__(self, connections: int) -> None:
        # More hosts than are ever called: urllib3 1 closes the pools beyond this number.
        super().__init__(pool_connections=64, pool_maxsize=connections, pool_block=False)
        self._pools: dict[str, urllib3.connectionpool.ConnectionPool] = {}

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,  # noqa: ANN401
    ) -> urllib3.connectionpool.ConnectionPool:
        url = (request.url or "").partition("?")[0]
        if url not in self._pools:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            enforce_deadlines(pool)
            self._pools[url] = pool
        return self._pools[url]

    def close(self) -> None:
        self._pools.clear()
        super().close()


@dataclass(frozen=True)
class _Prepared:
    """What is the same for all calls to a URL."""

    request: requests.PreparedRequest
    route: Route
    settings: dict[str, Any]


class RequestsTransport:
    """A pooled requests session: time-outs always, no redirects, TLS always verified, bounded bodies.

    Safe for `connections` threads at once.
    """

    def __init__(self, connections: int = 32) -> None:
        # It only prepares requests: its `send` would keep cookies and follow redirects.
        self._session = requests.Session()
        self._adapter = _Adapter(connections)
        self._session.headers["Content-Type"] = "application/json; charset=utf-8"
        self._prepared: dict[str, _Prepared] = {}

    def close(self) -> None:
        self._adapter.close()

    def post(self, url: str, query: Mapping[str, str], body: bytes, endpoint: str) -> Reply:
        deadline = time.monotonic() + TOTAL_SECONDS
        prepared = self._prepare(url, endpoint)
        request = prepared.request.copy()
        if query:
            request.url = f"{request.url}?{urlencode(query)}"
        request.body = body
        request.headers["Content-Length"] = str(len(body))
        seconds = (CONNECT_SECONDS, READ_SECONDS)
        set_deadline(deadline)
        try:
            with self._adapter.send(request, timeout=seconds, **prepared.settings) as response:
                body_read = _read(response, prepared.route, endpoint)
                wait = _retry_after(response.headers.get("Retry-After", ""))
                reply = Reply(response.status_code, body_read, wait)
        except _FAILURES as error:
            if (lacking := machine_lacks(error)) is not None:
                raise lacking from None
            if time.monotonic() >= deadline:
                raise connection_failed(time_out(TOTAL_SECONDS), prepared.route, endpoint) from None
            raise error_of(error, prepared.route, endpoint, seconds) from None
        if reply.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            raise proxy_refused(reply.status, prepared.route, endpoint)
        return reply

    def _prepare(self, url: str, endpoint: str) -> _Prepared:
        """A request to this address, with the environment's proxies and certificates, as users expect.

        Prepared once: it takes longer than the call itself."""
        if url not in self._prepared:
            proxy = proxy_for(url, endpoint)
            request = self._session.prepare_request(requests.Request("POST", url, auth=_no_auth))
            settings = self._session.merge_environment_settings(request.url, {}, True, None, None)
            # The environment's proxies, but none for calls to this machine.
            settings["proxies"] = {"all": proxy.url} if proxy else {}
            verify = settings["verify"]
            route = Route(url, proxy, verify if isinstance(verify, str) else None)
            self._prepared[url] = _Prepared(request, route, dict(settings))
        return self._prepared[url]


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without it, a .netrc would be read for this host, and its password sent along."""
    return request


def _retry_after(header: str) -> float:
    """The seconds to wait by a Retry-After header, which has seconds or a date; 0 for anything else."""
    if header.isascii() and header.isdecimal():
        return float(header[:9])
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _read(response: requests.Response, route: Route, endpoint: str) -> bytes:
    chunks: list[bytes] = []
    size = 0
    # read1 returns bytes as they arrive: iter_content waits for a whole chunk, and decompression may
    # make a chunk of any size.
    while chunk := response.raw.read1(64 * 1024, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BYTES:
            raise UnexpectedResponse(
                f"The answer is larger than {MAX_BYTES // 1024 // 1024} MB.", endpoint=endpoint
            )
    declared = response.headers.get("Content-Length", "")
    if declared.isdecimal() and response.raw.tell() < int(declared):
        raise connection_failed(LOST, route, endpoint)
    return b"".join(chunks)
