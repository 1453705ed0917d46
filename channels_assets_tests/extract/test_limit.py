"""Limits of calls per second that nobody tells, over a real socket: two accounts in one process.

What is counted is what the sandbox saw. `make bench-limit` tells more.
"""

from __future__ import annotations

from channels_assets_tests.bench.limit import Phase, follow

_TRIES = 3


def test_two_accounts_settle_each_near_its_own_limit() -> None:
    # A machine that is busy with other things calls late and then all at once: it may try again.
    # A pace that is wrong, or accounts that get in each other's way, fail every time.
    tried: list[list[str]] = []
    for _ in range(_TRIES):
        accounts = follow(limits=[[20, 20], [100, 30]], seconds=[15, 15])
        tried.append(
            [bad for phases in accounts for one in phases if (bad := _wrong(one.after(5)))]
        )
        if not tried[-1]:
            return
    raise AssertionError(tried)


def _wrong(phase: Phase) -> str:
    good = phase.rate >= 0.85 * phase.limit and phase.share_refused <= 0.05
    told = f"{phase.rate:.1f} calls a second of {phase.limit}, {phase.share_refused:.1%} refused"
    return "" if good else told
