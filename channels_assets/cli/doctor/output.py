"""A diagnosis as lines for people, and as JSON for programs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape

from channels_assets.cli.doctor.diagnosis import Diagnosis
from channels_assets.cli.doctor.finding import CHECKS, Finding, Status
from channels_assets.language import Bilingual, Language, language

_STATUSES: dict[Status, Bilingual] = {
    "ok": Bilingual("ok", "正常"),
    "warning": Bilingual("warning", "警告"),
    "wrong": Bilingual("wrong", "错误"),
}
_COLOURS: dict[Status, str] = {"ok": "green", "warning": "yellow", "wrong": "red"}
_MOST_NAMED = 3


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """`status` is ok, warning or wrong; `account` an appid or null. Texts in the locale's language."""
    locale = language()
    return {
        "exit_code": diagnosis.exit_code,
        "sandbox": diagnosis.sandbox or None,
        "findings": [
            {
                "check": finding.check,
                "status": finding.status,
                "account": finding.account or None,
                "message": finding.message.in_(locale),
                "todo": finding.remedy.in_(locale) or None,
                "rid": finding.rid or None,
            }
            for finding in diagnosis.findings
        ],
    }


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """A line for each check that passed, and for each finding of the others."""
    locale = language()
    width = max(_width(label.in_(locale)) for label in CHECKS.values())
    for check, label in CHECKS.items():
        name = label.in_(locale)
        name += " " * (width - _width(name))
        findings = [finding for finding in diagnosis.findings if finding.check == check]
        for status, line in _lines(findings, locale):
            word = _STATUSES[status].in_(locale)
            word += " " * (7 - _width(word))
            console.print(
                f"[{_COLOURS[status]}]{word}[/]  {name}  {escape(line)}".rstrip(), soft_wrap=True
            )


def _lines(findings: list[Finding], locale: Language) -> Iterator[tuple[Status, str]]:
    """Accounts with the same finding share a line."""
    passed = [finding for finding in findings if finding.status == "ok"]
    if passed:
        yield "ok", _passed_line(passed, len(findings), locale)
    groups: dict[tuple[Status, str], list[Finding]] = {}
    for finding in findings:
        if finding.status != "ok":
            message, remedy = finding.message.in_(locale), finding.remedy.in_(locale)
            line = f"{message} → {remedy}" if remedy else message
            groups.setdefault((finding.status, line), []).append(finding)
    for (status, line), group in groups.items():
        accounts = [finding.account for finding in group if finding.account]
        named = ", ".join(accounts[:_MOST_NAMED])
        if len(accounts) > _MOST_NAMED:
            named += f" (+{len(accounts) - _MOST_NAMED})"
        text = f"{named}: {line}" if named else line
        yield status, f"{text} (rid {group[0].rid})" if group[0].rid else text


def _passed_line(passed: list[Finding], total: int, locale: Language) -> str:
    messages = list(dict.fromkeys(finding.message.in_(locale) for finding in passed))
    text = "; ".join(messages[:_MOST_NAMED]) + ("; ..." if len(messages) > _MOST_NAMED else "")
    if not passed[0].account:
        return text
    count = f"{len(passed)}/{total}" if len(passed) < total else f"{len(passed)}"
    return f"{text} ({count} 个账号)" if locale == "zh" else f"{text} ({count} accounts)"


def _width(text: str) -> int:
    """Columns of a terminal."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
