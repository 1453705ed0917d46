"""Writes docs/errors.md from the errcodes' rules: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from channels_assets.wechat.errcodes import RULES, UNKNOWN, Rule
from channels_assets.wechat.errors import (
    BadRequest,
    PermissionDenied,
    QuotaExhausted,
    RateLimited,
    TokenRejected,
    Transient,
    WeChatError,
)

PATH = Path(__file__).parents[2] / "docs" / "errors.md"

_CLASSES: dict[type[WeChatError], tuple[str, str]] = {
    Transient: (
        "It is tried again, with growing waits; then the list fails until the next refresh.",
        "自动重试，间隔递增；仍失败则该列表失败，下次刷新再试。",
    ),
    RateLimited: (
        "The same, and all calls of this account slow down.",
        "同上，且该账号的所有调用降速。",
    ),
    TokenRejected: (
        "A new token is fetched once and the call sent once more; then a person must look.",
        "重新获取 token 并重发一次；仍失败则需人工处理。",
    ),
    QuotaExhausted: (
        "No further call to this API in this refresh; other APIs go on.",
        "本次刷新不再调用该接口，其他接口照常。",
    ),
    PermissionDenied: (
        "A person must act; nothing is tried again.",
        "需人工处理，不重试。",
    ),
    BadRequest: (
        "The request was wrong: a bug, or a stale cursor (then the list is read anew once).",
        "请求有误：程序缺陷，或游标失效（会从头重读一次）。",
    ),
}

_HEAD = """# Errors / 错误码

<!-- Written by `make docs` from channels_assets/wechat/errcodes.py: change it there. -->

What each errcode of WeChat means to this project. Its class says whose move it is:
每个微信错误码在本项目中的含义；类别说明该由谁处理：

| Class | What happens | 处理方式 |
|---|---|---|
%(classes)s

`channels-assets doctor` finds out which of these stands in your way. `channels-assets doctor` 可检查是哪一种问题。

| Code | Class | What it means | What to do | 含义 | 处理 |
|---|---|---|---|---|---|
"""


def table() -> str:
    """The page as it should be."""
    codes: dict[Rule, list[int]] = {}
    for code, rule in RULES.items():
        codes.setdefault(rule, []).append(code)
    rows = sorted(
        ((sorted(of_rule), rule) for rule, of_rule in codes.items()), key=lambda row: row[0]
    )
    lines = [_row(", ".join(str(code) for code in of_rule), rule) for of_rule, rule in rows]
    classes = [f"| `{error.__name__}` | {en} | {zh} |" for error, (en, zh) in _CLASSES.items()]
    head = _HEAD % {"classes": "\n".join(classes)}
    return head + "\n".join([*lines, _row("any other 其他", UNKNOWN)]) + "\n"


def _row(codes: str, rule: Rule) -> str:
    return "| " + " | ".join([codes, f"`{rule.error.__name__}`", *_texts(rule)]) + " |"


def _texts(rule: Rule) -> Iterator[str]:
    for text in (rule.meaning, rule.remedy, rule.meaning_zh, rule.remedy_zh):
        yield text.replace("|", "\\|")


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(table(), "utf-8")
