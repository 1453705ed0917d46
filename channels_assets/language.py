"""Texts in English and Chinese, and which of them the locale asks for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]


@dataclass(frozen=True)
class Bilingual:
    """A text in both languages."""

    en: str
    zh: str

    def in_(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en

    def __str__(self) -> str:
        return self.in_(language())


def language(env: Mapping[str, str] = os.environ) -> Language:
    """The language of the locale: Chinese, or else English."""
    names = (env.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next((name for name in names if name), "").startswith("zh") else "en"


class BilingualError(Exception):
    """Its text is that of the locale's language; without a Chinese one, the English."""

    def __init__(self, english: str, chinese: str = "") -> None:
        super().__init__(english, chinese)
        self.text = Bilingual(english, chinese or english)

    def __str__(self) -> str:
        return str(self.text)

    @property
    def in_both(self) -> str:
        """For what is stored, and read by others."""
        return " ".join(dict.fromkeys((self.text.en, self.text.zh)))


class WrongSetting(BilingualError, ValueError):
    """A value in channels.toml that can't be right: what is to be written after the setting's name."""


README = Bilingual(
    'README.md, section "With your own accounts"', "README.zh-CN.md 的“接入自己的账号”一节"
)
"""Where settings are explained."""
