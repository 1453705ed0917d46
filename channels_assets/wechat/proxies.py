"""The proxy for an address: that of the environment, but none for this machine."""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from channels_assets.wechat.errors import PermissionDenied

_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")


@dataclass(frozen=True)
class Proxy:
    """`url` may hold a password; `address` (host:port) and the `variable` that names it are for people."""

    url: str = field(repr=False)
    address: str
    variable: str


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, in any spelling that the resolver takes for an address."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        # It also reads 127.1 and 0x7f.0.0.1, as connect() does.
        address = ipaddress.ip_address(socket.inet_aton(host))
    except OSError:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    # Connecting to 0.0.0.0 or :: reaches this machine as well.
    return address.is_loopback or address.is_unspecified


def proxy_for(url: str, endpoint: str) -> Proxy | None:
    """The proxy that calls to `url` go through. Raises PermissionDenied for one that can't be used."""
    split = urlsplit(url)
    if is_loopback(split.hostname or ""):
        return None
    proxies = get_environ_proxies(url)
    chosen = select_proxy(url, proxies)
    if not chosen:
        return None
    variable = _variable(split.scheme if split.scheme in proxies else "all", chosen)
    parts = _parts(chosen)
    if parts is None:
        raise unusable(variable, "it is no proxy's URL", "不是有效的代理地址", endpoint)
    scheme = parts.scheme or "http"
    if scheme not in _PORTS and scheme not in _SOCKS:
        raise unusable(
            variable, f"{scheme}:// is no kind of proxy", f"不支持 {scheme}:// 代理", endpoint
        )
    if scheme in _SOCKS and find_spec("socks") is None:
        raise PermissionDenied(
            f"{variable} names a SOCKS proxy, for which the package PySocks is missing.",
            endpoint=endpoint,
            remedy="Install it (pip install pysocks) where channels-assets is installed, set "
            f"{variable} to an http:// proxy, or unset it. "
            f"{variable} 指向 SOCKS 代理，但缺少 PySocks：请 pip install pysocks，或改用 http:// 代理，"
            f"或取消设置 {variable}。",
        )
    port = parts.port or _PORTS.get(scheme, _SOCKS_PORT)
    return Proxy(chosen, f"{parts.host}:{port}", variable)


def unusable(variable: str, why: str, why_zh: str, endpoint: str) -> PermissionDenied:
    """Its value is not shown: it may hold a password."""
    return PermissionDenied(
        f"The proxy in {variable} can't be used: {why}.",
        endpoint=endpoint,
        remedy=f"Set {variable} to http://host:port (socks5h://host:port for SOCKS), or unset it. "
        f"{variable} 中的代理不可用：{why_zh}；请改为 http://主机:端口（SOCKS 为 socks5h://主机:端口），"
        "或取消设置。",
    )


def _parts(proxy: str) -> Url | None:
    try:
        parts = parse_url(proxy)
    except LocationParseError:
        return None
    # A password with a slash in it: its beginning would pass for the port.
    cut = "@" in f"{parts.path}{parts.query}{parts.fragment}"
    return parts if parts.host and not cut else None


def _variable(kind: str, value: str) -> str:
    """The name of the environment variable that gave this proxy; Python prefers small letters."""
    names = [
        name for name in os.environ if name.lower() == f"{kind}_proxy" and os.environ[name] == value
    ]
    return max(names, key=str.islower, default="this system's proxy settings")
