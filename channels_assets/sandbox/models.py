"""The accounts of a world, and the lists of each account."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

AFFILIATE = 1
"""`product_source` of a product that comes from the selection centre."""

ARTICLE_PROMOTER_TYPES = (4, 5)
"""公众号 and 服务号: the only `promoter_type`s that have articles."""


@dataclass
class Window:
    """One 视频号助手 account. `products` are the objects that the API sends, in the same order."""

    appid: str
    secret: str
    nickname: str
    products: list[Json] = field(default_factory=list)
    branches: dict[str, int] = field(default_factory=dict)
    """product_id -> branch_id; the API filters by branch but does not send it."""

    def select(self, shop_appid: str | None, branch_id: int | None, cps_only: bool) -> list[Json]:
        """The products that pass the filters; with a shop, `cps_only` is ignored, as in the API."""
        if shop_appid is not None:
            selected = [item for item in self.products if item.get("appid") == shop_appid]
        elif cps_only:
            selected = [item for item in self.products if item.get("product_source") == AFFILIATE]
        else:
            selected = self.products
        if branch_id is None:
            return selected
        return [item for item in selected if self.branches.get(item["product_id"]) == branch_id]


@dataclass
class Authorisation:
    """What a window account allows the platform."""

    refresh_token: str
    """The valid refresh token; the sandbox replaces it at each use."""
    permission_sets: set[int] = field(default_factory=lambda: {133, 177})


@dataclass
class Platform:
    """A third-party platform (第三方平台) that window accounts have authorised."""

    appid: str
    secret: str
    ticket: str
    """The latest component_verify_ticket."""
    expired_tickets: set[str] = field(default_factory=set)
    authorisations: dict[str, Authorisation] = field(default_factory=dict)
    """By appid of the window account; a withdrawn authorisation is removed."""

    def secrets(self) -> set[str]:
        """All values that must never leak."""
        refresh = {authorisation.refresh_token for authorisation in self.authorisations.values()}
        return {self.secret, self.ticket} | self.expired_tickets | refresh


@dataclass
class League:
    """The 联盟带货机构 account with its shops, their linked accounts and its sharers."""

    appid: str
    secret: str
    shops: list[Json] = field(default_factory=list)
    promoters: dict[str, list[Json]] = field(default_factory=dict)
    """shop_appid -> the accounts linked to that shop."""
    sharers: list[Json] = field(default_factory=list)
    sharer_openids: dict[str, str] = field(default_factory=dict)
    """sharer_appid -> openid; the API filters by openid but does not send it."""
    articles: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    """(shop_appid, promoter_id) -> articles, without the share link, which depends on the sharer."""

    def has_shop(self, shop_appid: object) -> bool:
        """Whether this shop works with the agency."""
        return any(shop["shop_appid"] == shop_appid for shop in self.shops)

    def has_sharer(self, sharer_appid: object) -> bool:
        """Whether this sharer is bound to the agency."""
        return any(sharer["sharer_appid"] == sharer_appid for sharer in self.sharers)

    def promoter(self, shop_appid: str, promoter_id: object) -> Json | None:
        """The promoter with this id that is linked to this shop."""
        linked = self.promoters.get(shop_appid, [])
        return next((item for item in linked if item["promoter_id"] == promoter_id), None)

    def select_sharers(self, sharer_appid: str | None, sharer_openid: str | None) -> list[Json]:
        """The sharers that pass both optional filters."""
        return [
            sharer
            for sharer in self.sharers
            if sharer_appid in (None, sharer["sharer_appid"])
            and sharer_openid in (None, self.sharer_openids.get(sharer["sharer_appid"]))
        ]
