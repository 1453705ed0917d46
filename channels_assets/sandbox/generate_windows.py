"""Invents the windows: one large, one small, one empty, any others in between."""

from random import Random

from channels_assets.sandbox import wording
from channels_assets.sandbox.records import AFFILIATE, Json, Window

_SMALL = 7
_BRANCH_IDS = (3001, 3002)


def generate_windows(
    seed: int, shop_appids: list[str], *, windows: int, products: int
) -> list[Window]:
    """The windows of one world; their own products come from the shops given."""
    rng = Random(f"windows {seed}")
    sizes = [_size(rng, place, windows, products) for place in range(windows)]
    return [_window(rng, shop_appids, size) for size in sizes]


def _size(rng: Random, place: int, windows: int, largest: int) -> int:
    if place == 0:
        return largest
    if place == windows - 1:
        return 0
    if place == 1:
        return min(_SMALL, largest)
    return rng.randint(0, largest)


def _window(rng: Random, shop_appids: list[str], size: int) -> Window:
    window = Window(wording.appid(rng), wording.secret(rng), wording.person(rng))
    suppliers = shop_appids or [wording.appid(rng)]
    for product_id in _product_ids(rng, size):
        own = rng.random() < 0.6
        item = make_own(rng, product_id, suppliers) if own else make_affiliate(rng, product_id)
        if rng.random() < 0.05:
            item["leaf_category_id"] = rng.randrange(1000, 9999)
        if own and rng.random() < 0.5:
            window.branches[product_id] = rng.choice(_BRANCH_IDS)
        window.products.append(item)
    return window


def _product_ids(rng: Random, size: int) -> list[str]:
    chosen = {wording.LARGEST_ID: None} if size else {}
    while len(chosen) < size:
        chosen[wording.product_id(rng)] = None
    ids = [str(number) for number in chosen]
    rng.shuffle(ids)
    return ids


def make_own(rng: Random, product_id: str, suppliers: list[str]) -> Json:
    """A product of one's own shop."""
    item: Json = {"product_id": product_id, "appid": rng.choice(suppliers)}
    if rng.random() < 0.15:
        item["product_source"] = 0
    return item


def make_affiliate(rng: Random, product_id: str) -> Json:
    """A product from the selection centre."""
    out_product_id = str(wording.product_id(rng))
    return {
        "product_id": product_id,
        "out_product_id": out_product_id,
        "product_source": AFFILIATE,
    }
