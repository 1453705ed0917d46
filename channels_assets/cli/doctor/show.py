"""The diagnosis as lines for people, and as JSON for programs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape

from channels_assets.cli.doctor.diagnosis import Diagnosis
from channels_assets.cli.doctor.finding import CHECKS, Finding, Language, Said, Status, language

_STATUSES: dict[Status, Said] = {
    "ok": Said("ok", "正常"),
    "warning": Said("warning", "警告"),
    "wrong": Said("wrong", "错误"),
}
_COLOURS: dict[Status, str] = {"ok": "green", "warning": "yellow", "wrong": "red"}
_NAMED = 3


def as_json(found: Diagnosis) -> dict[str, Any]:
    """`status` is ok, warning or wrong; `account` an appid or null. Texts in the locale's language."""
    spoken = language()
    return {
        "exit_code": found.exit_code,
        "sandbox": found.sandbox or None,
        "findings": [
            {
                "check": one.check,
                "status": one.status,
                "account": one.account or None,
                "message": one.what.in_(spoken),
                "todo": one.todo.in_(spoken) or None,
                "rid": one.rid or None,
            }
            for one in found.findings
        ],
    }


def print_diagnosis(found: Diagnosis, console: Console) -> None:
    """One line for each check that is all right, and for each thing that is not."""
    spoken = language()
    width = max(_width(label.in_(spoken)) for label in CHECKS.values())
    for check, label in CHECKS.items():
        name = label.in_(spoken)
        name += " " * (width - _width(name))
        for status, line in _lines([one for one in found.findings if one.check == check], spoken):
            told = _STATUSES[status].in_(spoken)
            told += " " * (7 - _width(told))
            console.print(
                f"[{_COLOURS[status]}]{told}[/]  {name}  {escape(line)}".rstrip(), soft_wrap=True
            )


def _lines(findings: list[Finding], spoken: Language) -> Iterator[tuple[Status, str]]:
    """Accounts of which the same is to be said share a line."""
    good = [one for one in findings if one.status == "ok"]
    if good:
        yield "ok", _good(good, len(findings), spoken)
    groups: dict[tuple[Status, str], list[Finding]] = {}
    for one in findings:
        if one.status != "ok":
            what, todo = one.what.in_(spoken), one.todo.in_(spoken)
            line = f"{what} → {todo}" if todo else what
            groups.setdefault((one.status, line), []).append(one)
    for (status, line), alike in groups.items():
        accounts = [one.account for one in alike if one.account]
        named = ", ".join(accounts[:_NAMED])
        if len(accounts) > _NAMED:
            named += f" (+{len(accounts) - _NAMED})"
        told = f"{named}: {line}" if named else line
        yield status, f"{told} (rid {alike[0].rid})" if alike[0].rid else told


def _good(good: list[Finding], of: int, spoken: Language) -> str:
    whats = list(dict.fromkeys(one.what.in_(spoken) for one in good))
    told = "; ".join(whats[:_NAMED]) + ("; ..." if len(whats) > _NAMED else "")
    if not good[0].account:
        return told
    many = f"{len(good)}/{of}" if len(good) < of else f"{len(good)}"
    return f"{told} ({many} 个账号)" if spoken == "zh" else f"{told} ({many} accounts)"


def _width(text: str) -> int:
    """Columns of a terminal."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
