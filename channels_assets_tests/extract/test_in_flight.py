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
) -> Told:
    """Walks through CALLS calls as threads do it: each call waits, then takes its turn at the one
    processor, in which whoever waits may be the next. Lists wait for their answers by `waits`."""
    in_flight, rng = InFlight(limit), random.Random(seed)
    now = 0.0
    begun = ended = taken = 0
    answers: list[tuple[float, int, float]] = []
    line: list[tuple[int, float]] = []
    worth: list[int] = []
    while ended < CALLS:
        while taken < (in_flight.worth if adapt else limit) and begun < CALLS:
            wait = waits[begun % len(waits)] * rng.uniform(1, 1.2)
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
    assert read(waits, 0.0007, seed).seconds <= 1.3 * all_at_once.seconds
    if of >= 10:
        alike = read(waits, 0.0007, seed, endpoints=1)
        assert alike.seconds <= 1.3 * all_at_once.seconds


def test_all_while_the_processor_idles_however_quick_some_answers_are() -> None:
    waits = [0.005] * 3 + [0.1] * 7
    assert set(read(waits, 0.0005, 1, endpoints=1).worth) == {LIMIT}


def test_all_again_once_the_api_answers_slowly() -> None:
    in_flight = InFlight(LIMIT)
    for call in range(100):
        in_flight.answered("list", call * 0.001, 0.001, 0.0009)
    assert in_flight.worth == 2
    for call in range(40):
        in_flight.answered("list", 1 + call * 0.05, 0.1, 0.0009)
    assert in_flight.worth == LIMIT


def test_never_more_than_the_limit() -> None:
    assert set(read([0.0], 0.001, 1, limit=1).worth) == {1}
