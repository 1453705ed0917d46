"""A font with Chinese characters for matplotlib, whose own has none."""

from __future__ import annotations

import unicodedata
import warnings
from functools import cache

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

HOW_TO = (
    "No font with Chinese characters was found: they show as boxes in the pictures. Install one, for "
    "example `apt-get install fonts-noto-cjk`, and restart the kernel. "
    "未找到中文字体，图中的汉字会显示为方框：请安装中文字体（如 fonts-noto-cjk）后重启内核。"
)
_SAMPLE = "橱窗商品佣金，。"
_FAMILIES = (
    *(
        "Noto Sans CJK SC",
        "Noto Sans SC",
        "Source Han Sans SC",
        "Source Han Sans CN",
        "PingFang SC",
    ),
    *("Hiragino Sans GB", "Microsoft YaHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
    *("Noto Sans CJK JP", "Noto Sans CJK TC", "STHeiti", "Heiti SC", "SimHei", "Arial Unicode MS"),
    *("SimSun", "Songti SC", "Droid Sans Fallback"),
)


class NoChineseFont(UserWarning):
    """Chinese characters will show as boxes."""


def use_chinese_font() -> str | None:
    """Make matplotlib draw Chinese, and return the font's name; None with a warning if there is none."""
    family = chinese_font()
    if family is None:
        warnings.warn(HOW_TO, NoChineseFont, stacklevel=2)
        return None
    mpl.rcParams["font.family"] = [family, "DejaVu Sans"]
    _characters.cache_clear()
    return family


def chinese_font() -> str | None:
    """The first installed family, in order of _FAMILIES, that has Chinese characters."""
    known = {font.name: font.fname for font in font_manager.fontManager.ttflist}
    if not any(family in known for family in _FAMILIES):
        # matplotlib keeps a list of fonts on disk: one installed since then is not in it.
        for path in set(font_manager.findSystemFonts()) - set(known.values()):
            try:
                font_manager.fontManager.addfont(path)
            except (OSError, RuntimeError):
                continue
        known = {font.name: font.fname for font in font_manager.fontManager.ttflist}
    for family in _FAMILIES:
        if family in known and set(map(ord, _SAMPLE)) <= set(FT2Font(known[family]).get_charmap()):
            return family
    return None


def short(text: object, width: int = 30) -> str:
    """A text to stand beside a bar: one line, at most so wide (a Chinese character counts as two).

    What the fonts can't draw, such as emoji, is left out; tables show texts whole.
    """
    there = _characters()
    line = "".join(item for item in " ".join(str(text).split()) if ord(item) in there)
    taken = 0
    for place, item in enumerate(line):
        taken += 2 if unicodedata.east_asian_width(item) in "WF" else 1
        if taken > width:
            line = line[:place].rstrip() + "..."
            break
    # A dollar sign would begin a formula.
    return line.replace("$", r"\$")


@cache
def _characters() -> frozenset[int]:
    found = set[int]()
    for family in mpl.rcParams["font.family"]:
        path = font_manager.findfont(family)
        found.update(FT2Font(path).get_charmap())
    return frozenset(found)
