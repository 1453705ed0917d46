"""A TOML file as a person has saved it: what keeps it from being read, and how to mend that."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from channels_assets.language import Bilingual, BilingualError

NOT_UTF8 = Bilingual(
    "it is not UTF-8 (saved as GBK or UTF-16?): save it as UTF-8",
    "文件不是 UTF-8 编码（是否存成了 GBK 或 UTF-16？），请另存为 UTF-8",
)
_LINE = re.compile(r"at line (\d+)")
_TYPOGRAPHIC = {
    "curly quotes": ("“”‘’„«»「」", "弯引号", "straight ones", '英文直引号 "'),
    "full-width signs": ("＝［］＂＇，．＃　", "全角符号", "those of plain English", "半角符号"),
    "an invisible character": ("\u200b\u200c\u200d\u2060\ufeff\u00a0", "不可见字符", "none", "空"),
}


class TomlError(BilingualError):
    """The file can't be read. The text is one line that says what to change."""


def read_toml(path: Path) -> dict[str, Any]:
    """Raises TomlError, and FileNotFoundError where there is no such file."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TomlError(
            f"{path} can't be read: {error.strerror}.", f"无法读取 {path}：{error.strerror}。"
        ) from None
    except UnicodeDecodeError:
        raise TomlError(
            f"{path} can't be read: {NOT_UTF8.en}.", f"无法读取 {path}：{NOT_UTF8.zh}。"
        ) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        advice = _advice(text, error)
        raise TomlError(
            f"{path} is not valid TOML: {error}{advice.en}.",
            f"{path} 不是有效的 TOML：{error}{advice.zh}。",
        ) from None


def _advice(text: str, error: tomllib.TOMLDecodeError) -> Bilingual:
    """What is known to come from word processors and chat programs, where the error is."""
    found = _LINE.search(str(error))
    lines = text.splitlines()
    # The parser may only notice at the end of the text that a quotation mark is missing.
    numbers = [int(found[1])] if found else range(1, len(lines) + 1)
    for number in numbers:
        line = lines[number - 1] if number <= len(lines) else ""
        for name, (signs, name_zh, instead, instead_zh) in _TYPOGRAPHIC.items():
            if any(sign in line for sign in signs):
                return Bilingual(
                    f'. Line {number} has {name}: write {instead}, as in appid = "wx..."',
                    f"。第 {number} 行有{name_zh}，请改为{instead_zh}",
                )
    return Bilingual("", "")
