"""Store for the authorizer_refresh_token of one window, which WeChat may replace at each use.

The successor is in a file of its own, and safe on the disk before the access token that came with it
is used. A process that dies in between loses nothing: the old token works for 5 more minutes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from channels_assets.files import locked, read_private, write_private
from channels_assets.wechat.errors import PermissionDenied


class RefreshTokenStore:
    """`configured` reads the token that channels.toml names ("" if it is gone), `place` says where
    that is, and `path` keeps its successors. A newly configured token replaces them."""

    def __init__(self, path: Path, configured: Callable[[], str], place: str) -> None:
        self._path = path
        self._configured = configured
        self._place = place

    def __repr__(self) -> str:
        return f"RefreshTokenStore({str(self._path)!r})"

    def has_successor(self) -> bool:
        """Whether a successor is stored, so that none needs to be configured."""
        try:
            return self._stored() is not None
        except OSError:
            return False

    @contextmanager
    def lock(self) -> Generator[None, None, None]:
        """For the program that uses and replaces the token."""
        try:
            with locked(self._path.with_suffix(".lock"), private=True):
                yield
        except OSError as error:
            raise _unwritable(self._path, error) from None

    def current(self) -> str:
        """The token to use now. Raises PermissionDenied when there is none, and when a successor could
        not be saved: then the token must not be used up."""
        configured, stored = self._configured(), self._stored()
        if stored and (not configured or stored["given"] == _digest(configured)):
            digest, token = stored["given"], stored["refresh_token"]
        elif configured:
            digest, token = _digest(configured), configured
        else:
            raise PermissionDenied(
                f"There is no authorizer_refresh_token in {self._place}.",
                endpoint="api_authorizer_token",
                remedy="Put the one there that your platform got when the account authorised it. "
                "请填入商家授权时平台得到的 authorizer_refresh_token。",
            )
        self._write(digest, token)
        return token

    def replace(self, successor: str) -> None:
        """Returns when the successor is safe."""
        stored = self._stored()
        self._write(stored["given"] if stored else "", successor)

    def _stored(self) -> dict[str, str] | None:
        try:
            stored = json.loads(read_private(self._path) or "null")
        except ValueError:
            return None
        found = cast("dict[str, str]", stored) if isinstance(stored, dict) else {}
        return found if found.get("refresh_token") and "given" in found else None

    def _write(self, digest: str, token: str) -> None:
        try:
            write_private(self._path, json.dumps({"given": digest, "refresh_token": token}) + "\n")
        except OSError as error:
            raise _unwritable(self._path, error) from None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _unwritable(path: Path, error: OSError) -> PermissionDenied:
    return PermissionDenied(
        f"The authorizer_refresh_token can't be saved to {path}: {error.strerror}.",
        endpoint="api_authorizer_token",
        remedy="Let this user write there, or free some space: WeChat replaces it at each use, and the "
        "old one works for 5 more minutes only. "
        "无法保存 authorizer_refresh_token：请检查该目录权限与磁盘空间（旧的只再有效 5 分钟）。",
    )
