"""How many calls are under way at once: a process, an API and its answers, on a clock of their own."""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from channels_assets.extract.in_flight import InFlight

LIMIT = 32
CALLS = 2_000


@dataclass
class Told:
    seconds: float
    worth: list[int]

    @property
    def settled(self) -> float:
        """Calls in flight, the mean of the second half."""
        half = self.worth[len(self.worth) // 2 :]
        return sum(half) / len(half)


def read(
    waits: Sequence[float],
    processor: float,
    seed: int,
    limit: int = LIMIT,
    *,
    adapt: bool = True,
    endpoints: int = 20,
    at_once: int = 0,
) -> Told:
    """Walks through CALLS calls as threads do it: each call waits, then takes its turn at the one
    processor, in which whoever waits may be the next. Lists wait for their answers by `waits`, but
    for the first calls, so many of which are answered `at_once`."""
    in_flight, rng = InFlight(limit), random.Random(seed)
    now = 0.0
    begun = ended = taken = 0
    answers: list[tuple[float, int, float]] = []
    line: list[tuple[int, float]] = []
    worth: list[int] = []
    while ended < CALLS:
        while taken < (in_flight.worth if adapt else limit) and begun < CALLS:
            wait = waits[begun % len(waits)] * rng.uniform(1, 1.2) * (begun >= at_once)
            heapq.heappush(answers, (now + wait, begun, now))
            begun, taken = begun + 1, taken + 1
        if not line:
            now = max(now, answers[0][0])
        while answers and answers[0][0] <= now:
            line.append(heapq.heappop(answers)[1:])
        number, since = line.pop(rng.randrange(len(line)))
        used = processor * rng.uniform(0.8, 1.2)
        now += used
        ended, taken = ended + 1, taken - 1
        in_flight.answered(f"list {number % len(waits) % endpoints}", now, now - since, used)
        worth.append(in_flight.worth)
    return Told(now, worth)


@given(wait=st.floats(0, 0.3), processor=st.floats(0.0002, 0.003), seed=st.integers(0, 2**32))
def test_as_fast_as_with_all_the_calls_that_may_be(
    wait: float, processor: float, seed: int
) -> None:
    adapted = read([wait], processor, seed)
    assert adapted.seconds <= 1.15 * read([wait], processor, seed, adapt=False).seconds


@given(processor=st.floats(0.0002, 0.003), seed=st.integers(0, 2**32))
def test_few_where_answers_come_at_once(processor: float, seed: int) -> None:
    assert read([processor / 2], processor, seed).settled <= 5


@given(wait=st.floats(0.05, 0.3), processor=st.floats(0.0002, 0.001), seed=st.integers(0, 2**32))
def test_all_where_the_api_is_what_one_waits_for(wait: float, processor: float, seed: int) -> None:
    assert set(read([wait], processor, seed).worth) == {LIMIT}


@given(
    quick=st.floats(0, 0.02),
    slow=st.floats(0.01, 0.3),
    of=st.integers(2, 20),
    seed=st.integers(0, 2**32),
)
def test_one_quick_list_does_not_hold_the_slow_ones_up(
    quick: float, slow: float, of: int, seed: int
) -> None:
    waits = [quick] + [slow] * (of - 1)
    all_at_once = read(waits, 0.0007, seed, adapt=False)
    assert read(waits, 0.0007, seed).seconds <= 1.5 * all_at_once.seconds
    # Where they are of one endpoint, half of its answers may tell the wrong thing of the others.
    assert read(waits, 0.0007, seed, endpoints=1).seconds <= 3 * all_at_once.seconds


@given(
    times=st.floats(0, 50) | st.floats(3, 6),
    processor=st.floats(0.0005, 0.003),
    seed=st.integers(0, 2**32),
)
def test_no_fewer_for_long_once_answers_come_later(
    times: float, processor: float, seed: int
) -> None:
    wait = times * processor
    adapted = read([wait], processor, seed, at_once=300)
    assert adapted.seconds <= 1.35 * read([wait], processor, seed, adapt=False, at_once=300).seconds


def test_two_kinds_of_answers_of_one_endpoint_are_not_tried_again_and_again() -> None:
    waits = [0.003] * 5 + [0.15] * 2
    adapted = read(waits, 0.002, 1, endpoints=1)
    assert adapted.seconds <= 1.5 * read(waits, 0.002, 1, adapt=False).seconds


def answered_at_once() -> InFlight:
    in_flight = InFlight(LIMIT)
    for call in range(100):
        in_flight.answered("list", call * 0.001, 0.001, 0.0009)
    assert in_flight.worth == 2
    return in_flight


def test_all_again_once_an_answer_is_late_or_does_not_come() -> None:
    in_flight = answered_at_once()
    in_flight.answered("list", 5.0, 4.9, 0.0009)
    assert in_flight.worth == LIMIT
    in_flight = answered_at_once()
    in_flight.failed()
    assert in_flight.worth == LIMIT


def test_what_few_calls_are_worth_is_found_anew_at_each_look() -> None:
    in_flight = InFlight(LIMIT)
    for call in range(64):
        in_flight.answered("list", call * 0.002, 0.001, 0.0009)
    assert in_flight.worth == 2
    for call in range(64):
        in_flight.answered("list", 0.128 + call * 0.0025, 0.0071, 0.0009)
    assert in_flight.worth == 8


def test_never_more_than_the_limit() -> None:
    assert set(read([0.0], 0.001, 1, limit=1).worth) == {1}
