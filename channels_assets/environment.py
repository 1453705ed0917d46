"""The file .env of the current folder, as variables of this process and of those that it starts."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import NoReturn

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from channels_assets.config import ConfigError
from channels_assets.machine_errors import MachineError, os_error
from channels_assets.secret_values import DOTENV
from channels_assets.toml_file import NOT_UTF8

_NAMES = "CHANNELS_FROM_DOTENV"
"""The environment variable that names those that were taken from .env, so that later values replace
them. What a person has set in the environment stays."""
_MOST_BYTES = 1024 * 1024


def load_environment() -> None:
    """For the start of a command. Raises ConfigError where .env is no text, MachineError where it can't
    be read."""
    _set(_read())


def reload_environment(names: Collection[str]) -> None:
    """Takes these variables from .env anew: it may have been corrected since this process, or the one that
    started it, has read it."""
    # Where it can't be read now, what was read before stays. A named pipe has its content once.
    with suppress(ConfigError, MachineError):
        values = _read() if DOTENV.is_file() else {}
        _set({name: value for name, value in values.items() if name in names})


def _read() -> Mapping[str, str | None]:
    if (DOTENV / "pyvenv.cfg").exists():
        # A virtual environment, whose usual name this is.
        return {}
    try:
        with DOTENV.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise os_error(error.errno or errno.EIO, DOTENV.absolute(), error.strerror or "") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        # UTF-16 without a mark at its beginning is valid UTF-8 for plain English.
        path = DOTENV.absolute()
        raise ConfigError(
            f"{path} can't be read: {NOT_UTF8.en}.", f"无法读取 {path}：{NOT_UTF8.zh}。"
        )
    # CR alone and CRLF end a line, as Windows and spreadsheets write them.
    lines = os.linesep.join(text.splitlines()) + "\n"
    for binding in parse_stream(io.StringIO(lines)):
        if binding.error and any(sign in binding.original.string for sign in "\"'"):
            _refuse_quote(binding.original.line)
    return dotenv_values(stream=io.StringIO(lines))


def _refuse_quote(line: int) -> NoReturn:
    raise ConfigError(
        f"{DOTENV.absolute()}, line {line}: a quotation mark is not closed. Write NAME=value, without quotes.",
        f"{DOTENV.absolute()} 第 {line} 行的引号未闭合：请写成 NAME=value，不加引号。",
    )


def _set(values: Mapping[str, str | None]) -> None:
    taken = os.environ.get(_NAMES, "").split()
    for name, value in values.items():
        if value is not None and (name in taken or name not in os.environ):
            os.environ[name] = value
            taken.append(name)
    os.environ[_NAMES] = " ".join(dict.fromkeys(taken))
