"""One HTTP exchange. The seam that tests and simulations replace, and the only user of requests."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import requests
import urllib3
from requests.adapters import HTTPAdapter

from channels_assets.wechat.errors import Transient, UnexpectedResponse, redact


class _Redacting(logging.Filter):
    """urllib3 logs whole URLs: at DEBUG always, at WARNING when a header is malformed."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


for _name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_Redacting())

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
TOTAL_SECONDS = 120.0
MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """Status and whole body of an answer."""

    status: int
    body: bytes


class Transport(Protocol):
    """POSTs `body` to `url` with `query`. Raises only WeChatError, never with the query in it."""

    def post(self, url: str, query: Mapping[str, str], body: bytes, endpoint: str) -> Reply: ...


class _Adapter(HTTPAdapter):
    """Looks a URL's connections up once: what decides on them is the same for all its calls."""

    def __init__(self, connections: int) -> None:
        # No more hosts than that are called: those of urllib3 1 close the pools of all others.
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
            self._pools[url] = super().get_connection_with_tls_context(
                request, verify, proxies, cert
            )
        return self._pools[url]

    def close(self) -> None:
        self._pools.clear()
        super().close()


class RequestsTransport:
    """A pooled requests session: time-outs always, no redirects, TLS always verified, bounded bodies.

    Safe for `connections` threads at once.
    """

    def __init__(self, connections: int = 32) -> None:
        # Only asked what a request looks like: its own `send` would keep cookies, and look for redirects.
        self._session = requests.Session()
        self._adapter = _Adapter(connections)
        self._session.headers["Content-Type"] = "application/json; charset=utf-8"
        self._prepared: dict[str, tuple[requests.PreparedRequest, dict[str, Any]]] = {}

    def close(self) -> None:
        self._adapter.close()

    def post(self, url: str, query: Mapping[str, str], body: bytes, endpoint: str) -> Reply:
        deadline = time.monotonic() + TOTAL_SECONDS
        try:
            request, environment = self._prepare(url)
            if query:
                request.url = f"{request.url}?{urlencode(query)}"
            request.body = body
            request.headers["Content-Length"] = str(len(body))
            with self._adapter.send(
                request, timeout=(CONNECT_SECONDS, READ_SECONDS), **environment
            ) as response:
                return Reply(response.status_code, _read(response, deadline, endpoint))
        except requests.exceptions.SSLError:
            raise Transient(
                "The server's TLS certificate could not be verified.",
                endpoint=endpoint,
                advice="Check this machine's clock, its CA certificates and any proxy between.",
            ) from None
        except requests.exceptions.ConnectTimeout:
            raise Transient(
                f"No connection within {CONNECT_SECONDS:.0f} s.", endpoint=endpoint
            ) from None
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
            raise Transient(f"No answer within {READ_SECONDS:.0f} s.", endpoint=endpoint) from None
        except (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError):
            raise UnexpectedResponse(
                "The answer's compression is broken.", endpoint=endpoint
            ) from None
        except (requests.exceptions.ConnectionError, urllib3.exceptions.HTTPError):
            raise Transient(
                "The connection failed or was lost.",
                endpoint=endpoint,
                advice="Is the API's address reachable from this machine?",
            ) from None
        except requests.exceptions.RequestException as error:
            raise Transient(
                f"The call failed before it was answered ({type(error).__name__}).",
                endpoint=endpoint,
            ) from None

    def _prepare(self, url: str) -> tuple[requests.PreparedRequest, dict[str, Any]]:
        """A request to this address, and what the environment says of proxies and certificates, which
        is in force, as users expect: looked up once, since that takes longer than the call itself."""
        if url not in self._prepared:
            request = self._session.prepare_request(requests.Request("POST", url, auth=_no_auth))
            environment = self._session.merge_environment_settings(
                request.url, {}, True, None, None
            )
            self._prepared[url] = (request, dict(environment))
        request, environment = self._prepared[url]
        return request.copy(), environment


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without it, a .netrc would be read for this host, and its password sent along."""
    return request


def _read(response: requests.Response, deadline: float, endpoint: str) -> bytes:
    chunks: list[bytes] = []
    size = 0
    # read1 hands bytes on as they come: iter_content waits for a whole chunk, so that a server that
    # dribbles could hold a thread for hours.
    while chunk := response.raw.read1(64 * 1024, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BYTES:
            raise UnexpectedResponse(
                f"The answer is larger than {MAX_BYTES // 1024 // 1024} MB.", endpoint=endpoint
            )
        if time.monotonic() > deadline:
            raise Transient(
                f"The answer took longer than {TOTAL_SECONDS:.0f} s.", endpoint=endpoint
            )
    promised = response.headers.get("Content-Length", "")
    if promised.isdecimal() and response.raw.tell() < int(promised):
        raise Transient("The connection was lost in mid-answer.", endpoint=endpoint)
    return b"".join(chunks)
