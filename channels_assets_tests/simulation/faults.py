"""What can go wrong in a world, drawn from its seed.

Passing faults spoil single answers. A lie is a way in which a server talks about one list for a
while; a list has at most one, because two together can agree on something that is false (a short
page whose length is also a total_num that is too low), and no client could tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from channels_assets_tests.simulation.kinds import Kind

PASSING = (
    *("busy", "rate_limited", "http_502", "http_429", "html", "cut", "dropped", "lost_answer"),
    *("wrong_type", "not_a_list", "key_twice", "utf16"),
    *("gateway_json", "gateway_json_502", "http_503"),
)
TOKEN_ENDS = ("token_expired", "token_replaced")
FATAL = ("quota", "forbidden", "unknown_code", "redirect", "http_412", "http_403")
OF_TOKEN_CALLS = ("busy", "http_502", "cut", "dropped", "lost_token", "wrong_secret", "quota")
OMISSIONS = ("no_defaults", "empty_as_object", "empty_as_text")
HARMLESS_LIES = ("short_pages", "repeated_rows", "lost_has_more", "total_by_cursor", *OMISSIONS)
LIES = (
    *HARMLESS_LIES,
    *("total_off", "lost_total", "lost_list", "lost_cursor", "nothing_but_ok"),
    *("frozen_cursor", "cycling_cursor", "cycling_fresh", "rejected_cursor"),
)
OF_TOTALS = ("total_off", "lost_total", "total_by_cursor")
LOSSES = ("lost_list", "lost_cursor", "nothing_but_ok")
"""Lies that look like an end with fields left out: believed when two refreshes in a row say the same."""
KILL_STEPS = {
    "call": 8,
    "answer": 8,
    "sleep": 3,
    "write": 12,
    "written": 12,
    "truncate": 3,
    "truncated": 3,
    "pulled": 2,
    "page": 4,
    "sql": 25,
    "sql_done": 25,
    "loaded": 2,
    "discard": 2,
    "discarded": 2,
}
EVER = 10**9


@dataclass(frozen=True)
class Fault:
    """Spoils the answers to calls number `after` to `after + times - 1` of one refresh."""

    kind: str
    after: int
    times: int

    def spoils(self, number: int) -> bool:
        return self.after <= number < self.after + self.times


@dataclass(frozen=True)
class Kill:
    """The process dies at the `at`-th step of this kind; it is started again after `pause`."""

    step: str
    at: int
    pause: float
    machine_off: bool


@dataclass
class Script:
    """One refresh: what happens in it. Faults and changes by the number of the list; -1: tokens."""

    pause: float = 0.0
    faults: dict[int, list[Fault]] = field(default_factory=dict)
    lies: dict[int, Fault] = field(default_factory=dict)
    changes: dict[int, list[int]] = field(default_factory=dict)
    changes_between: dict[int, int] = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)
    slow: float = 0.0


PAUSES = (2.0, 60.0, 900.0, 1700.0, 1810.0, 4000.0, 90000.0)


def lies_about(kind: Kind) -> list[str]:
    """The lies that a server can tell about such a list."""
    untold = () if kind.tells_total else OF_TOTALS
    if not kind.tells_has_more:
        untold = (*untold, "lost_has_more")
    return [lie for lie in LIES if lie not in untold]


def draw_script(rng: Random, lists: int, lies: list[str], calm: bool) -> Script:
    script = Script(pause=rng.choice(PAUSES))
    for number in range(lists):
        if rng.random() < 0.5:
            script.changes_between[number] = rng.randrange(1, 4)
        if calm:
            continue
        if rng.random() < 0.4:
            script.changes[number] = [rng.randrange(8) for _ in range(rng.choice([1, 1, 2, 4]))]
        if rng.random() < 0.5:
            script.faults[number] = [_fault(rng) for _ in range(rng.randrange(1, 4))]
        if lies[number] and rng.random() < 0.7:
            script.lies[number] = Fault(
                lies[number], rng.choice([0, 0, 1, 2, 5]), rng.choice([1, 2, 5, EVER, EVER])
            )
    if calm:
        return script
    if rng.random() < 0.15:
        script.faults[-1] = [Fault(rng.choice(OF_TOKEN_CALLS), rng.randrange(2), _times(rng))]
    if rng.random() < 0.6:
        script.kills = [_kill(rng) for _ in range(rng.choice([1, 1, 2, 3]))]
    script.slow = rng.choice([0.0, 0.05, 1.0, 25.0])
    return script


def _times(rng: Random) -> int:
    return rng.choice([1, 1, 1, 2, 3, 5, EVER])


def _fault(rng: Random) -> Fault:
    group = rng.choices([PASSING, TOKEN_ENDS, FATAL], [6, 2, 1])[0]
    return Fault(rng.choice(group), rng.randrange(7), _times(rng))


def _kill(rng: Random) -> Kill:
    step = rng.choice(list(KILL_STEPS))
    pause = rng.choice([0.0, 1.0, 5.0, 600.0, 1801.0, 5000.0])
    return Kill(step, rng.randrange(1, KILL_STEPS[step] + 1), pause, rng.random() < 0.4)
