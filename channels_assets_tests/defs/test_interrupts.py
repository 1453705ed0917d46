"""A signal that comes within an asset's body is never lost, and never retried."""

from __future__ import annotations

import signal

import pytest
from dagster import Failure

from channels_assets.defs.interrupts import noting_signals, stopping


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_the_very_end_of_a_body_ends_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def body() -> None:
        with stopping() as stop:
            signal.raise_signal(number)
            assert stop.is_set()

    with pytest.raises(Failure) as raised:
        body()
    assert not raised.value.allow_retries
    assert signal.getsignal(number) == before


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


def test_a_signal_that_was_swallowed_is_told_at_the_end() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def swallowing() -> None:
        with noting_signals() as asked:
            signal.signal(signal.SIGTERM, lambda *_: None)
            signal.raise_signal(signal.SIGTERM)
            assert asked()

    with pytest.raises(KeyboardInterrupt):
        swallowing()
    assert signal.getsignal(signal.SIGTERM) == before
