"""The second SIGINT (Ctrl-C) or SIGTERM ends a command at once, whatever it waits for."""

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
from channels_assets.cli.first_signal import SIGNALS, STOPPED, print_line

_SAME_SIGNAL_SECONDS = 0.2
"""A process group gets a signal from the terminal, and its members again from make and others."""
_NOTICE_SECONDS = 2


def handle_signals() -> None:
    """For the main thread, after the imports and before anything that may take long."""
    for number in SIGNALS:
        signal.signal(number, lambda number, frame: _end_at_once(STOPPED))
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
        print_line("stopping; it waits for what is under way. Ctrl-C again ends it at once.")
        _wait_for_signal(reading)
    _end_at_once("ended at once; the next refresh goes on from what was kept.")


def _wait_for_signal(reading: socket.socket, seconds: float | None = None) -> bool:
    """Whether one came within these seconds."""
    while select.select([reading], [], [], seconds)[0]:
        if not set(SIGNALS).isdisjoint(reading.recv(1024)):
            return True
    return False


def _end_at_once(text: str) -> NoReturn:
    """Loads are transactions, and pages that were read are kept: nothing gets lost."""
    try:
        print_line(text)
        # A `token_command` has a session of its own, which gets no signal from the terminal.
        send(signal.SIGTERM, descendants(os.getpid()))
    finally:
        os._exit(130)
