"""docs/outgrowing.md."""

from __future__ import annotations

from collections.abc import Sequence

from channels_assets_tests.cluster.capacity.model import Constants, Plan, Told

_WORKER_HOUR = 0.05
_DATABASE_MONTH = 60.0
_GIGABYTE_MONTH = 0.10
_REFRESHES_A_DAY = 4
# What `make test-cluster` printed last, and what follows from it.
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

Two things had made it several times slower. Dagster connected to PostgreSQL anew for each query ("2000 lists, 4 workers, one killed: 255 s
(2 cores 100% busy; PostgreSQL 68 s, ...)"). And a run that was over kept its share of `max_in_flight` until the lease ran out, 15 s later,
for which the next one waited ("1 worker 336 s, 4 workers 74 s: 4.52 times").
"""


def page(known: Constants, ratio: float, runs: Sequence[tuple[Plan, Told]], versions: str) -> str:
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
| what Dagster's database grows by, each time a list is refreshed | {known.event_bytes / 1000:.1f} kB |

One full refresh, 32 calls in flight over all workers, 0.2 s a call, one page a list:

| Lists | Workers | Calls | Hours | Slowest part | It alone | Lake | Events a month | Cost a month |
|---:|---:|---:|---:|---|---:|---:|---:|---:|
{chr(10).join(_row(plan, told, known) for plan, told in runs)}

Events and cost are for {_REFRESHES_A_DAY} refreshes a day. Cost takes ${_WORKER_HOUR:.2f} for a worker's hour while it works,
${_DATABASE_MONTH:.0f} a month for PostgreSQL and ${_GIGABYTE_MONTH:.2f} a month for each GB of lake and events: put in your own
prices. Events are never deleted by Dagster: delete old runs now and then.

## What a fleet on one machine did

{FLEET}
## What breaks first

1. **The quota.** WeChat publishes no daily figure for these calls; `channels-assets doctor --quota` shows yours. A full refresh
   needs the calls above, of one agency account: with a quota of 1,000,000 calls a day, a million lists can be refreshed
   once a day at most, and with 100,000 only once in ten days.
2. **The slowest part** in the table. Turns at the lake are taken one at a time, so more workers don't make loading faster: beyond
   that, split the lists over several warehouses (a catalogue database each). More workers do make recording faster, until
   PostgreSQL itself is busy, which the model leaves out.
3. **Dagster's daemon.** It plans runs one after another, with an event for each list and asset, at about the cost of its records
   above; 20 runs of 100 lists took it 20 s of a busy machine. Fewer lists a run let the workers begin earlier.
4. **Dagster's partitions.** Each list is a dynamic partition, and schedules, sensors and the UI read all keys at once. Dagster
   advises against more than about 100,000 a definition; a million lists want several code locations.

Not in the model: walks of more than one page beyond their calls, errors and retries, the start of each run (a few seconds), and
workers that wait for processors.
"""


def _row(plan: Plan, told: Told, known: Constants) -> str:
    alone = max(told.calling, told.loading, told.recording)
    lake = plan.lists * known.lake_bytes / 1e9
    events = plan.lists * known.event_bytes * _REFRESHES_A_DAY * 30 / 1e9
    hours = told.seconds / 3600
    busy = min(24.0, hours * _REFRESHES_A_DAY) * 30 * plan.workers
    cost = busy * _WORKER_HOUR + _DATABASE_MONTH + (lake + events) * _GIGABYTE_MONTH
    return (
        f"| {plan.lists:,} | {plan.workers} | {plan.lists * plan.calls_per_list:,.0f} | {hours:.1f} | "
        f"{told.slowest} | {alone / 3600:.1f} h | {lake:.1f} GB | {events:.0f} GB | ${cost:,.0f} |"
    )
