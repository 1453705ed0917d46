"""docs/outgrowing.md."""

from __future__ import annotations

from collections.abc import Sequence

from channels_assets_tests.cluster.capacity.model import Constants, Estimate, Plan

_WORKER_HOUR = 0.05
_DATABASE_MONTH = 60.0
_GIGABYTE_MONTH = 0.10
_REFRESHES_A_DAY = 4
# Figures that `make test-cluster` printed, and their causes.
FLEET = """\
Two cores for all of it: workers, PostgreSQL, daemon, and the stand-in API in the test itself. `make test-cluster` printed (the seconds in
brackets are processor time):

- "2000 lists, 4 workers, one killed: 59 s (2 cores 59% busy; workers 46 s, PostgreSQL 9 s, sandbox and test 8 s, daemon 5 s, UI 0 s,
  Redis 0 s)"
- "2000 lists, 4 at work: 42 s (2 cores 81% busy; workers 46 s, PostgreSQL 9 s, sandbox and test 6 s, daemon 5 s, UI 0 s, Redis 0 s)"
- "2000 lists, 1 at work: 86 s (2 cores 46% busy; workers 46 s, sandbox and test 12 s, PostgreSQL 10 s, daemon 8 s, UI 1 s, Redis 0 s)"
- "1 worker 86 s, 4 workers 42 s: 2.04 times"

With four workers the two cores are the limit, with one worker it is that worker. A run of 100 lists costs 2.3 s of a processor, much of it
its start: longer runs (`max_partitions_per_run`) make that a smaller part, and a killed worker's part a larger one.

Where Dagster connects to PostgreSQL anew for each query, as its own storage does outside the UI, it takes several times longer ("2000 lists,
4 workers, one killed: 255 s (2 cores 100% busy; PostgreSQL 68 s, ...)").
"""


def page(
    known: Constants, ratio: float, runs: Sequence[tuple[Plan, Estimate]], versions: str
) -> str:
    return f"""# Outgrowing one machine: what it costs, and what breaks first

Written by `make capacity`; do not edit. Constants were measured on the machine that ran it ({versions}, PostgreSQL
on the same machine, the quickest of several tries, up to 4 articles of up to 3 products a list), the rest is a simulation of
them. For turns of a size that was not measured for the constants, predicted over measured seconds: {ratio:.2f}.

| Constant | Measured |
|---|---|
| a turn at the lake, whatever is loaded in it | {known.turn_seconds * 1000:.0f} ms |
| each list loaded in that turn | {known.load_seconds * 1000:.1f} ms |
| Dagster's records of a list (two materializations) | {known.record_seconds * 1000:.1f} ms |
| a list in the lake, tidied up, with its history | {known.lake_bytes / 1000:.1f} kB |
| growth of Dagster's database, each time a list is refreshed | {known.event_bytes / 1000:.1f} kB |

One full refresh, at most 32 calls in flight in each worker (`max_in_flight`), 0.2 s a call, one page a list:

| Lists | Workers | Calls | Hours | Slowest part | It alone | Lake | Events a month | Cost a month |
|---:|---:|---:|---:|---|---:|---:|---:|---:|
{chr(10).join(_row(plan, estimate, known) for plan, estimate in runs)}

Events and cost are for {_REFRESHES_A_DAY} refreshes a day. Cost takes ${_WORKER_HOUR:.2f} for a worker's hour while it works,
${_DATABASE_MONTH:.0f} a month for PostgreSQL and ${_GIGABYTE_MONTH:.2f} a month for each GB of lake and events: put in your own
prices. Events are never deleted by Dagster: delete old runs now and then.

## What a fleet on one machine did

{FLEET}
## What breaks first

1. **The rate limit.** The model has none, but WeChat has, and workers share it: with 100 calls a second for the account, a million
   calls take three hours, however many workers there are. Four workers under one hidden limit use 93 % of it
   (`channels_assets_tests/cluster/test_shared_limit.py`); from fewer than 5 calls a second for each worker on, fewer workers do better.
2. **The quota.** WeChat publishes no daily figure for these calls; `channels-assets doctor --quota` shows yours. A full refresh
   needs the calls above, of one agency account: with a quota of 1,000,000 calls a day, a million lists can be refreshed
   once a day at most, and with 100,000 only once in ten days.
3. **The slowest part** in the table. Turns at the lake are taken one at a time, so more workers don't make loading faster: beyond
   that, split the lists over several warehouses (a catalogue database each). More workers do make recording faster, until
   PostgreSQL itself is busy, which the model leaves out.
4. **Dagster's daemon.** It plans runs one after another, with an event for each list and asset, at about the cost of its records
   above; 20 runs of 100 lists took it 20 s of a busy machine. Fewer lists a run let the workers begin earlier.
5. **Dagster's partitions.** Each list is a dynamic partition, and schedules, sensors and the UI read all keys at once. Dagster
   advises against more than about 100,000 a definition; a million lists want several code locations.

Not in the model: rate limits, walks of more than one page beyond their calls, errors and retries, the start of each run (a few seconds), and
workers that wait for processors.
"""


def _row(plan: Plan, estimate: Estimate, known: Constants) -> str:
    alone = max(estimate.calling, estimate.loading, estimate.recording)
    lake = plan.lists * known.lake_bytes / 1e9
    events = plan.lists * known.event_bytes * _REFRESHES_A_DAY * 30 / 1e9
    hours = estimate.seconds / 3600
    busy = min(24.0, hours * _REFRESHES_A_DAY) * 30 * plan.workers
    cost = busy * _WORKER_HOUR + _DATABASE_MONTH + (lake + events) * _GIGABYTE_MONTH
    return (
        f"| {plan.lists:,} | {plan.workers} | {plan.lists * plan.calls_per_list:,.0f} | {hours:.1f} | "
        f"{estimate.slowest} | {alone / 3600:.1f} h | {lake:.1f} GB | {events:.0f} GB | ${cost:,.0f} |"
    )
