"""What must hold after each refresh, said against the server's own record.

Promised of every load, whatever went wrong around it:

- its rows are exactly what the server sent on one walk from the first page to the last, read from
  the staged file and stored without a difference;
- if the list did not change between that walk's first and last page, they are the list;
- if it changed, each page is a page that the list had when it was asked for, in the order of the
  walk; where the API tells total_num, every page told the number of different items that were
  read, or a second walk brought the same items in the same order.

A list that changes under the walk may so be loaded as a mixture that it never was. The smallest:
a window [a, b], page size 1. Page 1 brings a; then a is taken out and c put in at the end; page 2,
counted from the start, brings c. Both pages say total_num 2, and [a, c] is loaded, which never was;
b is missing, which was there all along. A list [a, c] that never changed gives the same answers, so
no client can tell from this walk. Without total_num (all lists but windows) one removal is enough:
[a, b, c], a is read and removed, c follows. The next refresh puts it right.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

from channels_assets.extract.pull import Pulled
from channels_assets.warehouse import LoadStats
from channels_assets.wechat.errors import UnconfirmedEnd, UnprovenEnd, WeChatError
from channels_assets_tests.simulation.crash import Database, Disk
from channels_assets_tests.simulation.faults import HARMLESS_LIES, LOSSES, OMISSIONS, PASSING
from channels_assets_tests.simulation.kinds import BROKEN, Row, Table
from channels_assets_tests.simulation.world import Asked, SimList, State, World

_JSON = ("extra", "product_list")
_TIMES = ("create_time", "update_time", "bind_time")
_WALKS = 3
_BARREN = 6


class Violation(Exception):
    """A promise was broken."""


def demand(holds: object, what: str) -> None:
    if not holds:
        raise Violation(what)


@dataclass
class Attempt:
    """One pull of one list, with where the server's record stood when it began."""

    one: SimList
    started_at: float
    first_call: int
    version: int
    token_trouble: int
    forced_before: int
    must_resume_at: str | None
    after_unproven: bool
    path: Path = Path()
    pulled: Pulled | None = None
    loaded: list[LoadStats] = field(default_factory=list)

    @property
    def asked(self) -> list[Asked]:
        return self.one.asked[self.first_call :]

    @property
    def calls(self) -> int:
        return len(self.asked)


@dataclass(frozen=True)
class Seen:
    """Of a load: whether it is a state that never was, and whether the same walk is loaded again."""

    mixture: bool
    again: bool


@dataclass
class Known:
    """What the warehouse must hold of one list."""

    contents: list[list[list[Row]]] = field(default_factory=list)
    loads: list[tuple[Any, ...]] = field(default_factory=list)
    failure: tuple[str, str] | None = None
    walk_loaded: int = -1
    calls_at_load: int = 0
    unproven: bool = False


