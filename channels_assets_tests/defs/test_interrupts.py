"""A signal that comes within an asset's body is never lost, and never retried."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from dagster import Failure

from channels_assets.defs.interrupts import run_in_worker, stop_requested, stopping
from channels_assets.wechat.client import Stopped


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_the_very_end_of_a_body_ends_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def body() -> None:
        with stopping() as stop:
            signal.raise_signal(number)
            assert stop.wait(20)

    with pytest.raises(Failure) as raised:
        body()
    assert not raised.value.allow_retries
    assert signal.getsignal(number) == before


SECOND_SIGNAL_WITHIN_SET = """
import signal
from contextlib import suppress
from dagster import Failure
from channels_assets.defs.interrupts import stopping
with suppress(Failure), stopping() as stop:
    # As Event.set() does at the first signal.
    with stop._cond:
        signal.raise_signal(signal.SIGTERM)
    assert stop.wait(20)
print("ended")
"""


def test_a_second_signal_while_the_first_is_handled_does_not_block() -> None:
    command = [sys.executable, "-c", SECOND_SIGNAL_WITHIN_SET]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("ended\n", 0), done.stderr


def test_a_body_that_fails_after_a_signal_is_not_retried_and_tells_why_it_failed() -> None:
    def body() -> None:
        with stopping():
            signal.raise_signal(signal.SIGTERM)
            raise Failure("3 lists failed", metadata={"failed": 3}, allow_retries=True)

    with pytest.raises(Failure) as raised:
        body()
    assert not raised.value.allow_retries
    assert set(raised.value.metadata) == {"failed", "stopped"}


def test_an_end_that_nobody_asked_for_by_a_signal_is_none() -> None:
    with stopping() as stop:
        stop.set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_main_thread_stops_a_body_in_the_worker(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    failures: list[Failure] = []

    def body() -> None:
        with stopping() as stop:
            if not failures:
                os.kill(os.getpid(), number)
            assert stop.wait(20)
            raise Stopped

    def work() -> None:
        # The second body sees the signal that came before it.
        for _ in range(2):
            try:
                body()
            except Failure as failure:
                failures.append(failure)

    with pytest.raises(KeyboardInterrupt):
        run_in_worker(work)
    assert [failure.allow_retries for failure in failures] == [False, False]
    assert signal.getsignal(number) == before
    assert not stop_requested()


@pytest.mark.parametrize("ends", [lambda: None, lambda: 1 / 0], ids=["returns", "raises"])
def test_a_signal_that_the_work_has_not_seen_is_told_at_its_end(ends: Callable[[], object]) -> None:
    def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        ends()

    with pytest.raises(KeyboardInterrupt):
        run_in_worker(work)


def test_work_without_a_signal_returns_or_raises_by_itself() -> None:
    assert run_in_worker(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        run_in_worker(lambda: 1 / 0)
