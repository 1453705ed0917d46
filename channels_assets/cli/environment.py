"""The file .env of the current folder, as variables of the environment; what is set there already stays."""

from __future__ import annotations

import errno
import io
import os

from dotenv import load_dotenv

from channels_assets.config import ConfigError
from channels_assets.machine_errors import os_error
from channels_assets.secret_values import DOTENV
from channels_assets.toml_file import NOT_UTF8

_MOST_BYTES = 1024 * 1024


def load_environment() -> None:
    """Reads .env, if there is one. Raises ConfigError where it is no text, MachineError where it can't be read."""
    if (DOTENV / "pyvenv.cfg").exists():
        # A virtual environment, whose usual name this is.
        return
    try:
        with DOTENV.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise os_error(error.errno or errno.EIO, DOTENV.absolute(), error.strerror or "") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        # UTF-16 without a mark at its beginning is valid UTF-8 for plain English.
        raise ConfigError(f"{DOTENV.absolute()} can't be read: {NOT_UTF8}.")
    # CR alone and CRLF end a line, as Windows and spreadsheets write them.
    load_dotenv(stream=io.StringIO(os.linesep.join(text.splitlines()) + "\n"))
