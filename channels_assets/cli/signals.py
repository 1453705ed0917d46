"""What Ctrl-C and SIGTERM do to a command: the first asks it to stop, the second ends it at once."""

import os
import signal
from contextlib import suppress
from typing import NoReturn

from channels_assets.cli.dev_guard import descendants, send
from channels_assets.defs.signal_watch import watch_signals


def handle_signals() -> None:
    """For the main thread, before anything that may take long."""
    # Ends like Ctrl-C, in every command.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    watch_signals(_say_that_it_waits, _end_at_once)


def _say_that_it_waits() -> None:
    _say("stopping; it waits for what is under way. Ctrl-C again ends it at once.")


def _end_at_once() -> NoReturn:
    """Loads are transactions, and pages that were read are kept: nothing gets lost."""
    try:
        _say("ended at once; the next refresh goes on from what was kept.")
        # Such as a token_command, in a session of its own.
        send(signal.SIGTERM, descendants(os.getpid()))
    finally:
        os._exit(130)


def _say(text: str) -> None:
    """Past sys.stderr, which another thread may hold; the bars may have hidden the cursor."""
    cursor = "\x1b[?25h" if os.isatty(2) else ""
    with suppress(OSError):
        os.write(2, f"{cursor}channels-assets: {text}\n".encode())
