"""The record of every request that arrived."""

import threading
from dataclasses import dataclass, replace

from channels_assets.sandbox.models import Json


@dataclass(frozen=True)
class Call:
    """One request. `status` is 0 while it has no answer, and for good if it never gets one."""

    path: str
    appid: str
    """The account of its token, or the one it asks a token for; empty if unknown."""
    body: Json | None
    errcode: int
    """0 on success and where the answer is not one of the API's."""
    status: int
    rid: str
    at: float
    """When it arrived, by the sandbox's clock."""


class CallLog:
    """All calls in order of arrival; thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, Call] = {}

    def arrived(self, call: Call) -> None:
        """Enter a call that has no answer yet."""
        with self._lock:
            self._calls[call.rid] = call

    def answered(self, rid: str, errcode: int, status: int) -> None:
        """Complete its entry, unless the log was reset meanwhile."""
        with self._lock:
            if rid in self._calls:
                self._calls[rid] = replace(self._calls[rid], errcode=errcode, status=status)

    def reset(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls = {}

    def snapshot(self) -> list[Call]:
        """A copy of the log."""
        with self._lock:
            return list(self._calls.values())
