"""The log of all requests, for tests, and the traces that rid/get answers from."""

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import NamedTuple

from channels_assets.sandbox.http_messages import ApiError, Request
from channels_assets.sandbox.models import Json

_RID_FORMAT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}")
_MAX_TRACES = 200


@dataclass(frozen=True)
class Call:
    """One request. `status` is 0 until it is answered, and stays 0 if it never is."""

    path: str
    appid: str
    """The account of its token, or the account that it requests a token for; empty if unknown."""
    body: Json | None
    errcode: int
    """0 on success, and where the answer does not come from the API."""
    status: int
    rid: str
    at: float
    """Time of arrival, by the sandbox's clock."""


class CallLog:
    """All calls in order of arrival; thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, Call] = {}

    def add(self, call: Call) -> None:
        """Add a call that has no answer yet."""
        with self._lock:
            self._calls[call.rid] = call

    def complete(self, rid: str, errcode: int, status: int) -> None:
        """Set the result of a call, unless the log was reset in the meantime."""
        with self._lock:
            if rid in self._calls:
                self._calls[rid] = replace(self._calls[rid], errcode=errcode, status=status)

    def reset(self) -> None:
        """Remove all calls."""
        with self._lock:
            self._calls = {}

    def snapshot(self) -> list[Call]:
        """A copy of the log."""
        with self._lock:
            return list(self._calls.values())


class Trace(NamedTuple):
    """What the API keeps of a call."""

    appid: str
    request: Request
    answer: bytes
    timestamp: float

    def to_json(self) -> Json:
        """The trace as rid/get sends it; the token is masked."""
        return {
            "invoke_time": int(self.timestamp),
            "cost_in_ms": 1,
            "request_url": f"access_token={self.request.token[:6]}xxxx",
            "request_body": (self.request.body or b"").decode(errors="replace"),
            "response_body": self.answer.decode(),
            "client_ip": self.request.client_ip,
        }


class Traces:
    """The latest calls by their rid. Not thread safe."""

    def __init__(self) -> None:
        self._traces: OrderedDict[str, Trace] = OrderedDict()

    def keep(self, rid: str, trace: Trace) -> None:
        """Keep a call; drop the oldest when there are too many."""
        self._traces[rid] = trace
        if len(self._traces) > _MAX_TRACES:
            self._traces.popitem(last=False)

    def look_up(self, body: Json, caller: str) -> Json:
        """Answer rid/get; an account sees only its own calls."""
        rid = body.get("rid")
        if not isinstance(rid, str) or not _RID_FORMAT.fullmatch(rid):
            raise ApiError(76002)
        trace = self._traces.get(rid)
        if trace is None:
            raise ApiError(76001)
        if trace.appid != caller:
            raise ApiError(76003)
        return {"errcode": 0, "errmsg": "ok", "request": trace.to_json()}
