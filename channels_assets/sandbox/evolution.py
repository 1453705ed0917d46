"""Changes the lists of a world as a day changes real lists."""

from random import Random

from channels_assets.sandbox import fake_text
from channels_assets.sandbox.generator import make_affiliate, make_article, make_own
from channels_assets.sandbox.models import Json, Window
from channels_assets.sandbox.world import World


def pass_day(world: World, seed: object) -> None:
    """Change every list a little; the same world and seed always give the same change.

    Products are added, removed, moved, and change their supplier; articles are added and removed;
    commissions rise and fall. Empty lists stay empty. Share links stay the same: they depend on
    article, account and sharer only.
    """
    rng = Random(f"day {seed}")
    for window in world.windows.values():
        if window.products:
            _change_window(rng, window, [shop["shop_appid"] for shop in world.league.shops])
    for articles in world.league.articles.values():
        if articles:
            _change_articles(rng, articles)


def _change_window(rng: Random, window: Window, shops: list[str]) -> None:
    products = window.products
    for _ in range(_change_count(rng, len(products))):
        if len(products) > 1:
            products.pop(rng.randrange(len(products)))
    used_ids = {str(item["product_id"]) for item in products}
    for _ in range(_change_count(rng, len(products))):
        new = str(fake_text.product_id(rng))
        if new not in used_ids:
            item = (
                make_own(rng, new, shops)
                if shops and rng.random() < 0.6
                else make_affiliate(rng, new)
            )
            products.insert(rng.choice((0, 0, rng.randint(0, len(products)))), item)
            used_ids.add(new)
    for _ in range(_change_count(rng, len(products))):
        products.insert(
            rng.randint(0, len(products) - 1), products.pop(rng.randrange(len(products)))
        )
    for position in rng.sample(range(len(products)), min(1, len(products))):
        if "out_product_id" in products[position]:
            products[position] = {
                **products[position],
                "out_product_id": str(fake_text.product_id(rng)),
            }


def _change_articles(rng: Random, articles: list[Json]) -> None:
    if len(articles) > 1 and rng.random() < 0.4:
        articles.pop(rng.randrange(len(articles)))
    if rng.random() < 0.5:
        articles.insert(
            0, make_article(rng, [fake_text.product_id(rng) for _ in range(rng.randint(1, 5))])
        )
    for article in rng.sample(articles, min(len(articles), _change_count(rng, len(articles)))):
        article["product_list"] = [
            _with_new_commission(rng, item) for item in article["product_list"]
        ]


def _with_new_commission(rng: Random, product: Json) -> Json:
    if rng.random() < 0.5:
        return product
    rate = min(
        900_000, max(10_000, product["commission_rate"] + rng.choice((-50_000, 20_000, 50_000)))
    )
    amount = product["predict_commission_amount"] * rate // product["commission_rate"]
    return {**product, "commission_rate": rate, "predict_commission_amount": amount}


def _change_count(rng: Random, size: int) -> int:
    """Up to 2 % of the list; for a short list 0 or 1."""
    return rng.randint(0, max(1, size // 50))
