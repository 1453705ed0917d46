"""The WeChatError for an exception of requests or urllib3: where, why, and through which proxy.

Their exceptions hold the URL with the token in it: nothing of them is shown but what is chosen here.
"""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3

from channels_assets.machine_errors import MachineError, os_error
from channels_assets.wechat.certificates import unusable as unusable_certificates
from channels_assets.wechat.certificates import variable_of
from channels_assets.wechat.errors import (
    PermissionDenied,
    Transient,
    UnexpectedResponse,
    WeChatError,
)
from channels_assets.wechat.proxies import Proxy, unusable

_PORTS = {"http": 80, "https": 443}
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


@dataclass(frozen=True)
class Route:
    """How an address is called: through which proxy, and trusting whose certificates."""

    url: str
    proxy: Proxy | None
    certificates: str | None

    @property
    def address(self) -> str:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        port = parts.port or _PORTS.get(parts.scheme, "")
        return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


@dataclass(frozen=True)
class Reason:
    """Why a call failed, in English and Chinese."""

    en: str
    zh: str
    connected: bool = False


LOST = Reason(
    "The connection was lost before the answer was complete",
    "连接在应答完成前中断",
    connected=True,
)
_REFUSED = Reason("The connection was refused", "连接被拒绝")
_NO_NAME = Reason("The host's name was not found (DNS)", "找不到主机名（DNS）")
_CERTIFICATE = Reason("The TLS certificate could not be verified", "TLS 证书验证失败")
_TLS = Reason("TLS failed: does that port speak it?", "TLS 握手失败：该端口是否支持 TLS？")
_NO_HTTP = Reason("What answers there does not speak HTTP", "对方应答不是 HTTP", connected=True)
_PACKED = Reason("The answer's compression is broken", "应答的压缩数据已损坏", connected=True)
_TIME_OUT = Reason("No answer in time", "超时")

# The first match counts: exceptions of the later entries may wrap those of the earlier ones.
_REASONS: tuple[tuple[Reason, tuple[type[BaseException], ...]], ...] = (
    (_CERTIFICATE, (ssl.SSLCertVerificationError,)),
    (_NO_NAME, (socket.gaierror,)),
    (_REFUSED, (ConnectionRefusedError,)),
    (_PACKED, (urllib3.exceptions.DecodeError, requests.exceptions.ContentDecodingError)),
    (_TIME_OUT, (TimeoutError, urllib3.exceptions.TimeoutError, requests.exceptions.Timeout)),
    (LOST, (ConnectionError, http.client.IncompleteRead, ssl.SSLEOFError)),
    (_TLS, (ssl.SSLError, urllib3.exceptions.SSLError)),
    (_NO_HTTP, (http.client.HTTPException,)),
)


def time_out(seconds: float) -> Reason:
    what, what_zh = f"The answer took longer than {seconds:g} s", f"{seconds:g} 秒内未完成应答"
    return Reason(what, what_zh, connected=True)


def no_answer(seconds: float) -> Reason:
    return Reason(f"No answer within {seconds:g} s", f"{seconds:g} 秒内没有应答", connected=True)


def no_connection(seconds: float) -> Reason:
    return Reason(f"No connection within {seconds:g} s", f"{seconds:g} 秒内未能连接")


def connection_failed(
    reason: Reason, route: Route, endpoint: str, *, at_proxy: bool = False
) -> Transient:
    """The error for what may pass until the next call."""
    kind = UnexpectedResponse if reason is _PACKED else Transient
    proxy = route.proxy
    todo = "Look at the network, DNS, clock and firewall of this machine, and `base_url` in channels.toml."
    todo_zh = "请检查本机网络、DNS、时钟、防火墙，以及 channels.toml 中的 base_url。"
    via = via_zh = ""
    if proxy is not None:
        where_to = "at the proxy" if at_proxy else "through the proxy"
        via = f", {where_to} {proxy.address} ({proxy.variable})"
        via_zh = f"，代理 {proxy.address}（{proxy.variable}）"
        todo += f" Is {proxy.variable} right? Where no proxy is needed, unset it or set NO_PROXY."
        todo_zh += f"请确认 {proxy.variable} 正确；若无需代理，请取消设置或设置 NO_PROXY。"
    if reason is _CERTIFICATE and route.certificates is not None:
        variable = variable_of(route.certificates)
        todo += f" Trusted are the certificates in {route.certificates} ({variable})."
        todo_zh += f"所信任的证书来自 {route.certificates}（{variable}）。"
    error = kind(
        f"{reason.en}: {route.address}{via}.",
        endpoint=endpoint,
        remedy=f"{todo} {reason.zh}：{route.address}{via_zh}。{todo_zh}",
    )
    error.connection = "lost" if reason.connected else "none"
    return error


