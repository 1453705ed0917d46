"""The adaptive rate against limits unknown to it, second by second, on a clock of the test's own."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from channels_assets.wechat.rate_limit import AdaptiveRate, RateLimiter, SendTime

LATENCY = 0.05
Limit = Callable[[float], float]


@dataclass
class FixedSeconds:
    """Counts by the second on the clock."""

    limit: Limit
    counts: Counter[int] = field(default_factory=Counter[int])

    def takes(self, now: float) -> bool:
        if self.counts[int(now)] >= self.limit(now):
            return False
        self.counts[int(now)] += 1
        return True


@dataclass
class AnySecond:
    """Counts what it took within the last second."""

    limit: Limit
    taken: deque[float] = field(default_factory=deque[float])

    def takes(self, now: float) -> bool:
        while self.taken and self.taken[0] <= now - 1:
            self.taken.popleft()
        if len(self.taken) >= self.limit(now):
            return False
        self.taken.append(now)
        return True


@dataclass
class Outcome:
    taken: list[float] = field(default_factory=list[float])
    refused: list[float] = field(default_factory=list[float])

    def rate(self, start: float, end: float) -> float:
        return sum(start <= moment < end for moment in self.taken) / (end - start)

    @property
    def share_refused(self) -> float:
        return len(self.refused) / (len(self.refused) + len(self.taken))


def call_on_and_on(server: FixedSeconds | AnySecond, seconds: float, in_flight: int) -> Outcome:
    """So many callers, each of which calls again as soon as it may."""
    rate, done, order = AdaptiveRate(), Outcome(), itertools.count()
    events: list[tuple[float, int, str, SendTime | None]] = []

    def at(moment: float, what: str, reserved: SendTime | None = None) -> None:
        heapq.heappush(events, (moment, next(order), what, reserved))

    for _ in range(in_flight):
        at(0.0, "ask")
    while True:
        now, _, what, reserved = heapq.heappop(events)
        if now > seconds:
            return done
        if what == "ask":
            reserved = rate.reserve(now)
            at(reserved.at, "send", reserved)
            continue
        assert reserved is not None
        if what == "send":
            if rate.is_current(reserved):
                at(now + LATENCY, "taken" if server.takes(now) else "refused", reserved)
            else:
                at(now, "ask")
            continue
        if what == "taken":
            rate.accepted(reserved, now)
            done.taken.append(now)
        else:
            rate.refused(reserved, now)
            done.refused.append(now)
        at(now, "ask")


@pytest.mark.parametrize("server", [FixedSeconds, AnySecond])
@pytest.mark.parametrize("limit", [20, 100, 400])
@pytest.mark.parametrize("in_flight", [32, 64])
def test_it_settles_near_a_limit_that_it_is_not_told(
    server: type[FixedSeconds] | type[AnySecond], limit: int, in_flight: int
) -> None:
    done = call_on_and_on(server(lambda _: limit), 120, in_flight)
    assert done.rate(10, 120) >= 0.85 * limit
    assert done.share_refused <= 0.05


@pytest.mark.parametrize("server", [FixedSeconds, AnySecond])
@pytest.mark.parametrize(("first", "then"), [(100, 400), (400, 100), (20, 400), (400, 20)])
def test_it_follows_a_limit_that_changes(
    server: type[FixedSeconds] | type[AnySecond], first: int, then: int
) -> None:
    done = call_on_and_on(server(lambda now: first if now < 60 else then), 180, 32)
    assert done.rate(10, 60) >= 0.85 * first
    assert done.rate(110, 180) >= 0.85 * then
    assert done.share_refused <= 0.05


def test_a_limit_by_the_minute_costs_few_calls() -> None:
    @dataclass
    class Minutes(FixedSeconds):
        def takes(self, now: float) -> bool:
            return super().takes(now // 60)

    done = call_on_and_on(Minutes(lambda _: 600), 600, 32)
    assert len(done.taken) >= 0.9 * 6000
    assert done.share_refused <= 0.05


def test_without_a_refusal_nobody_waits() -> None:
    done = call_on_and_on(FixedSeconds(lambda _: 10**9), 10, 32)
    assert len(done.taken) >= 32 * 10 / LATENCY - 64
    assert done.refused == []


def test_a_probe_that_is_never_answered_is_followed_by_another() -> None:
    rate = AdaptiveRate()
    rate.refused(rate.reserve(0.0), 0.1)
    probe = rate.reserve(0.5)
    assert rate.is_current(probe)
    waiting = rate.reserve(0.5)
    assert not rate.is_current(waiting)
    assert rate.is_current(rate.reserve(waiting.at))


def test_two_credentials_do_not_slow_each_other() -> None:
    one, other = RateLimiter(), RateLimiter()
    one.refused(one.acquire(lambda _: None))
    waits: list[float] = []
    other.acquire(waits.append)
    assert waits == []


def test_many_threads_get_turns_that_hold() -> None:
    limiter, done = RateLimiter(), list[SendTime]()
    limiter.refused(limiter.acquire(lambda _: None))

    def call() -> None:
        reserved = limiter.acquire(time.sleep)
        limiter.accepted(reserved)
        done.append(reserved)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 8
