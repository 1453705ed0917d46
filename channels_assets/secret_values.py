"""The value of an environment variable that holds a secret: what is wrong with it, never the value itself."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dotenv import dotenv_values

from channels_assets.language import Bilingual

DOTENV = Path(".env")
_QUOTES = "\"'`“”‘’「」"
_EDGES = " \t\r\n"


def problem_of(env_name: str, env: Mapping[str, str] = os.environ) -> Bilingual | None:
    """What keeps the variable's value from being a secret that WeChat would know."""
    value = env.get(env_name, "").strip(_EDGES)
    if not value:
        return _empty(env_name, env)
    if value[0] in _QUOTES or value[-1] in _QUOTES:
        found, found_zh = "has quotation marks around its value", "的值两端带有引号"
        todo, todo_zh = "take them away", "请去掉引号"
    elif any(character in _QUOTES + _EDGES for character in value):
        found, found_zh = "has a space or quotation mark within its value", "的值中含有空格或引号"
        todo, todo_zh = "copy the secret anew, alone", "请重新复制密钥本身"
    elif invisible := [character for character in value if not character.isprintable()]:
        # A no-break space is not printable to Python either.
        point = f"U+{ord(invisible[0]):04X}"
        name = unicodedata.name(invisible[0], "a control character").lower()
        found = f"has an invisible character in or around its value ({point}, {name})"
        found_zh = f"的值中含有不可见字符（{point}）"
        todo, todo_zh = (
            "delete the line and type it anew, without copying that",
            "请删除该行后重新输入",
        )
    elif not value.isascii():
        found, found_zh = (
            "has a character in its value that is not ASCII",
            "的值中含有非 ASCII 字符",
        )
        todo, todo_zh = "copy the secret anew, alone", "请重新复制密钥本身"
    else:
        return None
    return Bilingual(
        f"The environment variable {env_name} {found}: {todo} (export {env_name}=..., or its line in .env).",
        f"环境变量 {env_name} {found_zh}：{todo_zh}。",
    )


def _empty(env_name: str, env: Mapping[str, str]) -> Bilingual | None:
    """Where the variable is set to nothing, and so hides the value that .env has for it."""
    if env_name not in env:
        return None
    with suppress(OSError, UnicodeDecodeError):
        if DOTENV.is_file() and dotenv_values(DOTENV).get(env_name):
            return Bilingual(
                f"The environment variable {env_name} is set but empty, and hides the value in .env: unset it "
                f"(unset {env_name}).",
                f"环境变量 {env_name} 已设置但为空，遮盖了 .env 中的值：请运行 unset {env_name}。",
            )
    return None
