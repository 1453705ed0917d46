"""Ctrl-C and SIGTERM end an asset's body between two steps, and no RetryPolicy starts it again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from dagster import DagsterExecutionInterruptedError, Failure, MetadataValue

from channels_assets.defs.signal_watch import SIGNALS, signal_watch
from channels_assets.wechat.client import Stopped


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], object]) -> Generator[None]:
    """Nothing in threads other than the main one, where signals never arrive."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {one: signal.signal(one, handler) for one in SIGNALS}
    try:
        yield
    finally:
        for one, earlier in before.items():
            signal.signal(one, earlier)


@contextmanager
def stopping() -> Generator[threading.Event]:
    """For the whole of an asset's body. Gives the event that a signal sets, or whoever wants an end;
    whoever sees it raises Stopped. After a signal the end of the body does, at the latest.

    Dagster would raise in the middle of any statement, and DuckDB and logging swallow or disguise
    what is raised in the middle of theirs.
    """
    stop = threading.Event()
    came: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        came.append(number)
        stop.set()

    with _handled_by(ask):
        try:
            yield stop
            if came:
                raise Stopped
        except (Stopped, KeyboardInterrupt, DagsterExecutionInterruptedError):
            raise _stopped() from None
        except Exception as error:
            if not came:
                raise
            # Which lists failed before is told all the same.
            raise _stopped(error.metadata if isinstance(error, Failure) else None) from error


def _stopped(failed: Mapping[str, MetadataValue[Any]] | None = None) -> Failure:
    return Failure(
        "Stopped. Lists that were loaded stay; pages of the others are kept for a while, so that "
        "the next refresh can go on with them. 已停止：已写入的列表保留，其余列表下次可从断点继续。",
        metadata={**(failed or {}), "stopped": True},
        allow_retries=False,
    )


@contextmanager
def noting_signals() -> Generator[Callable[[], bool]]:
    """Gives what tells whether Ctrl-C or SIGTERM has come: between two bodies Dagster takes them and
    often does nothing about it. What is raised after one, wherever it hit, is KeyboardInterrupt; so
    is the end, if nothing was.

    For the main thread.
    """
    # Where Dagster takes neither: by itself SIGTERM would end the process at once. And a command in a
    # shell's background inherits a Ctrl-C that is ignored, which Dagster would make of both.
    with signal_watch() as watch, _handled_by(signal.default_int_handler):
        try:
            yield watch.asked
        except BaseException:
            if watch.asked():
                raise KeyboardInterrupt from None
            raise
        else:
            if watch.asked():
                raise KeyboardInterrupt
