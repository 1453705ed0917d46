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
    # What is imported stays: no more need to look for garbage in it, nor often in the rest.
    gc.freeze()
    atexit.register(gc.unfreeze)
    gc.set_threshold(20_000, 10, 10)
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


def _others_run() -> bool:
    here = threading.current_thread()
    return any(not one.daemon for one in threading.enumerate() if one is not here)
