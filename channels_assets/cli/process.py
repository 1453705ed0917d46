"""The command as a process of its own: what to spare it at its beginning and its end."""

import atexit
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, TextIO, cast

from channels_assets.cli.dev_guard import descendants, send
from channels_assets.defs.signal_watch import watch_signals


def run(command: Callable[[], object]) -> NoReturn:
    """Runs the command and ends the process, with its exit code."""
    look_for_garbage_rarely()
    # Ends like Ctrl-C, in every command.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    watch_signals(_say_that_it_waits, _end_at_once)
    try:
        command()
    except SystemExit as end:
        if not isinstance(end.code, int) or _others_run():
            raise
        # All is closed by now. Taking down Dagster's modules one by one would take half a second.
        atexit._run_exitfuncs()
        with suppress(Exception):
            for stream in (sys.stdout, sys.stderr):
                # None where the shell has closed it.
                if cast("TextIO | None", stream) is not None:
                    stream.flush()
            os._exit(end.code)
        raise
    sys.exit()


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


def look_for_garbage_rarely() -> None:
    """And never among what is imported by now: all of it stays. A look there stops every thread."""
    gc.freeze()
    atexit.register(gc.unfreeze)
    gc.set_threshold(20_000, 10, 10)


def _others_run() -> bool:
    here = threading.current_thread()
    return any(not one.daemon for one in threading.enumerate() if one is not here)
