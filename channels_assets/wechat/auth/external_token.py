"""Tokens that another program obtains: a central token service (中控), or 云托管.

Sources: https://developers.weixin.qq.com/doc/oplatform/developers/dev/AccessToken.html and
https://developers.weixin.qq.com/miniprogram/dev/wxcloudrun/src/guide/weixin/open.html
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from channels_assets.wechat.auth.secret_readers import Reader, file_reader
from channels_assets.wechat.auth.token_cache import CachedFailure, IssuedToken, TokenCache
from channels_assets.wechat.errors import TokenRejected

CLOUD_TOKEN_FILE = Path("/.tencentcloudbase/wx/cloudbase_access_token")


class FileToken:
    """A token in a file that another program keeps current; read for each call."""

    def __init__(
        self,
        path: Path,
        parameter: str = "access_token",
        paths: frozenset[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.paths = paths
        self._path = path
        self._parameter = parameter
        self._read = file_reader("token_file", path)
        self._lock = threading.Lock()
        self._failure = CachedFailure(clock)
        self._rejected = ""

    def __repr__(self) -> str:
        return f"FileToken({str(self._path)!r}, {self._parameter!r})"

    def query(self, token: str) -> Mapping[str, str]:
        return {self._parameter: token}

    def token(self) -> str:
        with self._lock:
            token = self._read()
            if token == self._rejected:
                self._failure.check()
            return token

    def renew(self, rejected: str) -> str:
        with self._lock:
            token = self._read()
            if token == rejected:
                self._rejected = rejected
                self._failure.store(
                    TokenRejected(
                        f"The access token in {self._path} was rejected, and the file still holds it.",
                        endpoint="token_file",
                        remedy="Does the program that writes it still run, and for this account? "
                        "文件中的 access_token 无效且未更新：请检查写入它的程序及其所用账号。",
                    )
                )
            return token


class CommandToken:
    """A token that a command prints; kept until it is rejected."""

    paths: frozenset[str] | None = None

    def __init__(self, read: Reader, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache = TokenCache(lambda: IssuedToken(read(), math.inf), clock)

    def __repr__(self) -> str:
        return "CommandToken()"

    def query(self, token: str) -> Mapping[str, str]:
        return {"access_token": token}

    def token(self) -> str:
        return self._cache.token()

    def renew(self, rejected: str) -> str:
        error = TokenRejected(
            "The access token that token_command printed was rejected, and it prints the same again.",
            endpoint="token_command",
            remedy="Does the central token service still renew it, and for this account? "
            "token_command 给出的 access_token 无效且未更新：请检查中控服务及其所用账号。",
        )
        return self._cache.renew(rejected, error)


def cloud_token(paths: frozenset[str], path: Path = CLOUD_TOKEN_FILE) -> FileToken:
    """The token that 云托管 pushes into the container, for the calls in `paths` alone."""
    return FileToken(path, "cloudbase_access_token", paths)


class CloudOpenApi:
    """开放接口服务: inside 云托管, calls go over plain http without a token, those in `paths` alone."""

    def __init__(self, paths: frozenset[str]) -> None:
        self.paths: frozenset[str] | None = paths

    def __repr__(self) -> str:
        return "CloudOpenApi()"

    def query(self, token: str) -> Mapping[str, str]:
        del token
        return {}

    def token(self) -> str:
        return ""

    def renew(self, rejected: str) -> str:
        return rejected
