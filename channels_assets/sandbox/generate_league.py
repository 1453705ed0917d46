"""Invents the agency: shops, the accounts linked to them, sharers and article lists."""

from random import Random

from channels_assets.sandbox import wording
from channels_assets.sandbox.records import ARTICLE_PROMOTER_TYPES, Json, League

_PROMOTER_TYPES = (4, 5, 1)


def generate_league(
    seed: int,
    *,
    shops: int,
    promoters: int,
    sharers: int,
    articles: int,
    products_per_article: int,
    string_ids: float,
) -> League:
    """The agency of one world; its first article list is the largest, its last one is empty."""
    rng = Random(f"league {seed}")
    league = League(wording.appid(rng), wording.secret(rng))
    league.shops = [_shop(rng) for _ in range(shops)]
    for shop in league.shops:
        league.promoters[shop["shop_appid"]] = [_promoter(rng, n) for n in range(promoters)]
    league.sharers = [_sharer(rng, n) for n in range(sharers)]
    for sharer in league.sharers:
        league.sharer_openids[sharer["sharer_appid"]] = wording.openid(rng)

    keys = _article_list_keys(league)
    for place, key in enumerate(keys):
        if place == 0:
            size = articles
        elif place == len(keys) - 1:
            size = 0
        else:
            size = rng.randint(0, articles)
        league.articles[key] = [
            make_article(rng, _product_ids(rng, n, products_per_article), string_ids)
            for n in range(size)
        ]
    return league


def _article_list_keys(league: League) -> list[tuple[str, str]]:
    return [
        (shop_appid, promoter["promoter_id"])
        for shop_appid, promoters in league.promoters.items()
        for promoter in promoters
        if promoter["promoter_type"] in ARTICLE_PROMOTER_TYPES
    ]


def _shop(rng: Random) -> Json:
    return {
        "shop_appid": wording.appid(rng),
        "bind_time": wording.bind_time(rng),
        "shop_nickname": wording.shop_name(rng),
        "shop_head_img": wording.image(rng),
    }


def _promoter(rng: Random, place: int) -> Json:
    return {
        "promoter_id": str(rng.randrange(10**9, 10**10)),
        "avatar_image_url": wording.image(rng),
        "promoter_type": _PROMOTER_TYPES[place % len(_PROMOTER_TYPES)],
        "promoter_name": wording.shop_name(rng),
    }


def _sharer(rng: Random, place: int) -> Json:
    paid_by_agency = place % 2
    return {
        "sharer_appid": wording.appid(rng),
        "bind_time": wording.bind_time(rng),
        # When the agency itself pays, the ratio is a dummy.
        "commission_ratio": 1 if paid_by_agency else rng.randint(10, 100) * 10_000,
        "commission_type": paid_by_agency,
        "nickname": wording.person(rng),
        "head_img_url": wording.image(rng),
    }


def _product_ids(rng: Random, place: int, usual: int) -> list[int]:
    """Around the usual number, but every list of some length has an empty and a full article."""
    if usual == 0 or place % 10 == 3:
        return []
    if place % 10 == 7:
        return [wording.LARGEST_ID, *(wording.product_id(rng) for _ in range(usual * 8))]
    return [wording.product_id(rng) for _ in range(rng.randint(1, 2 * usual - 1))]


def make_article(rng: Random, product_ids: list[int], string_ids: float = 0.1) -> Json:
    """A new article that promotes these products."""
    created = 0 if rng.random() < 0.08 else wording.moment(rng)
    article: Json = {
        "product_list": [_product(rng, number, string_ids) for number in product_ids],
        "article_info": {
            "article_title": wording.article_title(rng),
            "cover_image": wording.image(rng),
            "article_url": wording.article_url(rng),
        },
        "create_time": created,
        "update_time": created + rng.randrange(90_000) if created else 0,
    }
    if rng.random() < 0.1:
        article["is_top"] = True
    return article


def _product(rng: Random, number: int, string_ids: float) -> Json:
    return {
        "product_id": str(number) if rng.random() < string_ids else number,
        "product_name": wording.product_name(rng),
        "product_img_url": wording.image(rng),
        "predict_commission_amount": rng.randrange(20_000),
        "commission_rate": rng.randint(1, 90) * 10_000,
    }