class Checks:
    def __init__(self, world: World, disk: Disk, database: Database, tries: int) -> None:
        self.world, self.disk, self.database, self.tries = world, disk, database, tries
        self.resume_seconds = 0.0
        self.known: dict[int, Known] = {}
        self.order: list[tuple[Any, ...]] = []
        self.undamaged_since: dict[int, int] = {}

    def of(self, item: SimList) -> Known:
        return self.known.setdefault(item.number, Known())

    # While it runs

    def begin(self, item: SimList) -> Attempt:
        known = self.of(item)
        after_unproven, known.unproven = known.unproven, False
        return Attempt(
            after_unproven=after_unproven,
            one=item,
            started_at=self.world.clock.now,
            first_call=len(item.asked),
            version=len(item.states) - 1,
            token_trouble=self.world.token_trouble,
            forced_before=len(self.world.forced_at),
            must_resume_at=self._must_resume_at(item),
        )

    def _must_resume_at(self, item: SimList) -> str | None:
        """The cursor after the last staged page, if the pull before ended on the way to it."""
        asked = item.asked
        if len(asked) <= self.undamaged_since.get(item.number, 0) or not asked[-1].cursor:
            return None
        if asked[-1].good or asked[-1].spoiled == "rejected_cursor":
            return None
        newest = max(each.done_at for each in asked if each.good)
        if self.world.clock.now - newest > self.resume_seconds - 0.01:
            return None
        return asked[-1].cursor

    def machine_went_off(self) -> None:
        self.undamaged_since = {item.number: len(item.asked) for item in self.world.lists}

    def process_ended(self) -> None:
        for appid in self.world.accounts:
            forced = [at for whose, at in self.world.forced_at if whose == appid]
            close = [b - a for a, b in pairwise(forced) if b - a < 300]
            demand(not close, f"a token was forced again after {close} seconds")

    def _spending(self, attempt: Attempt) -> None:
        """Every bad answer costs one call more, and there are at most three walks."""
        one, asked = attempt.one, attempt.asked
        states = one.states[max(0, attempt.version - 20) :]
        changes = len(one.states) - 1 - attempt.version
        most = max(len(state) for state in states) + changes
        size = 1 if one.lie in ("short_pages", "cycling_cursor", "cycling_fresh") else one.page_size
        walk = most // size + changes + 2 + _BARREN
        bad = sum(not each.good for each in asked)
        demand(
            len(asked) - bad <= _WALKS * walk,
            f"{len(asked) - bad} pages were asked for, at most {_WALKS} x {walk} are needed",
        )
        rejected = sum(each.spoiled == "rejected_cursor" for each in asked)
        demand(rejected <= 2, f"{rejected} rejected cursors, one restart is allowed")
        firsts = sum(each.good and not each.cursor for each in asked)
        demand(firsts <= _WALKS, f"{firsts} walks were begun")
        run = 0
        for before, each in zip([None, *asked], asked, strict=False):
            same = before is not None and before.cursor == each.cursor and not before.good
            run = run + 1 if same else 1
            demand(run <= 2 * self.tries, f"one page was asked for {run} times")
        if attempt.must_resume_at and asked:
            demand(
                asked[0].cursor == attempt.must_resume_at,
                f"did not go on after the last staged page: asked {asked[0].cursor!r}, "
                f"not {attempt.must_resume_at!r}",
            )

    def failed(self, attempt: Attempt, error: WeChatError) -> None:
        one, text = attempt.one, str(error)
        known = self.of(one)
        self._spending(attempt)
        demand(len(text) > 20, f"no reason is given: {text!r}")
        self._no_secret(text + repr(error), "an error")
        made = attempt.calls
        demand(error.api_calls == made, f"{error.api_calls} calls told, {made} were made")
        known.unproven = isinstance(error, UnprovenEnd)
        asked_anew = attempt.asked or not known.unproven or not attempt.after_unproven
        demand(asked_anew, "what led nowhere was resumed")
        omitted = any(each.lied in OMISSIONS for each in attempt.asked)
        meant = isinstance(error, UnconfirmedEnd) and omitted
        demand(meant or self._has_cause(attempt), f"failed without a cause: {text}")

    def _has_cause(self, attempt: Attempt) -> bool:
        one, asked = attempt.one, attempt.asked
        if not asked or asked[0].cursor or self.world.token_trouble > attempt.token_trouble:
            return True
        if len(one.states) - 1 > attempt.version:
            return True
        if any(each.lied and each.lied not in HARMLESS_LIES for each in asked):
            return True
        # A client that uses an old token once more has only itself to blame.
        bad = [each.spoiled for each in asked if not each.good and each.spoiled != "old_token"]
        passing = sum(kind in PASSING for kind in bad)
        expired, replaced = bad.count("token_expired"), bad.count("token_replaced")
        if (replaced and attempt.forced_before) or expired + replaced > 1:
            return True
        # The failure of a token call for an earlier list, which is kept for a moment, is a try too.
        tries = passing + (self.world.token_trouble > 0)
        return tries >= self.tries or passing + expired + replaced < len(bad)

    def failure_recorded(self, attempt: Attempt, error: WeChatError) -> None:
        self.of(attempt.one).failure = (type(error).__name__, str(error))

    def _no_secret(self, text: str, where: str) -> None:
        for secret in self.world.secrets:
            for form in (secret, quote(secret, safe=""), secret[:12]):
                demand(form not in text, f"a token or secret is in {where}: {text}")

    # Loads

    def is_committed(self, attempt: Attempt) -> bool:
        [(rows,)] = self.database.look("SELECT count(*) FROM loads")
        new = int(rows) - len(self.order)
        demand(new in (0, len(attempt.one.kind.tables)), f"{new} rows more in loads")
        return new > 0

    def loaded(self, attempt: Attempt) -> Seen:
        one, pulled = attempt.one, attempt.pulled
        assert pulled is not None
        known = self.of(one)
        self._spending(attempt)
        start, walk = self._walk(one, pulled.pages)
        self._is_resumable(attempt, walk)
        resumed = sum(not any(each is mine for mine in attempt.asked) for each in walk)
        demand(resumed == pulled.resumed_pages, f"{resumed} pages were resumed, not as told")
        demand(not (resumed and attempt.after_unproven), "what led nowhere was resumed")
        rows = [item for each in walk for item in each.rows]
        content = _last_wins(rows, one)
        mixture = self._is_proven(one, start, walk, content, pulled)
        tables = [_rows(table, content) for table in one.kind.tables]
        # Where the process died between COMMIT and discard, and only there.
        again = known.walk_loaded == start and not attempt.calls
        if again:
            demand(known.contents[-1] == tables, "the same walk was loaded as something else")
        known.walk_loaded = start
        known.contents.append(tables)
        known.failure = None
        spent = len(one.asked) - known.calls_at_load
        told, made = pulled.api_calls, attempt.calls
        demand(told == made, f"{told} calls told, {made} were made")
        demand(resumed <= pulled.resumed_calls, f"{resumed} pages, {pulled.resumed_calls} calls")
        told += pulled.resumed_calls
        demand(again or told <= spent, f"{told} calls told of {spent}")
        self._add_loads(one, pulled, rows, tables)
        return Seen(mixture, again)

    def discarded(self, attempt: Attempt) -> None:
        known = self.of(attempt.one)
        known.calls_at_load = len(attempt.one.asked)
        known.walk_loaded = -1
        demand(not attempt.path.exists(), "a staged file remains of a list that was loaded")

    def _walk(self, item: SimList, pages: int) -> tuple[int, list[Asked]]:
        """The last walk, page by page: which answers the client must have gone by."""
        start = max(n for n, each in enumerate(item.asked) if each.good and not each.cursor)
        return start, _follow(item.asked[start:], pages)

    def _is_resumable(self, attempt: Attempt, walk: list[Asked]) -> None:
        before = [each.done_at for each in walk if each.done_at < attempt.started_at]
        if before:
            age = attempt.started_at - before[-1]
            demand(age <= self.resume_seconds + 0.01, f"pages of {age} seconds ago were resumed")

    def _is_proven(
        self, item: SimList, start: int, walk: list[Asked], content: State, pulled: Pulled
    ) -> bool:
        """Demands the proof; returns whether the content is a mixture that the list never was."""
        told = f"(end_reason {pulled.end_reason}, lie {item.lie or 'none'})"
        demand(len(walk) == pulled.pages, f"{pulled.pages} pages, the server sent {len(walk)}")
        if pulled.end_is_doubtful and any(each.lied in LOSSES for each in walk):
            # Nothing tells it from an end; that it shortened no list unconfirmed is checked there.
            return False
        demand(walk[-1].last, f"the walk ended before the list did {told}")
        first, last = walk[0].version, walk[-1].version
        states = item.states[first : last + 1]
        if first == last:
            demand(content == states[0], f"not the list that was there all along {told}")
        # Beside a cursor, total_num is not believed.
        totals = {each.total for each in walk[:1] if each.total is not None}
        if pulled.end_reason == "count_disagrees":
            keys = _keys(item, walk)
            earlier = [
                _keys(item, _follow(item.asked[n:start], 10**6))
                for n, each in enumerate(item.asked[:start])
                if each.good and not each.cursor
            ]
            demand(keys in earlier, f"no earlier walk agreed {told}")
        else:
            demand(totals <= {len(content)}, f"total_num said {totals}, {len(content)} loaded")
        return content not in states

    def _add_loads(
        self, item: SimList, pulled: Pulled, rows: list[Any], tables: list[list[Row]]
    ) -> None:
        for number, (table, content) in enumerate(zip(item.kind.tables, tables, strict=True)):
            of_pull = number == 0
            self.order.append(
                (
                    table.name,
                    item.partition,
                    pulled.pages if of_pull else 0,
                    pulled.api_calls if of_pull else 0,
                    len(content),
                    len(rows) - len(content) if of_pull else 0,
                    pulled.total_num if of_pull else None,
                    pulled.end_reason,
                    pulled.resumed_pages if of_pull else 0,
                    pulled.resumed_calls if of_pull else 0,
                )
            )

    # After each refresh

    def after_refresh(self) -> None:
        loads = self.database.look(
            'SELECT asset, "partition", pages, api_calls, "rows", duplicates, total_num, '
            "end_reason, resumed_pages, resumed_calls FROM loads ORDER BY load_id"
        )
        demand(loads == self.order, f"loads holds {loads}, not {self.order}")
        failures = self.database.look('SELECT asset, "partition", error_class, error FROM failures')
        wanted = [
            (table.name, item.partition, *failure)
            for item in self.world.lists
            if (failure := self.of(item).failure)
            for table in item.kind.tables
        ]
        demand(sorted(failures, key=repr) == sorted(wanted, key=repr), f"failures: {failures}")
        for item in self.world.lists:
            for number, table in enumerate(item.kind.tables):
                contents = [each[number] for each in self.of(item).contents]
                self._table(item, table, contents)
        for path in self.disk.folder.iterdir():
            self._no_secret(path.read_bytes().decode("utf-8", "replace"), "a staged file")

    def _table(self, item: SimList, table: Table, contents: list[list[Row]]) -> None:
        now = contents[-1] if contents else []
        where = f"{table.name} {item.partition!r}"
        if table.keeps_vanished:
            stored = self._stored(item, table, table.name, ["is_active"], "")
            wanted: dict[Any, Any] = {}
            for content in contents:
                wanted.update(dict(content))
            active = dict(now)
            demand(
                {key: (values, more[0]) for key, values, more in stored}
                == {key: (values, key in active) for key, values in wanted.items()},
                f"{where}: {stored}, not {wanted}",
            )
            demand(len(stored) == len(wanted), f"{where}: keys are there twice")
            return
        stored = self._stored(item, table, table.name, ["position"], "position")
        found = [(key, values) for key, values, _ in stored]
        demand(found == now, f"{where} holds {found}, not {now}")
        demand(
            [more[0] for _, _, more in stored] == list(range(1, len(now) + 1)),
            f"{where}: positions",
        )
        if table.history:
            more = ["change", "epoch_us(valid_from)", "epoch_us(valid_to)"]
            check_history(
                where, table, self._stored(item, table, table.history, more, ""), contents
            )

    def _stored(
        self, item: SimList, table: Table, name: str, more: list[str], order: str
    ) -> list[tuple[Any, Any, Any]]:
        columns = [
            f"epoch_us({column})" if column in _TIMES else column
            for column in (*table.key, *table.values)
        ]
        scope = " AND ".join(f'"{column}" = ?' for column in table.scope) or "TRUE"
        query = f"SELECT {', '.join([*columns, *more])} FROM {name} WHERE {scope}"  # noqa: S608
        if order:
            query += f" ORDER BY {order}"
        keys, end = len(table.key), len(columns)
        names = (*table.key, *table.values)
        return [
            (row[:keys], _parsed(names[keys:], row[keys:end]), row[end:])
            for row in self.database.look(query, [item.scope[column] for column in table.scope])
        ]

    def is_current(self, item: SimList) -> bool:
        contents = self.of(item).contents
        wanted = [_rows(table, item.states[-1]) for table in item.kind.tables]
        return bool(contents) and contents[-1] == wanted

    def all_current(self) -> None:
        """After a calm refresh: every list is what the server has, and nothing is left over."""
        for item in self.world.lists:
            demand(self.is_current(item), f"{item.kind.name} is not up to date")
        left = [path.name for path in self.disk.folder.iterdir()]
        demand(not left, f"staged files were left: {left}")


