"""The first SIGINT (Ctrl-C) or SIGTERM ends a command at once, from its first import on.

The handler raises nothing: finalizers, DuckDB, logging and other libraries swallow an exception that
comes in the middle of their code. It imports next to nothing, so that it is there early. A refresh ends
in order, by handlers of its own: defs/interrupts.py.
"""

import os
import signal
from contextlib import suppress
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = "stopped; the next refresh goes on from here."


def handle_first_signal() -> None:
    """For the main thread. Also where SIGINT is ignored, as in a background job of a shell."""
    for number in SIGNALS:
        signal.signal(number, _end)


def print_line(text: str) -> None:
    """Not through sys.stderr, whose lock another thread may hold; progress bars hide the cursor."""
    cursor = "\x1b[?25h" if os.isatty(2) else ""
    with suppress(OSError):
        os.write(2, f"{cursor}channels-assets: {text}\n".encode())


def ignore_signals() -> None:
    """For the end of the process, which has said all it had to say."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    try:
        print_line(STOPPED)
    finally:
        os._exit(130)