def proxy_refused(status: int, route: Route, endpoint: str) -> WeChatError:
    """The error for the answer of a proxy that does not forward a call."""
    proxy = route.proxy
    name, variable = (proxy.address, proxy.variable) if proxy else ("on the way", "HTTPS_PROXY")
    what = f"The proxy {name} ({variable}) answered HTTP {status} to a call to {route.address}."
    if status == 407:
        return PermissionDenied(
            what,
            endpoint=endpoint,
            remedy=f"It asks for a user and a password: {variable}=http://user:password@host:port. "
            f"代理 {name}（{variable}）要求认证（407）：请在 {variable} 中填写用户名和密码。",
        )
    kind = PermissionDenied if status in (400, 401, 403, 404, 405) else Transient
    error = kind(
        what,
        endpoint=endpoint,
        remedy=f"May it call that address? If no proxy is needed, unset {variable} or set NO_PROXY. "
        f"代理 {name}（{variable}）拒绝转发到 {route.address}（HTTP {status}）：请检查代理规则；"
        f"若无需代理，请取消设置 {variable} 或设置 NO_PROXY。",
    )
    error.connection = "none"
    return error


def error_of(
    error: BaseException, route: Route, endpoint: str, seconds: tuple[float, float]
) -> WeChatError:
    """`seconds`: the time-outs for connecting and for reading, neither of which is the deadline."""
    causes = list(_causes(error))
    for cause in causes:
        if tunnel := _TUNNEL.match(str(cause)) if type(cause) is OSError else None:
            return proxy_refused(int(tunnel[1]), route, endpoint)
    if (missing := _certificates_missing(causes, route, endpoint)) is not None:
        return missing
    reason = _reason(causes, seconds)
    if reason is None and route.proxy is not None and _has(causes, ValueError):
        return unusable(
            route.proxy.variable, "it is no proxy's URL", "不是有效的代理地址", endpoint
        )
    if reason is None:
        kind = type(causes[-1]).__name__
        reason = Reason(f"The call failed before it was answered ({kind})", f"调用失败（{kind}）")
    at_proxy = _has(causes, urllib3.exceptions.ProxyError, requests.exceptions.ProxyError)
    return connection_failed(reason, route, endpoint, at_proxy=at_proxy)


def machine_lacks(error: BaseException) -> MachineError | None:
    """The machine error where no further connection can be opened, however often it is tried."""
    for cause in _causes(error):
        number = cause.errno if isinstance(cause, OSError) else None
        if number is not None and number in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            return os_error(number, None)
    return None


def _reason(causes: list[BaseException], seconds: tuple[float, float]) -> Reason | None:
    for reason, kinds in _REASONS:
        if _has(causes, *kinds):
            return _time_out_reason(causes, seconds) if reason is _TIME_OUT else reason
    for cause in causes:
        # Of the system, such as "Network is unreachable"; requests' own have no number.
        if isinstance(cause, OSError) and cause.errno and cause.strerror:
            return Reason(f"No connection ({cause.strerror})", f"无法连接（{cause.strerror}）")
    return LOST if _has(causes, urllib3.exceptions.ProtocolError) else None


def _time_out_reason(causes: list[BaseException], seconds: tuple[float, float]) -> Reason:
    """The TLS handshake counts as part of connecting."""
    connecting = _has(causes, urllib3.exceptions.ConnectTimeoutError)
    connecting = connecting or any("handshake" in str(cause) for cause in causes)
    return no_connection(seconds[0]) if connecting else no_answer(seconds[1])


def _certificates_missing(
    causes: list[BaseException], route: Route, endpoint: str
) -> PermissionDenied | None:
    """The error where the file of trusted certificates can't be read, else None."""
    if not route.url.startswith("https") or _has(causes, ssl.SSLCertVerificationError):
        return None
    if (why := unusable_certificates(route.certificates)) is None:
        return None
    return PermissionDenied(why[0], endpoint=endpoint, remedy=why[1])


def _has(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it was made from, wherever libraries keep what they wrap."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        cause = pending.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [*cause.args, getattr(cause, "reason", None), cause.__cause__]
        if isinstance(cause, urllib3.exceptions.HTTPError) and isinstance(
            cause.__context__, OSError
        ):
            # urllib3 1 raises without `from`.
            pending.append(cause.__context__)