def _parsed(names: tuple[str, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        json.loads(value) if name in _JSON and value is not None else value
        for name, value in zip(names, values, strict=True)
    )


def _follow(asked: list[Asked], pages: int) -> list[Asked]:
    """From the first page along the cursors; of a page asked for again, the last good answer."""
    answers = {each.cursor: each for each in asked if each.good}
    walk: list[Asked] = []
    cursor: str | None = ""
    while cursor is not None and cursor in answers and len(walk) < pages:
        walk.append(answers.pop(cursor))
        cursor = walk[-1].next_cursor
    return walk


def _keys(entry: SimList, walk: list[Asked]) -> list[Any]:
    return [entry.identity(item) for each in walk for item in each.rows]


def _last_wins(rows: list[Any], entry: SimList) -> State:
    last: dict[Any, Any] = {}
    for item in rows:
        key = entry.identity(item)
        last[key] = entry.kind.unite(last.pop(key), item) if key in last else item
    return tuple(last.values())


def _rows(table: Table, items: State) -> list[Row]:
    return [_repaired(row) for item in items for row in table.rows(item)]


def _repaired(value: Any) -> Any:  # noqa: ANN401
    """The same, with U+FFFD for broken characters."""
    if isinstance(value, str):
        return value.replace(BROKEN, "\ufffd")
    if isinstance(value, dict):
        return {_repaired(name): _repaired(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_repaired, value))
    return value


def check_history(
    where: str, table: Table, rows: list[tuple[Any, Any, Any]], contents: list[list[Row]]
) -> None:
    """Replays the history: at each of its moments it must show the list that was loaded then."""
    moments = sorted({at for _, _, (_, *times) in rows for at in times if at is not None})
    before: list[Row] = []
    for content in contents:
        kept = [key for key, _ in content if key in dict(before)]
        was = [key for key, _ in before if key in dict(content)]
        if dict(before) == dict(content) and not (table.moves and kept != was):
            before = content
            continue
        demand(moments, f"{where}: a change is missing in the history")
        moment = moments.pop(0)
        valid = [
            (key, values)
            for key, values, (_, start, end) in rows
            if start <= moment and (end is None or end > moment)
        ]
        demand(dict(valid) == dict(content), f"{where}: the history tells another list")
        demand(len(valid) == len(content), f"{where}: the history has a row twice")
        old = dict(before)
        for key, values, (change, start, _) in rows:
            if start == moment:
                want = "added" if key not in old else "changed" if old[key] != values else "moved"
                demand(change == want, f"{where}: {key} is called {change}, it was {want}")
        if table.moves:
            begun = {key for key, _, (_, start, _) in rows if start == moment}
            stayed = [key for key in kept if key not in begun]
            demand(stayed == [key for key in was if key in stayed], f"{where}: a move is missing")
        before = content
    demand(not moments, f"{where}: the history tells changes that were none")
