"""Chinese in pictures, labels on every axis, and tables that run nothing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from channels_assets.notebooks import charts, fonts
from channels_assets.sandbox import World

CHINESE = "橱窗商品与佣金，最近一周：增加、移除、调价（元）"
DAY = pd.Timestamp("2026-01-05")
FRAME = pd.DataFrame({"自营": [3, 4], "选品中心": [1, None]}, index=["窗口一", "窗口二"])
BY_DAY = pd.DataFrame({"added": [2, 1], "removed": [-1, 0]}, index=[DAY.date(), DAY.date()])
EMPTY = pd.DataFrame({"a": []})
DRAWINGS: dict[str, tuple[Callable[..., None], Any, dict[str, Any]]] = {
    "bars": (charts.bars, FRAME, {"x": "an x", "y": "a y"}),
    "one bar": (charts.bars, FRAME[["自营"]], {"x": "an x", "y": "a y"}),
    "no bars": (charts.bars, EMPTY, {"x": "an x", "y": "a y"}),
    "days": (charts.days, BY_DAY, {"y": "a y"}),
    "no days": (charts.days, EMPTY, {"y": "a y"}),
    "lines": (charts.lines, BY_DAY, {"y": "a y"}),
    "boxes": (charts.boxes, {"一": [1.0, 2.0, 9.0], "二": [3.0]}, {"x": "an x", "y": "a y"}),
    "no boxes": (charts.boxes, {}, {"x": "an x", "y": "a y"}),
    "histogram": (charts.histogram, [1, 1e6], {"x": "an x", "y": "a y", "step": 5}),
    "no histogram": (charts.histogram, [], {"x": "an x", "y": "a y", "step": 5}),
}


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.use("agg")
        # matplotlib warns when a font has no glyph for a character.
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "The inplace keyword")
        yield
        plt.close("all")


needs_font = pytest.mark.skipif(fonts.chinese_font() is None, reason=fonts.HOW_TO)


def draw(text: str) -> None:
    figure = plt.figure()
    figure.text(0, 0, text)
    figure.canvas.draw()


def test_without_the_font_matplotlib_complains() -> None:
    mpl.rcParams["font.family"] = ["DejaVu Sans"]
    with pytest.raises(UserWarning, match=r"Glyph .* missing"):
        draw(CHINESE)


@needs_font
def test_no_chinese_character_is_missing() -> None:
    charts.prepare()
    draw(CHINESE)


@needs_font
def test_every_title_of_a_world_can_be_a_label() -> None:
    charts.prepare()
    lists = World.generate(seed=7).league.articles.values()
    titles = {article["article_info"]["article_title"] for some in lists for article in some}
    draw("\n".join(fonts.short(title, 1000) for title in titles))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("橱窗", "橱窗"),
        ("橱窗商品佣金", "橱窗商品佣..."),
        ("abcdefghijk", "abcdefghij..."),
        ("a\n\t b", "a b"),
        ("买一送一🔥", "买一送一"),
        ("$a$", r"\$a\$"),
        (None, "None"),
        ("", ""),
    ],
)
@needs_font
def test_short(text: object, label: str) -> None:
    charts.prepare()
    assert fonts.short(text, 10) == label


def test_without_any_font_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_FAMILIES", ("No Such Font",))
    with pytest.warns(fonts.NoChineseFont, match="fonts-noto-cjk"):
        charts.prepare()
    charts.bars(FRAME, title=CHINESE, x="an x", y="a y")  # still draws


@needs_font
@pytest.mark.parametrize("name", DRAWINGS)
def test_every_axis_has_its_label(name: str) -> None:
    function, data, options = DRAWINGS[name]
    charts.prepare()
    function(data, title=CHINESE, **options)
    plt.gcf().canvas.draw()
    (axes,) = plt.gcf().axes
    assert axes.get_title(loc="left") == CHINESE
    assert axes.get_xlabel() in {"an x", "day (China)"}
    assert axes.get_ylabel() == "a y"
    if name.startswith("no "):
        assert "暂无" in axes.texts[0].get_text()


def test_tables() -> None:
    frame = pd.DataFrame(
        {
            "text": pd.Series(["<script>alert(1)</script>", "长" * 99], dtype="str"),
            "error": pd.Series(["e" * 99, None], dtype="str"),
            "number": pd.Series([1234567, None], dtype="Int64"),
            "yuan": [1234.5, None],
            "time": pd.to_datetime(["2026-01-05T04:00Z", "NaT"]).tz_convert("Asia/Shanghai"),
        }
    )
    html = charts.show(frame, {"yuan": "{:,.2f}"}).to_html()
    assert "<script>" not in html
    assert "长" * 48 + "..." in html
    assert "长" * 49 not in html
    for text in ("e" * 99, "1,234,567", "1,234.50", "2026-01-05 12:00", ">-<"):
        assert text in html
    assert "暂无" in charts.show(frame.head(0)).to_html()
