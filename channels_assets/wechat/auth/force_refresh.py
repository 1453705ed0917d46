"""When a new token was last forced, told among all programs that share a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from channels_assets.wechat.errors import PermissionDenied
from channels_assets.wechat.private_files import locked, read_private, write_private

_FORCE_EVERY_SECONDS = 300.0


class Forcing:
    """One program at a time forces a token, and not again within five minutes.

    `path` is where the moment is kept (nothing else is); without it, for this object alone.
    """

    def __init__(self, path: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._path = path
        self._last = float("-inf")

    @contextmanager
    def turn(self) -> Generator[None]:
        """Waits for one's turn; the methods below are for within."""
        if self._path is None:
            yield
            return
        try:
            with locked(self._path.with_suffix(".lock")):
                yield
        except OSError as error:
            raise PermissionDenied(
                f"{self._path.parent} can't be written: {error.strerror}.",
                remedy="Let this user write there, or free some space. 该目录无法写入。",
            ) from None

    def last(self) -> float:
        """The moment, or minus infinity."""
        if self._path is not None:
            try:
                self._last = float(read_private(self._path) or "-inf")
            except ValueError:
                self._last = float("-inf")
        return self._last

    def is_due(self) -> bool:
        # A clock that was set back must not forbid it for ever.
        return abs(self.now() - self.last()) >= _FORCE_EVERY_SECONDS

    def note(self) -> None:
        self._last = self.now()
        if self._path is not None:
            write_private(self._path, f"{self._last:.3f}\n")
