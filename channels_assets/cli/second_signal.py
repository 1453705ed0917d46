"""The second SIGINT (Ctrl-C) or SIGTERM ends a command at once.

The first one stops a refresh in order: defs/interrupts.py.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import NoReturn

from channels_assets.cli.dev_guard import descendants, send

_SIGNALS = {signal.SIGINT, signal.SIGTERM}
_SAME_SIGNAL_SECONDS = 0.2
"""A process group gets a signal from the terminal, and its members again from make and others."""
_NOTICE_SECONDS = 2


def handle_signals() -> None:
    """For the main thread, before anything that may take long."""
    # SIGTERM raises KeyboardInterrupt too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading,), name="signals", daemon=True).start()


def _watch(reading: socket.socket) -> None:
    """In a thread: while the main thread waits in C code, Python runs no handler."""
    _wait_for_signal(reading)
    time.sleep(_SAME_SIGNAL_SECONDS)
    with suppress(BlockingIOError):
        reading.recv(1024, socket.MSG_DONTWAIT)
    if not _wait_for_signal(reading, _NOTICE_SECONDS):
        _print("stopping; it waits for what is under way. Ctrl-C again ends it at once.")
        _wait_for_signal(reading)
    _end_at_once()


def _wait_for_signal(reading: socket.socket, seconds: float | None = None) -> bool:
    """Whether one came within these seconds."""
    while select.select([reading], [], [], seconds)[0]:
        if not _SIGNALS.isdisjoint(reading.recv(1024)):
            return True
    return False


def _end_at_once() -> NoReturn:
    """Loads are transactions, and pages that were read are kept: nothing gets lost."""
    try:
        _print("ended at once; the next refresh goes on from what was kept.")
        # A `token_command` has a session of its own, which gets no signal from the terminal.
        send(signal.SIGTERM, descendants(os.getpid()))
    finally:
        os._exit(130)


def _print(text: str) -> None:
    """Not through sys.stderr, whose lock another thread may hold; progress bars hide the cursor."""
    cursor = "\x1b[?25h" if os.isatty(2) else ""
    with suppress(OSError):
        os.write(2, f"{cursor}channels-assets: {text}\n".encode())
