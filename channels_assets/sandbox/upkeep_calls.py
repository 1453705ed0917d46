"""The calls about calls: quota/get, clear_quota and rid/get."""

import re
from collections import OrderedDict
from typing import NamedTuple

from channels_assets.sandbox.endpoints import ALL_PATHS, LISTS, AccountType
from channels_assets.sandbox.http_messages import Refusal, Request
from channels_assets.sandbox.models import Json
from channels_assets.sandbox.quotas import Quotas

_RID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}")
_KEPT = 200


def quota_of(body: Json, caller: str, account: AccountType, quotas: Quotas) -> Json:
    """How much of the quota of one path the caller has used."""
    path = body.get("cgi_path")
    if path not in ALL_PATHS:
        raise Refusal(76021)
    if path in LISTS and LISTS[path].account != account:
        raise Refusal(76022)
    return quotas.report(caller, path)


def clear_quota(body: Json, caller: str, quotas: Quotas) -> Json:
    """Reset the caller's daily quotas."""
    if body.get("appid") != caller:
        raise Refusal(40013)
    quotas.clear(caller)
    return {"errcode": 0, "errmsg": "ok"}


class Trace(NamedTuple):
    """What the API remembers of one call."""

    appid: str
    request: Request
    answer: bytes
    moment: float

    def told(self) -> Json:
        """What it tells of it; the token is masked."""
        return {
            "invoke_time": int(self.moment),
            "cost_in_ms": 1,
            "request_url": f"access_token={self.request.token[:6]}xxxx",
            "request_body": (self.request.body or b"").decode(errors="replace"),
            "response_body": self.answer.decode(),
            "client_ip": self.request.client_ip,
        }


class Traces:
    """The latest calls by their rid. Not thread safe by itself."""

    def __init__(self) -> None:
        self._traces: OrderedDict[str, Trace] = OrderedDict()

    def keep(self, rid: str, trace: Trace) -> None:
        """Remember a call; the oldest is forgotten."""
        self._traces[rid] = trace
        if len(self._traces) > _KEPT:
            self._traces.popitem(last=False)

    def look_up(self, body: Json, caller: str) -> Json:
        """Answer rid/get; an account sees only its own calls."""
        rid = body.get("rid")
        if not isinstance(rid, str) or not _RID.fullmatch(rid):
            raise Refusal(76002)
        trace = self._traces.get(rid)
        if trace is None:
            raise Refusal(76001)
        if trace.appid != caller:
            raise Refusal(76003)
        return {"errcode": 0, "errmsg": "ok", "request": trace.told()}
