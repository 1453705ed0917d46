"""A refresh by many workers as a simulation: calls, turns at the lake, and Dagster's records.

Each worker pulls lists side by side, loads the finished ones when its turn at the lake comes, and
records them while it pulls on. Turns are taken one at a time over all workers.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass


@dataclass(frozen=True)
class Constants:
    """Measured on small sizes. Seconds, and bytes per list."""

    turn_seconds: float
    """A turn at the lake, whatever is loaded in it."""
    load_seconds: float
    """Each list in that turn."""
    record_seconds: float
    """Dagster's records of one list."""
    lake_bytes: float
    """Parquet of one list, tidied up."""
    event_bytes: float
    """Growth of Dagster's database for each refresh of one list."""


@dataclass(frozen=True)
class Plan:
    """`max_in_flight` is that of each worker; `calls_per_list` includes those for pages."""

    lists: int
    workers: int
    max_in_flight: int
    latency: float
    calls_per_list: float = 1.0


@dataclass(frozen=True)
class Estimate:
    """How long a refresh takes, and how long each part would take if it were the only part."""

    seconds: float
    calling: float
    loading: float
    recording: float

    @property
    def slowest(self) -> str:
        parts = {
            "calls to WeChat": self.calling,
            "turns at the lake": self.loading,
            "Dagster's records": self.recording,
        }
        return max(parts, key=lambda name: parts[name])


def simulate(plan: Plan, known: Constants) -> Estimate:
    """Seconds until the last list is recorded."""
    pulled_per_second = plan.max_in_flight / (plan.latency * plan.calls_per_list)
    # As in extract/pool.py: pulling runs only so far ahead of loading.
    ahead = 2 * plan.max_in_flight
    left = [plan.lists // plan.workers] * plan.workers
    left[0] += plan.lists - sum(left)
    waiting = [0.0] * plan.workers
    recorded = [0.0] * plan.workers
    ready = [(1 / pulled_per_second, number) for number in range(plan.workers) if left[number]]
    heapq.heapify(ready)
    lake_free = loading = 0.0
    while ready:
        at, worker = heapq.heappop(ready)
        begun = max(at, lake_free)
        since = begun - waiting[worker]
        batch = min(left[worker], ahead, max(1, int(since * pulled_per_second)))
        took = known.turn_seconds + batch * known.load_seconds
        lake_free = begun + took
        loading += took
        left[worker] -= batch
        waiting[worker] = begun
        recorded[worker] = max(recorded[worker], lake_free) + batch * known.record_seconds
        if left[worker]:
            heapq.heappush(ready, (max(lake_free, begun + 1 / pulled_per_second), worker))
    return Estimate(
        seconds=max(recorded),
        calling=plan.lists / (plan.workers * pulled_per_second),
        loading=loading,
        recording=plan.lists * known.record_seconds / plan.workers,
    )
