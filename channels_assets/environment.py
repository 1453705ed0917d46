"""The file .env: its variables, in the environment of this process and of those that it starts."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from dotenv import dotenv_values

_NAMES = "CHANNELS_FROM_DOTENV"
"""The environment variable that names those that were taken from .env, so that later values replace
them. What a person has set in the environment stays."""


def load_environment() -> None:
    """For the start of a command."""
    _set(dotenv_values(Path(".env")))


def reload_environment(names: Collection[str]) -> None:
    """Takes these variables from .env anew: it may have been corrected since this process, or the one that
    started it, has read it."""
    path = Path(".env")
    # Where it can't be read now, what was read before stays.
    with suppress(OSError, UnicodeDecodeError):
        # A named pipe has its content once.
        values = dotenv_values(path) if path.is_file() else {}
        _set({name: value for name, value in values.items() if name in names})


def _set(values: Mapping[str, str | None]) -> None:
    taken = os.environ.get(_NAMES, "").split()
    for name, value in values.items():
        if value is not None and (name in taken or name not in os.environ):
            os.environ[name] = value
            taken.append(name)
    os.environ[_NAMES] = " ".join(dict.fromkeys(taken))
