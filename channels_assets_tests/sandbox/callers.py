"""A bare caller of the sandbox, for tests: no retries, no guards, nothing of the real client."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from channels_assets.sandbox import Sandbox

PRODUCTS = "/channels/ec/window/product/list/get"
ARTICLES = "/channels/ec/promoter/get_shop_mp_article_list"
SHOPS = "/channels/ec/promoter/get_bind_shop_list"
PROMOTERS = "/channels/ec/promoter/get_bind_shop_promoter_list"
SHARERS = "/channels/ec/promoter/get_bind_sharer_list"
STABLE = "/cgi-bin/stable_token"
PLAIN = "/cgi-bin/token"

Json = dict[str, Any]


@dataclass
class Caller:
    """One account that calls a sandbox."""

    sandbox: Sandbox
    appid: str
    secret: str
    session: requests.Session = field(default_factory=requests.Session)
    token: str = ""

    def stable(self, **fields: object) -> Json:
        """The answer of a stable_token call."""
        body = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self.session.post(self.sandbox.url + STABLE, json={**body, **fields}).json()

    def plain(self, **fields: str) -> Json:
        """The answer of a plain token call."""
        query = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self.session.get(self.sandbox.url + PLAIN, params={**query, **fields}).json()

    def log_in(self) -> "Caller":
        """Fetch the token that the calls below use."""
        self.token = self.stable()["access_token"]
        return self

    def send(self, path: str, body: object, **options: Any) -> requests.Response:  # noqa: ANN401
        """One POST with the token."""
        url = self.sandbox.url + path
        query = {"access_token": self.token}
        return self.session.post(url, params=query, json=body, timeout=5, **options)

    def call(self, path: str, body: object) -> Json:
        """The JSON object that answers a POST."""
        return self.send(path, body).json()

    def errcode(self, path: str, body: object) -> object:
        """The errcode that answers a POST."""
        return self.call(path, body).get("errcode")


def walk(page: Callable[[Json], Json], request: Json, cursor: str, items: str) -> list[Json]:
    """Follow a cursor until a page has none, or no items."""
    collected: list[Json] = []
    for _ in range(1000):
        answer = page(request)
        collected += answer[items]
        if not answer[items] or not answer.get(cursor):
            return collected
        request = {**request, cursor: answer[cursor]}
    raise AssertionError("the walk does not end")


def article_request(sandbox: Sandbox, **fields: object) -> Json:
    """A good request for the largest article list."""
    shop_appid, promoter_id = next(iter(sandbox.world.league.articles))
    promoter = sandbox.world.league.promoter(shop_appid, promoter_id)
    assert promoter is not None
    return {
        "next_key": "",
        "page_size": 10,
        "shop_appid": shop_appid,
        "promoter_id": promoter_id,
        "promoter_type": promoter["promoter_type"],
        "sharer_appid": sandbox.world.league.sharers[0]["sharer_appid"],
        **fields,
    }
