"""Tokens by stable_token: WeChat gives them for an appid and its secret.

Source: https://developers.weixin.qq.com/doc/channels/api/basic/api_getstableaccesstoken
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from channels_assets.files import locked, read_private, write_private
from channels_assets.wechat.auth.token_cache import IssuedToken, TokenCache
from channels_assets.wechat.auth.token_request import request_token, token_rejected
from channels_assets.wechat.errors import PermissionDenied
from channels_assets.wechat.transport import Transport

STABLE_TOKEN_PATH = "/cgi-bin/stable_token"  # noqa: S105 (a path)
_ENDPOINT = "stable_token"
_FORCE_EVERY_SECONDS = 300.0


class ForceRefreshGuard:
    """Serialises `force_refresh` over processes: at most one every 5 minutes.

    `path` keeps the time of the last one, and nothing else; without it, the object keeps it.
    """

    def __init__(self, path: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._path = path
        self._last = float("-inf")

    @contextmanager
    def lock(self) -> Generator[None, None, None]:
        """Must be held by the caller of the methods below."""
        if self._path is None:
            yield
            return
        try:
            with locked(self._path.with_suffix(".lock"), private=True):
                yield
        except OSError as error:
            raise PermissionDenied(
                f"{self._path.parent} can't be written: {error.strerror}.",
                remedy="Let this user write there, or free some space. 该目录无法写入。",
            ) from None

    def last(self) -> float:
        """The time of the last forced refresh, or minus infinity."""
        if self._path is not None:
            try:
                self._last = float(read_private(self._path) or "-inf")
            except ValueError:
                self._last = float("-inf")
        return self._last

    def is_due(self) -> bool:
        # abs: after the clock was set back, `last` may lie far in the future.
        return abs(self.now() - self.last()) >= _FORCE_EVERY_SECONDS

    def record(self) -> None:
        """Sets the time of the last forced refresh to now."""
        self._last = self.now()
        if self._path is not None:
            write_private(self._path, f"{self._last:.3f}\n")


class StableToken:
    """Tokens of one appid; many processes may use it side by side.

    `secret` is called when a token is fetched, and its value is not kept. Raises PermissionDenied when
    WeChat refuses appid, secret or IP address, and the transient errors of `post_json`. `guard` is
    shared by all programs that use this appid.
    """

    paths: frozenset[str] | None = None

    def __init__(
        self,
        transport: Transport,
        base_url: str,
        appid: str,
        secret: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
        guard: ForceRefreshGuard | None = None,
    ) -> None:
        self._transport = transport
        self._url = base_url + STABLE_TOKEN_PATH
        self._appid = appid
        self._account = f"appid {appid}"
        self._secret = secret
        self._guard = guard or ForceRefreshGuard()
        self._requested_at = 0.0
        self._cache = TokenCache(self._fetch, clock)

    def __repr__(self) -> str:
        return f"StableToken(appid={self._appid!r})"

    def query(self, token: str) -> Mapping[str, str]:
        return {"access_token": token}

    def token(self) -> str:
        return self._cache.token()

    def renew(self, rejected: str) -> str:
        error = token_rejected(_ENDPOINT, self._account)
        return self._cache.renew(rejected, error, self._force)

    def _fetch(self) -> IssuedToken:
        self._requested_at = self._guard.now()
        return self._request(force_refresh=False)

    def _force(self) -> IssuedToken | None:
        # WeChat still returns the token that it rejects. force_refresh invalidates the token of every
        # other program of this account, and is allowed 20 times a day: one program does it for all.
        with self._guard.lock():
            if self._requested_at <= self._guard.last() <= self._guard.now():
                return self._request(force_refresh=False)
            if not self._guard.is_due():
                return None
            self._guard.record()
            return self._request(force_refresh=True)

    def _request(self, *, force_refresh: bool) -> IssuedToken:
        secret = self._secret()
        body = {
            "grant_type": "client_credential",
            "appid": self._appid,
            "secret": secret,
            "force_refresh": force_refresh,
        }
        return request_token(
            self._transport,
            self._url,
            body,
            endpoint=_ENDPOINT,
            field="access_token",
            secrets=[secret],
            account=self._account,
        )
