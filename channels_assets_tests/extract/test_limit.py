"""Limits of calls per second that nobody tells, over a real socket: two accounts in one process.

What is counted is what the sandbox saw. `make bench-limit` tells more.
"""

from __future__ import annotations

from channels_assets_tests.bench.limit import follow


def test_two_accounts_settle_each_near_its_own_limit() -> None:
    slow, fast = follow(limits=[[20, 20], [100, 30]], seconds=[12, 13])
    for phase in (*slow, *fast):
        settled = phase.after(5)
        assert settled.rate >= 0.85 * phase.limit
        assert settled.share_refused <= 0.05
