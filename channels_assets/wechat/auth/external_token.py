"""Tokens that somebody else obtains: a central token service (中控), or 云托管.

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
from channels_assets.wechat.auth.token_cache import HeldToken, Issued, SharedFailure
from channels_assets.wechat.errors import TokenRejected
from channels_assets.wechat.window import WINDOW_PRODUCTS

CLOUD_TOKEN_FILE = Path("/.tencentcloudbase/wx/cloudbase_access_token")
_CLOUD_PATHS = frozenset({WINDOW_PRODUCTS.path})


class FileToken:
    """A token in a file that another program writes anew; read for each call."""

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
        self._failure = SharedFailure(clock)
        self._rejected = ""

    def __repr__(self) -> str:
        return f"FileToken({str(self._path)!r}, {self._parameter!r})"

    def query(self, token: str) -> Mapping[str, str]:
        return {self._parameter: token}

    def token(self) -> str:
        with self._lock:
            token = self._read()
            if token == self._rejected:
                self._failure.share()
            return token

    def renew(self, rejected: str) -> str:
        with self._lock:
            token = self._read()
            if token == rejected:
                self._rejected = rejected
                self._failure.remember(
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
        self._held = HeldToken(lambda: Issued(read(), math.inf), clock)

    def __repr__(self) -> str:
        return "CommandToken()"

    def query(self, token: str) -> Mapping[str, str]:
        return {"access_token": token}

    def token(self) -> str:
        return self._held.token()

    def renew(self, rejected: str) -> str:
        refused = TokenRejected(
            "The access token that token_command printed was rejected, and it prints the same again.",
            endpoint="token_command",
            remedy="Does the central token service still renew it, and for this account? "
            "token_command 给出的 access_token 无效且未更新：请检查中控服务及其所用账号。",
        )
        return self._held.renew(rejected, refused)


def cloud_token(path: Path = CLOUD_TOKEN_FILE) -> FileToken:
    """The token that 云托管 pushes into the container; for the window list alone."""
    return FileToken(path, "cloudbase_access_token", _CLOUD_PATHS)


class CloudOpenApi:
    """开放接口服务: inside 云托管, calls go over plain http without a token; the window list alone."""

    paths: frozenset[str] | None = _CLOUD_PATHS

    def __repr__(self) -> str:
        return "CloudOpenApi()"

    def query(self, token: str) -> Mapping[str, str]:
        del token
        return {}

    def token(self) -> str:
        return ""

    def renew(self, rejected: str) -> str:
        return rejected
