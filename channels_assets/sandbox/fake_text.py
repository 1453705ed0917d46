"""Random names, titles, ids and times, as they look in the real API."""

import base64
from random import Random

_BRANDS = ("山野集", "小橘灯", "Nintendo 任天堂", "老周家", "云朵の店", "北纬45°", "阿婆", "O'Neil")
_TRAITS = (
    "手工",
    "新鲜现摘",
    "加厚",
    "续航增强版",
    "“网红”同款",
    "可水洗",
    "有机",
    "限量🎁",
    "儿童",
)
_GOODS = ("茶叶", "羊毛围巾", "红富士苹果", "游戏机", "保温杯", "绘本", "牛肉干", "台灯", "颈椎枕")
_SPECS = ("500g", "2件装", "大号/L", "买一送一🔥", '10" 屏', "3×6包", "礼盒装", "")
_OPENINGS = ("为什么说", "这才是", "我们找到了", "冬天里的", "妈妈都说好的", "深度｜", "【福利】")
_ENDINGS = ("，看完再买!", "\u2014\u2014附清单", "？答案在文末👇", " & 你", "\\(^o^)/", "")
_PEOPLE = ("小满", "阿May", "老王说车", "🌙夜航船", "李\u200d雷", '"二丫"', "郭敬明的猫", "Ivan Ó")

_NOW = 1_760_000_000
_TWO_YEARS = 63_072_000
_BEYOND_DOUBLE = 2**53 + 1

LARGEST_ID = 18446744073709551615
"""The largest uint64: a parser that uses floats or signed integers changes it."""


def appid(rng: Random) -> str:
    """An appid; ids of sharers have the same form."""
    return f"wx{rng.getrandbits(64):016x}"


def secret(rng: Random) -> str:
    """The secret of an account."""
    return f"{rng.getrandbits(128):032x}"


def openid(rng: Random) -> str:
    """A person's id under one mini program."""
    return "o" + base64.urlsafe_b64encode(rng.randbytes(20)).decode().rstrip("=")


def nickname(rng: Random) -> str:
    """A nickname; some are empty, as in the API."""
    return "" if rng.random() < 0.1 else rng.choice(_PEOPLE) + str(rng.randrange(100))


def shop_name(rng: Random) -> str:
    """The name of a shop or of an account linked to it."""
    return rng.choice(_BRANDS) + rng.choice(("旗舰店", "小铺", "优选", "严选生活馆"))


def product_name(rng: Random) -> str:
    """The name of a product; a few are very long."""
    parts = [rng.choice(_BRANDS), rng.choice(_TRAITS), rng.choice(_GOODS), rng.choice(_SPECS)]
    name = " ".join(parts).strip()
    return name * 12 if rng.random() < 0.03 else name


def article_title(rng: Random) -> str:
    """The title of an article; a few are very long."""
    title = rng.choice(_OPENINGS) + rng.choice(_TRAITS) + rng.choice(_GOODS) + rng.choice(_ENDINGS)
    return title * 20 if rng.random() < 0.05 else title


def image_url(rng: Random) -> str:
    """The address of an image, or the empty string."""
    if rng.random() < 0.2:
        return ""
    return f"https://mmecimage.cn/p/{appid(rng)}/{rng.getrandbits(160):040x}"


def article_url(rng: Random) -> str:
    """The address of an article."""
    token = base64.urlsafe_b64encode(rng.randbytes(16)).decode().rstrip("=")
    return f"https://mp.weixin.qq.com/s/{token}"


def product_id(rng: Random) -> int:
    """Most have 13 or 14 digits; some need all 64 bits."""
    if rng.random() < 0.04:
        return rng.randrange(_BEYOND_DOUBLE, LARGEST_ID)
    return rng.randrange(10**12, 10**14)


def timestamp(rng: Random) -> int:
    """Epoch seconds within the last two years."""
    return _NOW - rng.randrange(_TWO_YEARS)


def bind_time(rng: Random) -> int:
    """Epoch seconds, sometimes milliseconds: the API sends both."""
    seconds = timestamp(rng)
    return seconds * 1000 + rng.randrange(1000) if rng.random() < 0.3 else seconds
