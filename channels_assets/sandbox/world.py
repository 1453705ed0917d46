"""All accounts and lists that the stand-in API serves; tests compare tables with them."""

import base64
import hashlib
from dataclasses import dataclass, field
from random import Random

from channels_assets.sandbox.generator import generate_league, generate_platform, generate_windows
from channels_assets.sandbox.models import Json, League, Platform, Window


@dataclass
class World:
    """Every account with its lists. Mutable: a test may change the lists at any time."""

    windows: dict[str, Window]
    league: League
    platform: Platform = field(default_factory=lambda: generate_platform(0, []))

    @classmethod
    def generate(
        cls,
        seed: int = 7,
        *,
        windows: int = 3,
        products: int = 450,
        shops: int = 3,
        promoters: int = 3,
        sharers: int = 2,
        articles: int = 25,
        products_per_article: int = 3,
        string_ids: float = 0.1,
    ) -> "World":
        """Generate a world; the same arguments always give the same world.

        `products` and `articles` are the sizes of the largest window and article list,
        `promoters` counts per shop, `string_ids` is the share of article products whose id
        is sent as a string instead of a number.
        """
        league = generate_league(
            seed,
            shops=shops,
            promoters=promoters,
            sharers=sharers,
            articles=articles,
            products_per_article=products_per_article,
            string_ids=string_ids,
        )
        shop_appids = [shop["shop_appid"] for shop in league.shops]
        generated = generate_windows(seed, shop_appids, windows=windows, products=products)
        _offer_promoted_products(seed, generated, league)
        return cls(
            windows={window.appid: window for window in generated},
            league=league,
            platform=generate_platform(seed, [window.appid for window in generated]),
        )

    def secret_of(self, appid: str) -> str | None:
        """The secret of an account; None for an unknown appid."""
        window = self.windows.get(appid)
        if window is not None:
            return window.secret
        return self.league.secret if appid == self.league.appid else None

    def secrets(self) -> dict[str, str]:
        """The secret of each account, by appid."""
        secrets = {window.appid: window.secret for window in self.windows.values()}
        return {**secrets, self.league.appid: self.league.secret}

    def products_for(
        self,
        appid: str,
        *,
        shop_appid: str | None = None,
        branch_id: int | None = None,
        cps_only: bool = False,
    ) -> list[Json]:
        """The whole list that the API sends for this window, in order."""
        return list(self.windows[appid].select(shop_appid, branch_id, cps_only))

    def articles_for(self, shop_appid: str, promoter_id: str, sharer_appid: str) -> list[Json]:
        """The whole article list that the API sends, in order."""
        articles = self.league.articles.get((shop_appid, promoter_id), [])
        return [with_share_link(article, promoter_id, sharer_appid) for article in articles]


def _offer_promoted_products(seed: int, windows: list[Window], league: League) -> None:
    """Make a fifth of the affiliate products in windows products that articles promote."""
    rng = Random(f"promoted {seed}")
    promoted = {
        str(product["product_id"])
        for articles in league.articles.values()
        for article in articles
        for product in article["product_list"]
    }
    for window in windows:
        unused = rng.sample(sorted(promoted), len(promoted))
        for item in window.products:
            if "out_product_id" in item and unused and rng.random() < 0.2:
                item["out_product_id"] = unused.pop()


def with_share_link(article: Json, promoter_id: str, sharer_appid: str) -> Json:
    """The article with the promotion link of one sharer: opaque, but always the same."""
    info = article["article_info"]
    origin = "\n".join((info["article_url"], promoter_id, sharer_appid))
    digest = hashlib.sha512(origin.encode()).digest()
    link = "v1=" + base64.urlsafe_b64encode(digest[:51]).decode()
    return {**article, "article_info": {**info, "promoter_share_link": link}}
