"""One seed: a world is drawn, refreshed again and again, and looked at after each refresh."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import duckdb

from channels_assets.defs.assets.doubtful_end import confirmed
from channels_assets.extract.page_file import remove_leftovers
from channels_assets.extract.pool import Outcome
from channels_assets.extract.pull import PageFolder, Pulled, PullTask, pull
from channels_assets.warehouse import LIST_TABLES, Failure, clear, load_lists, record_failure
from channels_assets.warehouse.schema import migrate
from channels_assets.wechat import league
from channels_assets.wechat.auth.stable_token import StableToken
from channels_assets.wechat.client import Client
from channels_assets.wechat.errors import WeChatError
from channels_assets.wechat.paging import ListRequest
from channels_assets.wechat.rate_limit import RateLimiter
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.window import window_products
from channels_assets_tests.helpers.loading import pulled_list
from channels_assets_tests.simulation.checks import Attempt, Checks, Violation
from channels_assets_tests.simulation.crash import (
    Clock,
    Database,
    Disk,
    Killed,
    Life,
    Stop,
    crashing_pages,
)
from channels_assets_tests.simulation.faults import Kill, Script, draw_script, lies_about
from channels_assets_tests.simulation.kinds import (
    ARTICLES,
    PROMOTERS,
    SHARERS,
    SHOPS,
    WINDOW,
    Kind,
)
from channels_assets_tests.simulation.world import SimList, World

RESUME_SECONDS = 1800.0
_MEMORY = Path("/dev/shm")
_WORLDS_PER_DATABASE = 200
_NAMES = ("w", "o'w\"", "../w", "窗", "a\nb")


class Bases:
    """An empty warehouse in memory, made anew now and then: making one takes as long as a world."""

    def __init__(self) -> None:
        self._base: duckdb.DuckDBPyConnection | None = None
        self._used = 0

    def get(self) -> duckdb.DuckDBPyConnection:
        if self._base is None or self._used >= _WORLDS_PER_DATABASE:
            self._base = duckdb.connect(":memory:", config={"threads": 1})
            self._base.execute("SET TimeZone = 'Asia/Shanghai'")
            migrate(self._base)
            self._used = 0
        self._used += 1
        clear(self._base)
        return self._base


_bases = Bases()


@dataclass
class Tally:
    """What a run has seen, to know that its worlds are worth something."""

    loads: int = 0
    failures: int = 0
    kills: int = 0
    resumed: int = 0
    twice: int = 0
    mixtures: int = 0
    calls: int = 0
    simulated_hours: float = 0.0


@dataclass
class Process:
    """What a process holds in memory: gone when it dies."""

    clients: dict[str, Client] = field(default_factory=dict)


class Simulation:
    """One world and its refreshes. `run` raises Violation."""

    def __init__(self, seed: int, folder: Path, base: duckdb.DuckDBPyConnection) -> None:
        self.rng = Random(seed)
        self.clock = Clock(1_700_000_000.0 + self.rng.randrange(1000) / 7)
        self.world = World(self.rng, self.clock)
        self.disk = Disk(folder, self.clock, self.rng)
        self.database = Database(base)
        self.tally = Tally()
        self.retry = RetryPolicy(tries=self.rng.randrange(1, 6), backoff_seconds=1.0)
        self.checks = Checks(self.world, self.disk, self.database, self.retry.tries)
        self.checks.resume_seconds = RESUME_SECONDS
        self.staging = PageFolder(folder, RESUME_SECONDS, self.clock)
        self.run_number = 0
        self._draw_lists()

    def _draw_lists(self) -> None:
        rng = self.rng
        kinds = rng.choices([WINDOW, ARTICLES, SHOPS, PROMOTERS, SHARERS], [10, 2, 2, 4, 3], k=1)
        if rng.random() < 0.15:
            kinds.append(rng.choice([WINDOW, ARTICLES, PROMOTERS, SHARERS]))
        for number, kind in enumerate(kinds):
            if kind.name in ("cooperating_shops", "sharers") and kind in kinds[:number]:
                continue
            self._draw_list(kind)

    def _draw_list(self, kind: Kind) -> None:
        rng, number = self.rng, len(self.world.lists)
        name = f"{rng.choice(_NAMES)}{number}"
        account = f"window{number}" if kind is WINDOW else "league"
        scopes: Mapping[str, dict[str, str]] = {
            "window_products": {"window": name},
            "shop_articles": {"shop_appid": name, "promoter_id": "p'", "sharer_appid": "wx/s"},
            "shop_promoters": {"shop_appid": name},
        }
        scope = scopes.get(kind.name, {})
        one = SimList(
            kind=kind,
            number=number,
            partition="/".join(scope.values()) or None,
            scope=scope,
            asks={} if kind is WINDOW else dict(scope),
            account=account,
            page_size=min(rng.choice([1, 1, 2, 2, 3, 4, 10, 200]), kind.max_size),
            anchored=rng.random() < 0.5,
            late_end=rng.random() < 0.5,
            lie=rng.choice(lies_about(kind)) if rng.random() < 0.5 else "",
            total_off=rng.choice([-2, -1, 1, 1000]),
        )
        if account not in self.world.accounts:
            self.world.add_account(account)
        size = rng.choice([0, 1, 2, 3, one.page_size, 2 * one.page_size, rng.randrange(12)])
        for _ in range(min(size, 14)):
            one.items.append(self.world.new_item(one))
        one.keep_state()
        self.world.lists.append(one)

    def run(self) -> Tally:
        refreshes = self.rng.choice([1, 1, 2, 2, 3])
        lies = [item.lie for item in self.world.lists]
        for _ in range(refreshes):
            self._refresh(draw_script(self.rng, len(lies), lies, calm=False))
        if (
            all(self.checks.is_current(item) for item in self.world.lists)
            and self.rng.random() < 0.8
        ):
            return self.tally
        # Whatever happened, a day later all is well with no one's help.
        calm = draw_script(self.rng, len(lies), lies, calm=True)
        calm.pause = 90_000.0
        self._refresh(calm)
        self.checks.all_current()
        return self.tally

    def _refresh(self, script: Script) -> None:
        self.clock.now += script.pause
        self.run_number += 1
        self.world.begin(script)
        waiting = list(self.world.lists)
        self.rng.shuffle(waiting)
        kills: list[Kill | None] = [*script.kills, None]
        for kill in kills:
            life = Life(kill.step, kill.at) if kill else Life()
            self.world.life = self.disk.life = self.database.life = life
            self.world.forced_at.clear()
            process = Process()
            try:
                remove_leftovers(self.disk.folder, self.clock.now - RESUME_SECONDS, math.inf)
                while waiting:
                    self._one(process, life, waiting[0])
                    waiting.pop(0)
                break
            except Killed:
                self._after_death(kill)
            finally:
                self.tally.calls += self.world.calls
                self.world.calls = 0
                self.checks.process_ended()
        self.world.life = self.disk.life = self.database.life = Life()
        self.checks.after_refresh()

    def _after_death(self, kill: Kill | None) -> None:
        assert kill is not None
        self.tally.kills += 1
        self.disk.process_died()
        self.database.process_died()
        if kill.machine_off:
            self.disk.machine_went_off()
            self.checks.machine_went_off()
        self.clock.now += kill.pause

    def _one(self, process: Process, life: Life, item: SimList) -> None:
        constants: dict[str, object] = {}
        if item.kind is WINDOW:
            constants = {"account_appid": item.account}
        elif item.kind is ARTICLES:
            constants = {"promoter_type": 4}
        task = PullTask(
            item.kind.name,
            item.account,
            self._client(process, item),
            _request(item),
            item.scope,
            constants,
        )
        attempt = self.checks.begin(item)
        try:
            pulled = self._confirmed(task, pull(task, self.staging, Stop(self.clock, life)), item)
        except WeChatError as error:
            attempt.path = self.disk.last_path
            self.tally.failures += 1
            self.checks.failed(attempt, error)
            for table in self._assets(item):
                record_failure(
                    self.database.as_connection(),
                    Failure(
                        table,
                        item.partition,
                        f"run {self.run_number}",
                        type(error).__name__,
                        str(error),
                        error.api_calls if table == item.kind.name else 0,
                    ),
                )
            self.checks.failure_recorded(attempt, error)
            return
        except Exception as error:
            raise Violation(f"{type(error).__name__} came out of pull: {error}") from error
        attempt.path = self.disk.last_path
        self.tally.resumed += pulled.resumed_pages > 0
        life.step("pulled")
        self._load(attempt, task, pulled, life)
        life.step("loaded")
        pulled.page_file.discard()
        self.checks.discarded(attempt)

    def _confirmed(self, task: PullTask, pulled: Pulled, item: SimList) -> Pulled:
        """As an asset does: a doubtful end must not shorten the list."""
        con, key = self.database.as_connection(), item.partition or ""
        run_id, outcome = f"run {self.run_number}", Outcome(key, pulled)
        result = confirmed(con, run_id, LIST_TABLES[task.table], {key: task}, outcome)
        if isinstance(result, Exception):
            raise result
        return result

    def _load(self, attempt: Attempt, task: PullTask, pulled: Pulled, life: Life) -> None:
        one = attempt.one
        attempt.pulled = pulled
        to_load = pulled_list(task, pulled, one.partition, "run")
        tally = self.tally
        try:
            con = self.database.as_connection()
            [stats] = load_lists(con, LIST_TABLES[task.table], [to_load])
            attempt.loaded = [*stats.values()]
        except Exception as error:
            raise Violation(f"{one.kind.name} was refused by the loader: {error}") from error
        finally:
            # A process that died after COMMIT has loaded, whether it knew or not.
            if life.dead:
                self.disk.process_died()
                self.database.process_died()
            if self.checks.is_committed(attempt):
                tally.loads += 1
                seen = self.checks.loaded(attempt)
                tally.mixtures += seen.mixture
                tally.twice += seen.again

    def _assets(self, item: SimList) -> list[str]:
        return [table.name for table in item.kind.tables]

    def _client(self, process: Process, item: SimList) -> Client:
        if item.account not in process.clients:
            secret = self.world.accounts[item.account].secret
            tokens = StableToken(
                self.world, "https://sim", item.account, lambda: secret, clock=self.clock
            )
            process.clients[item.account] = Client(
                self.world, "https://sim", tokens, RateLimiter(self.clock), self.retry
            )
        return process.clients[item.account]


def _request(item: SimList) -> ListRequest[Any]:
    size = item.page_size
    if item.kind is WINDOW:
        return window_products(page_size=size)
    if item.kind is ARTICLES:
        return league.shop_articles(**item.scope, promoter_type=4, page_size=size)
    if item.kind is PROMOTERS:
        return league.shop_promoters(**item.scope, page_size=size)
    if item.kind is SHOPS:
        return league.cooperating_shops(page_size=size)
    return league.sharers(page_size=size)


def simulate(seed: int) -> Tally:
    """Runs one world. Raises Violation, or whatever came out where nothing may."""
    before = random.getstate()
    # tenacity draws its jitter from here.
    random.seed(seed)
    within = str(_MEMORY) if _MEMORY.is_dir() else None
    try:
        with tempfile.TemporaryDirectory(prefix="simulation-", dir=within) as folder:
            simulation = Simulation(seed, Path(folder), _bases.get())
            pages = crashing_pages(simulation.disk)
            with patch("channels_assets.extract.pull.PageFile", pages):
                began = simulation.clock.now
                tally = simulation.run()
                tally.simulated_hours = (simulation.clock.now - began) / 3600
                return tally
    finally:
        random.setstate(before)
