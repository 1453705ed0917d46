"""Pictures and tables for the notebooks: every axis has a label with its unit, empty data says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from pandas.io.formats.style import Styler

from channels_assets.notebooks.fonts import short, use_chinese_font

COLOURS = ("#2a78b8", "#e8833a", "#4c9f70", "#b8456b", "#8a8a8a", "#7b6bb0")
_CUT = 48
_MOST_BINS = 60
_NOTHING = "nothing yet 暂无数据"
_STYLE: Mapping[Any, Any] = {
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.unicode_minus": False,
    "legend.frameon": False,
}


def prepare() -> None:
    """The look of all pictures; warns when there is no font for Chinese."""
    mpl.rcParams.update(_STYLE)
    use_chinese_font()


def show(
    frame: pd.DataFrame,
    formats: Mapping[str, str] | None = None,
    whole: Sequence[str] = ("error", "address"),
) -> Styler:
    """A table for people: no row numbers, thousands apart, "-" for what is not there.

    `formats` by column, as in str.format; whole numbers and times have theirs already. Texts are cut
    after _CUT characters but those in the columns `whole`.
    """
    chosen: dict[Any, Any] = {}
    times: list[Any] = []
    for name, kind in frame.dtypes.items():
        if pd.api.types.is_integer_dtype(kind):
            chosen[str(name)] = "{:,}"
        elif isinstance(kind, pd.DatetimeTZDtype):
            chosen[str(name)] = "{:%Y-%m-%d %H:%M}"
            times.append(name)
        elif pd.api.types.is_datetime64_any_dtype(kind):
            chosen[str(name)] = "{:%Y-%m-%d}"
    frame = frame.copy()
    for name in frame:
        if name not in whole and pd.api.types.is_string_dtype(frame[name]):
            long = frame[name].str.len() > _CUT
            frame[name] = frame[name].mask(long, frame[name].str.slice(0, _CUT) + "...")
    numbers = [name for name in frame if pd.api.types.is_numeric_dtype(frame[name])]
    texts = [name for name in frame if name not in numbers]
    table = frame.style if len(frame) else frame.style.set_caption(_NOTHING)
    return (
        # HTML in a title is shown, not run.
        table.format(chosen | dict(formats or {}), na_rep="-", escape="html")
        .hide(axis="index")
        .set_properties(subset=numbers, **{"text-align": "right"})
        .set_properties(subset=texts, **{"text-align": "left", "max-width": "28em"})
        .set_properties(subset=times, **{"white-space": "nowrap"})
        .set_table_styles([{"selector": "th", "props": "text-align: left"}])
    )


def bars(frame: pd.DataFrame, *, title: str, x: str, y: str) -> None:
    """Horizontal bars, one for each name of the index, stacked if there are several columns."""
    axes = _axes(title, x, y, height=1.1 + 0.34 * max(len(frame), 2))
    if _is_empty(axes, frame):
        return
    names = [short(name, 40) for name in frame.index]
    left = pd.Series(0.0, index=range(len(frame)))
    for column in frame:
        values = frame[column].astype(float).fillna(0).reset_index(drop=True)
        drawn = axes.barh(range(len(frame)), values, left=left, label=short(column))
        left = left + values
        if len(frame.columns) == 1:
            digits = 0 if pd.api.types.is_integer_dtype(frame[column]) else 2
            axes.bar_label(
                drawn, [f"{value:,.{digits}f}" for value in values], padding=3, fontsize=9
            )
    axes.set_yticks(range(len(frame)), names)
    axes.set_ylim(len(frame) - 0.4, -0.6)  # the first one on top
    axes.margins(x=0.08)
    axes.grid(axis="x", alpha=0.3)
    _whole_numbers(axes, frame, "x")
    _legend(axes, len(frame.columns))


def days(frame: pd.DataFrame, *, title: str, y: str) -> None:
    """Stacked bars, one for each day of the index; negative values go down."""
    axes = _axes(title, "day (China)", y)
    if _is_empty(axes, frame):
        return
    frame = frame.set_axis(pd.to_datetime(frame.index)).sort_index()
    up, down = pd.Series(0.0, index=frame.index), pd.Series(0.0, index=frame.index)
    for column in frame:
        values = frame[column].astype(float).fillna(0)
        bottom = up.where(values >= 0, down)
        axes.bar(list(frame.index), values, bottom=bottom, width=0.7, label=short(column))
        up, down = up + values.clip(lower=0), down + values.clip(upper=0)
    axes.axhline(0, color="#444", linewidth=0.8)
    axes.grid(axis="y", alpha=0.3)
    _whole_numbers(axes, frame, "y")
    _days_axis(axes, frame)
    _legend(axes, len(frame.columns))


def lines(frame: pd.DataFrame, *, title: str, y: str) -> None:
    """A line through the days of the index for each column."""
    axes = _axes(title, "day (China)", y)
    if _is_empty(axes, frame):
        return
    frame = frame.set_axis(pd.to_datetime(frame.index)).sort_index()
    for column in frame:
        axes.plot(list(frame.index), frame[column].astype(float), marker="o", label=short(column))
    axes.margins(y=0.15)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    _whole_numbers(axes, frame, "y")
    _days_axis(axes, frame)
    _legend(axes, len(frame.columns))


def boxes(groups: Mapping[str, Sequence[float]], *, title: str, x: str, y: str) -> None:
    """A box for each group: half of its values are in it, the line is the median, dots are far off."""
    axes = _axes(title, x, y, height=1.3 + 0.42 * max(len(groups), 2))
    if _is_empty(axes, groups):
        return
    names = [f"{short(name, 34)} ({len(values):,})" for name, values in groups.items()]
    drawn = axes.boxplot(
        list(groups.values()), orientation="horizontal", widths=0.6, patch_artist=True,
        flierprops={"markersize": 3}, medianprops={"color": "#222"},
    )  # fmt: skip
    for box in drawn["boxes"]:
        box.set_facecolor("#a9cbe6")
    axes.set_yticks(range(1, len(groups) + 1), names)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)


def histogram(values: Sequence[float], *, title: str, x: str, y: str, step: float) -> None:
    """How many values lie in each stretch of `step`; the dashed line is the median.

    With values too far apart for that, the stretches are doubled until _MOST_BINS suffice.
    """
    axes = _axes(title, x, y)
    if _is_empty(axes, values):
        return
    series = pd.Series(list(values), dtype=float)
    while series.max() - series.min() > _MOST_BINS * step:
        step *= 2
    edges = [step * n for n in range(int(series.min() // step), int(series.max() // step) + 2)]
    axes.hist(series, bins=edges, edgecolor="white", linewidth=0.5)
    median = series.median()
    axes.axvline(median, color="#222", linestyle="--", linewidth=1, label=f"median {median:,.4g}")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", alpha=0.3)
    axes.legend()


def _axes(title: str, x: str, y: str, height: float = 3.4) -> Axes:
    _, axes = plt.subplots(figsize=(9, height))
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return axes


def _is_empty(axes: Axes, data: pd.DataFrame | Mapping[str, object] | Sequence[float]) -> bool:
    if len(data):
        return False
    axes.text(0.5, 0.5, _NOTHING, ha="center", transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])
    return True


def _whole_numbers(axes: Axes, frame: pd.DataFrame, axis: str) -> None:
    if all(pd.api.types.is_integer_dtype(kind) for kind in frame.dtypes):
        getattr(axes, f"{axis}axis").set_major_locator(MaxNLocator(integer=True))


def _days_axis(axes: Axes, frame: pd.DataFrame) -> None:
    day = pd.Timedelta(days=1)
    first, last = frame.index[0], frame.index[-1]
    axes.set_xlim(min(first, last - 6 * day) - day / 2, last + day / 2)
    locator = mdates.AutoDateLocator(minticks=3, maxticks=10)
    locator.intervald[mdates.DAILY] = [1, 2, 3, 7, 14]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%m-%d"))


def _legend(axes: Axes, series: int) -> None:
    if series > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
