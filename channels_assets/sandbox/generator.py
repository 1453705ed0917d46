"""Generates the accounts of a world: windows, the agency with its lists, the third-party platform."""

import base64
from random import Random

from channels_assets.sandbox import fake_text
from channels_assets.sandbox.models import (
    AFFILIATE,
    ARTICLE_PROMOTER_TYPES,
    Authorisation,
    Json,
    League,
    Platform,
    Window,
)

_SMALL_WINDOW = 7
_BRANCH_IDS = (3001, 3002)
_PROMOTER_TYPES = (4, 5, 1)


def generate_windows(
    seed: int, shop_appids: list[str], *, windows: int, products: int
) -> list[Window]:
    """The windows of one world: the first is the largest, the second small, the last empty.

    Their own products come from the given shops.
    """
    rng = Random(f"windows {seed}")
    sizes = [_size(rng, index, windows, products) for index in range(windows)]
    return [_window(rng, shop_appids, size) for size in sizes]


def _size(rng: Random, index: int, windows: int, largest: int) -> int:
    if index == 0:
        return largest
    if index == windows - 1:
        return 0
    if index == 1:
        return min(_SMALL_WINDOW, largest)
    return rng.randint(0, largest)


def _window(rng: Random, shop_appids: list[str], size: int) -> Window:
    window = Window(fake_text.appid(rng), fake_text.secret(rng), fake_text.nickname(rng))
    suppliers = shop_appids or [fake_text.appid(rng)]
    for product_id in _window_product_ids(rng, size):
        own = rng.random() < 0.6
        item = make_own(rng, product_id, suppliers) if own else make_affiliate(rng, product_id)
        if rng.random() < 0.05:
            item["leaf_category_id"] = rng.randrange(1000, 9999)
        if own and rng.random() < 0.5:
            window.branches[product_id] = rng.choice(_BRANCH_IDS)
        window.products.append(item)
    return window


def _window_product_ids(rng: Random, size: int) -> list[str]:
    chosen = {fake_text.LARGEST_ID: None} if size else {}
    while len(chosen) < size:
        chosen[fake_text.product_id(rng)] = None
    ids = [str(number) for number in chosen]
    rng.shuffle(ids)
    return ids


def make_own(rng: Random, product_id: str, suppliers: list[str]) -> Json:
    """A product of the account's own shops."""
    item: Json = {"product_id": product_id, "appid": rng.choice(suppliers)}
    if rng.random() < 0.15:
        item["product_source"] = 0
    return item


def make_affiliate(rng: Random, product_id: str) -> Json:
    """A product from the selection centre (选品中心)."""
    out_product_id = str(fake_text.product_id(rng))
    return {
        "product_id": product_id,
        "out_product_id": out_product_id,
        "product_source": AFFILIATE,
    }


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
    """The agency of one world; its first article list is the largest, the last is empty."""
    rng = Random(f"league {seed}")
    league = League(fake_text.appid(rng), fake_text.secret(rng))
    league.shops = [_shop(rng) for _ in range(shops)]
    for shop in league.shops:
        league.promoters[shop["shop_appid"]] = [_promoter(rng, n) for n in range(promoters)]
    league.sharers = [_sharer(rng, n) for n in range(sharers)]
    for sharer in league.sharers:
        league.sharer_openids[sharer["sharer_appid"]] = fake_text.openid(rng)

    keys = _article_list_keys(league)
    for index, key in enumerate(keys):
        if index == 0:
            size = articles
        elif index == len(keys) - 1:
            size = 0
        else:
            size = rng.randint(0, articles)
        league.articles[key] = [
            make_article(rng, _article_product_ids(rng, n, products_per_article), string_ids)
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
        "shop_appid": fake_text.appid(rng),
        "bind_time": fake_text.bind_time(rng),
        "shop_nickname": fake_text.shop_name(rng),
        "shop_head_img": fake_text.image_url(rng),
    }


def _promoter(rng: Random, index: int) -> Json:
    return {
        "promoter_id": str(rng.randrange(10**9, 10**10)),
        "avatar_image_url": fake_text.image_url(rng),
        "promoter_type": _PROMOTER_TYPES[index % len(_PROMOTER_TYPES)],
        "promoter_name": fake_text.shop_name(rng),
    }


def _sharer(rng: Random, index: int) -> Json:
    paid_by_agency = index % 2
    return {
        "sharer_appid": fake_text.appid(rng),
        "bind_time": fake_text.bind_time(rng),
        # When the agency itself pays, the ratio is a dummy.
        "commission_ratio": 1 if paid_by_agency else rng.randint(10, 100) * 10_000,
        "commission_type": paid_by_agency,
        "nickname": fake_text.nickname(rng),
        "head_img_url": fake_text.image_url(rng),
    }


def _article_product_ids(rng: Random, index: int, average: int) -> list[int]:
    """About `average` products; every tenth article has none, and every tenth has very many."""
    if average == 0 or index % 10 == 3:
        return []
    if index % 10 == 7:
        return [fake_text.LARGEST_ID, *(fake_text.product_id(rng) for _ in range(average * 8))]
    return [fake_text.product_id(rng) for _ in range(rng.randint(1, 2 * average - 1))]


def make_article(rng: Random, product_ids: list[int], string_ids: float = 0.1) -> Json:
    """A new article that promotes the products."""
    created = 0 if rng.random() < 0.08 else fake_text.timestamp(rng)
    article: Json = {
        "product_list": [_product(rng, number, string_ids) for number in product_ids],
        "article_info": {
            "article_title": fake_text.article_title(rng),
            "cover_image": fake_text.image_url(rng),
            "article_url": fake_text.article_url(rng),
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
        "product_name": fake_text.product_name(rng),
        "product_img_url": fake_text.image_url(rng),
        "predict_commission_amount": rng.randrange(20_000),
        "commission_rate": rng.randint(1, 90) * 10_000,
    }


def generate_platform(seed: int, window_appids: list[str]) -> Platform:
    """The third-party platform of one world; all windows have authorised it."""
    rng = Random(f"platform {seed}")
    return Platform(
        appid=fake_text.appid(rng),
        secret=fake_text.secret(rng),
        ticket="ticket@@@" + _random_text(rng, 60),
        authorisations={
            appid: Authorisation("refreshtoken@@@" + _random_text(rng, 32))
            for appid in window_appids
        },
    )


def _random_text(rng: Random, length: int) -> str:
    return base64.urlsafe_b64encode(rng.randbytes(length)).decode().rstrip("=")
