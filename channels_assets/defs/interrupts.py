"""SIGINT (Ctrl-C) and SIGTERM: an asset's body ends in order, and no RetryPolicy starts it again.

Dagster raises an exception in the main thread, in the middle of any statement; DuckDB and logging
swallow or disguise it there. So a body that runs in the main thread, as under `dagster dev`, handles
signals itself and sets an event. The command executes its runs in a worker thread, where Dagster
installs no handlers: the handler of the main thread sets the events of the bodies.
"""

from __future__ import annotations

import signal
import threading
from _thread import start_new_thread
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar

from dagster import DagsterExecutionInterruptedError, Failure, MetadataValue

from channels_assets.defs.machine_failures import raise_machine_failure
from channels_assets.wechat.client import Stopped

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_POLL_SECONDS = 0.1

Result = TypeVar("Result")


class _Body:
    """The body of an asset while it is executed."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.interrupted = False

    def interrupt(self, number: int = 0, frame: FrameType | None = None) -> None:
        """A signal handler, or called by one."""
        self.interrupted = True
        # Event.set() takes a lock. A handler that runs within an earlier set() would wait for that
        # lock for ever, and so would threading.Thread for one of its own.
        with suppress(RuntimeError):
            start_new_thread(self.stop.set, ())


class _Worker:
    """What the bodies in the worker thread share with the handler of the main thread."""

    def __init__(self) -> None:
        self.stop_requested = False
        self.bodies = set[_Body]()


_worker = _Worker()


def stop_requested() -> bool:
    """Whether a signal has come since `run_in_worker` began."""
    return _worker.stop_requested


def run_in_worker(work: Callable[[], Result]) -> Result:
    """Runs `work` in a worker thread and returns its result; for the main thread.

    Raises KeyboardInterrupt when a signal has come, after `work` has ended and whatever it returned
    or raised.
    """
    try:
        with _signal_handler(_request_stop), ThreadPoolExecutor(1, "refresh") as executor:
            future = executor.submit(work)
            # The system may deliver a signal to another thread; Python then runs the handler when the
            # main thread executes its next instruction.
            while not wait([future], _POLL_SECONDS).done:
                pass
        if stop_requested():
            raise KeyboardInterrupt
        return future.result()
    finally:
        _worker.stop_requested = False


@contextmanager
def stopping() -> Generator[threading.Event]:
    """For the whole body of an asset. Yields an event that signals set, and that the body may set.

    Code that sees the event raises Stopped. After a signal the end of this context raises Failure,
    also when the body has not seen the event; and where this machine lacks something.
    """
    body = _Body()
    with _interrupts(body):
        try:
            yield body.stop
            if body.interrupted:
                raise Stopped
        except (Stopped, KeyboardInterrupt, DagsterExecutionInterruptedError):
            raise _stopped() from None
        except Exception as error:
            if not body.interrupted:
                raise_machine_failure(error)
                raise
            # The lists that failed before the signal are reported too.
            raise _stopped(error.metadata if isinstance(error, Failure) else None) from error


@contextmanager
def _interrupts(body: _Body) -> Generator[None]:
    if threading.current_thread() is threading.main_thread():
        with _signal_handler(body.interrupt):
            yield
        return
    _worker.bodies.add(body)
    try:
        # The signal may have come before.
        if stop_requested():
            body.interrupt()
        yield
    finally:
        _worker.bodies.discard(body)


def _request_stop(number: int, frame: FrameType | None) -> None:
    _worker.stop_requested = True
    for body in list(_worker.bodies):
        body.interrupt()


@contextmanager
def _signal_handler(handler: Callable[[int, FrameType | None], object]) -> Generator[None]:
    """Installs the handler for SIGINT and SIGTERM; for the main thread only.

    Also where the signal was ignored, as SIGINT is in a background job of a shell.
    """
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _stopped(metadata: Mapping[str, MetadataValue[Any]] | None = None) -> Failure:
    return Failure(
        "Stopped. Lists that were loaded stay; pages of the others are kept for a while, so that "
        "the next refresh can go on with them. 已停止：已写入的列表保留，其余列表下次可从断点继续。",
        metadata={**(metadata or {}), "stopped": True},
        allow_retries=False,
    )
