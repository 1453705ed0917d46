"""Ctrl-C and SIGTERM end an asset's body between two steps, and no RetryPolicy starts it again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from dagster import DagsterExecutionInterruptedError, Failure

from channels_assets.wechat.client import Stopped

STOPPED_METADATA = "stopped"


@contextmanager
def stopping() -> Generator[threading.Event]:
    """Gives the event that a signal sets; whoever sees it raises Stopped.

    Dagster would raise in the middle of any statement, and DuckDB and logging swallow or disguise
    what is raised in the middle of theirs.
    """
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {one: signal.signal(one, ask) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    except (Stopped, KeyboardInterrupt, DagsterExecutionInterruptedError):
        raise Failure(
            "Stopped. Lists that were loaded stay; pages of the others are kept for a while, so that "
            "the next refresh can go on with them. 已停止：已写入的列表保留，其余列表下次可从断点继续。",
            metadata={STOPPED_METADATA: True},
            allow_retries=False,
        ) from None
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
