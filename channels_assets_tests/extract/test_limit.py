"""Limits of calls per second that nobody tells, over a real socket: two accounts in one process.

What is counted is what the sandbox saw. How near a pace comes to its limit is for `make bench-limit`
to tell, on a machine that does nothing else; here it must not be stuck, and must not run into refusals.
"""

from __future__ import annotations

import pytest

from channels_assets_tests.bench.limit import Phase, follow

pytestmark = pytest.mark.slow

_TRIES = 3
_USED = 0.6


def test_two_accounts_each_follow_their_own_limit() -> None:
    # A machine that is busy with other things calls late and then all at once: it may try again.
    # A pace that is wrong, or accounts that get in each other's way, fail every time.
    tried: list[list[str]] = []
    for _ in range(_TRIES):
        accounts = follow(limits=[[20, 20], [100, 30]], seconds=[15, 15])
        tried.append(
            [bad for phases in accounts for phase in phases if (bad := _wrong(phase.after(5)))]
        )
        if not tried[-1]:
            return
    raise AssertionError(tried)


def _wrong(phase: Phase) -> str:
    good = phase.rate >= _USED * phase.limit and phase.share_refused <= 0.05
    told = f"{phase.rate:.1f} calls a second of {phase.limit}, {phase.share_refused:.1%} refused"
    return "" if good else told
