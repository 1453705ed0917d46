"""The command as a process of its own: what to spare it at its beginning and its end."""

import atexit
import gc
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, TextIO, cast


def run(command: Callable[[], object]) -> NoReturn:
    """Runs the command and ends the process, with its exit code."""
    look_for_garbage_rarely()
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


def look_for_garbage_rarely() -> None:
    """And never among what is imported by now: all of it stays. A look there stops every thread."""
    gc.freeze()
    atexit.register(gc.unfreeze)
    gc.set_threshold(20_000, 10, 10)


def _others_run() -> bool:
    here = threading.current_thread()
    return any(not one.daemon for one in threading.enumerate() if one is not here)
