"""The world that is measured: 4 windows x 10,000 products, 120 article lists x 50 articles x 4 products."""

from __future__ import annotations

import random
from dataclasses import dataclass

from channels_assets.sandbox import League, Window, World


@dataclass(frozen=True)
class Size:
    """How large a world is. An article list belongs to one account; each shop has up to ten."""

    windows: int = 4
    products: int = 10_000
    lists: int = 120
    articles: int = 50
    products_per_article: int = 4

    @property
    def rows(self) -> int:
        articles = self.lists * self.articles
        return self.windows * self.products + articles * (1 + self.products_per_article)

    @property
    def calls(self) -> int:
        """Pages of windows and article lists, without those that only find that nothing follows."""
        return self.windows * -(-self.products // 200) + self.lists * -(-self.articles // 10)


def make(size: Size) -> World:
    dice = random.Random(5)
    windows = [_window(dice, number, size.products) for number in range(size.windows)]
    return World({window.appid: window for window in windows}, _league(dice, size))


def _window(dice: random.Random, number: int, products: int) -> Window:
    appid = f"wx{number:016x}"
    window = Window(appid, f"secret-of-{appid}", f"橱窗 {number}")
    for product in range(products):
        digits = str((number << 40) + 10_000_000_000_000 + product)
        if dice.random() < 0.6:
            window.products.append({"product_id": digits, "appid": f"wx{dice.randrange(9):016x}"})
        else:
            out = str(dice.randrange(10**13, 10**14))
            window.products.append(
                {"product_id": digits, "out_product_id": out, "product_source": 1}
            )
    return window


def _league(dice: random.Random, size: Size) -> League:
    league = League("wxleague00000000", "secret-of-the-league")
    league.sharers = [
        {"sharer_appid": "wxsharer00000000", "bind_time": 1_700_000_000, "nickname": "推客"}
    ]
    for number in range(size.lists):
        shop, account = f"wxshop{number // 10:010d}", str(3_000_000_000 + number)
        if number % 10 == 0:
            league.shops.append({"shop_appid": shop, "shop_nickname": f"小店 {number // 10}"})
            league.promoters[shop] = []
        league.promoters[shop].append(
            {"promoter_id": account, "promoter_type": 4 + number % 2, "promoter_name": "好物"}
        )
        league.articles[shop, account] = [
            _article(dice, number, place, size.products_per_article)
            for place in range(size.articles)
        ]
    return league


def _article(dice: random.Random, number: int, place: int, products: int) -> dict[str, object]:
    moment = 1_736_864_136 + dice.randrange(30_000_000)
    return {
        "product_list": [
            {
                "product_id": 10_000_000_000_000 + dice.randrange(10**12),
                "product_name": "手工紫砂壶 家用茶具套装",
                "product_img_url": f"https://mmbiz.qpic.cn/mmbiz_jpg/{dice.getrandbits(128):032x}/0",
                "predict_commission_amount": dice.randrange(20_000),
                "commission_rate": dice.randint(1, 90) * 10_000,
            }
            for _ in range(products)
        ],
        "article_info": {
            "article_title": f"今日好物推荐 第{place}期",
            "cover_image": f"https://mmbiz.qpic.cn/mmbiz_jpg/{dice.getrandbits(128):032x}/640",
            "article_url": f"https://mp.weixin.qq.com/s?__biz={number}&mid={place}&idx=1",
        },
        "create_time": moment,
        "update_time": moment + dice.randrange(90_000),
    }
