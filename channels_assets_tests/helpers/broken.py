"""Set-ups that doctor is to see through: how each is broken, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from channels_assets_tests.helpers.project import Project

Breaks = Callable[[Project], Any]


@dataclass(frozen=True)
class Case:
    """`check` is the only one that is not ok; `words` are in what is said, `zh` in Chinese."""

    breaks: Breaks
    check: str
    words: tuple[str, ...]
    zh: str
    status: str = "wrong"
    code: int = 1
