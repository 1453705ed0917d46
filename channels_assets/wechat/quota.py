"""How many calls of an API are left today.

Source: https://developers.weixin.qq.com/doc/channels/API/apimgnt/getApiQuota.html
"""

from __future__ import annotations

from dataclasses import dataclass

from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.decode import Fields
from channels_assets.wechat.request import Answer

QUOTA_PATH = "/cgi-bin/openapi/quota/get"
_ENDPOINT = "quota/get"


@dataclass(frozen=True)
class Quota:
    """Calls a day of one API for one account. WeChat's counters may be off by one percent."""

    daily_limit: int | None
    used: int | None
    remain: int | None


def get_quota(client: Client, path: str) -> Quota:
    """The quota of the API at `path`, as in `Endpoint.path`. Spends one call of quota/get."""
    return client.call(QUOTA_PATH, _ENDPOINT, {"cgi_path": path}, _decode, Calls(), ("quota",))


def _decode(answer: Answer) -> Quota:
    quota = Fields(answer.value, _ENDPOINT).object("quota")
    return Quota(quota.integer("daily_limit"), quota.integer("used"), quota.integer("remain"))
