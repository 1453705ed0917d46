"""A sandbox, a warehouse that holds an older list, and one refresh of it after the other."""

from __future__ import annotations

import copy
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from channels_assets.defs.assets.doubtful_end import confirmed
from channels_assets.extract.pool import Outcome
from channels_assets.extract.pull import PageFolder, Pulled, PullTask, pull
from channels_assets.sandbox import Call, Sandbox, WindowEnd, World
from channels_assets.warehouse import LIST_TABLES
from channels_assets.wechat.auth.stable_token import StableToken
from channels_assets.wechat.client import Client
from channels_assets.wechat.errors import WeChatError
from channels_assets.wechat.rate_limit import RateLimiter, SendTime
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import RequestsTransport
from channels_assets_tests.faults.lists import PAGE_SIZE, SIZE, Con, Listing, Row
from channels_assets_tests.warehouse.making import in_pages, load

TOKEN_PATH = "/cgi-bin/stable_token"
TRIES = 3
_A_DAY = 86_400.0


class Unhurried(RateLimiter):
    """Waits are written down, not waited for."""

    def __init__(self) -> None:
        super().__init__(lambda: time.monotonic() + sum(self.waits))
        self.waits: list[float] = []

    def acquire(self, sleep: Callable[[float], None]) -> SendTime:
        del sleep
        return super().acquire(self.waits.append)


@dataclass(frozen=True)
class Attempt:
    """What one refresh of one list did."""

    result: Pulled | WeChatError
    data_calls: int
    token_calls: int
    waits: list[float]

    @property
    def error(self) -> WeChatError:
        assert isinstance(self.result, WeChatError), "it was loaded"
        return self.result

    @property
    def pulled(self) -> Pulled:
        assert isinstance(self.result, Pulled), str(self.result)
        return self.result


class Bench:
    """One sandbox for a whole module; `start_over` before each case."""

    def __init__(self, folder: Path, con: Con, window_end: WindowEnd = "buffer") -> None:
        self.world = World.generate(
            seed=11,
            windows=1,
            products=SIZE,
            shops=SIZE,
            promoters=SIZE,
            sharers=SIZE,
            articles=SIZE,
        )
        self.on_call: Callable[[Call], object] | None = None
        self.con = con
        self.window_end = window_end
        _keep_one_of_each(self.world)
        self._pristine = copy.deepcopy(self.world)
        self._older: set[str] = set()
        self._folder = folder
        self._number = itertools.count()
        self._now = 1_760_000_000.0
        self.sandbox = Sandbox(
            self.world,
            window_end=window_end,
            on_call=lambda call: self.on_call and self.on_call(call),
            # A day passes from case to case: tokens may be forced 20 times a day.
            clock=lambda: self._now,
        )

    def start_over(self, listing: Listing) -> list[Row]:
        """A healthy API and the older list in the warehouse, whose rows are returned."""
        self.on_call = None
        self.sandbox.clear_faults()
        self.sandbox.reset_calls()
        self._now += _A_DAY
        pristine = copy.deepcopy(self._pristine)
        self.world.windows.clear()
        self.world.windows.update(pristine.windows)
        self.world.league.__dict__.update(pristine.league.__dict__)
        older = listing.older(self.world)
        rows = listing.rows(older)
        if listing.letter not in self._older:
            pages = in_pages(listing.endpoint.list_field, older, 100)
            listing.put(self.con, self.world, pages, load())
            self._older.add(listing.letter)
            for table in listing.tables:
                self.con.execute(f"CREATE TEMP TABLE older_{table} AS FROM {table}")
        elif listing.stored(self.con) != rows:
            for table in listing.tables:
                self.con.execute(f"TRUNCATE {table}")
                self.con.execute(f"INSERT INTO {table} FROM older_{table}")
        assert listing.stored(self.con) == rows
        self.staging = PageFolder(self._folder / f"{next(self._number)}")
        return rows

    def refresh(self, listing: Listing, page_size: int = PAGE_SIZE) -> Attempt:
        """Pulls with a client of its own, and loads what was pulled."""
        self.sandbox.reset_calls()
        transport = RequestsTransport(1)
        appid, secret = listing.account(self.world)
        limiter = Unhurried()
        client = Client(
            transport,
            self.sandbox.url,
            StableToken(transport, self.sandbox.url, appid, lambda: secret),
            limiter,
            RetryPolicy(tries=TRIES, backoff_seconds=0.0),
        )
        request, scope = listing.ask(self.world, page_size), listing.scope(self.world)
        task = PullTask(listing.endpoint.name, appid, client, request, scope)
        result: Pulled | WeChatError
        try:
            result = self._confirmed(listing, task, pull(task, self.staging, threading.Event()))
            done = load(end_reason=result.end_reason, total_num=result.total_num)
            listing.put(self.con, self.world, result.page_file, done)
            result.page_file.discard()
        except WeChatError as error:
            result = error
        finally:
            transport.close()
        calls = [call.path for call in self.sandbox.calls]
        return Attempt(
            result,
            calls.count(listing.endpoint.path),
            calls.count(TOKEN_PATH),
            limiter.waits,
        )

    def _confirmed(self, listing: Listing, task: PullTask, pulled: Pulled) -> Pulled:
        """As an asset does: a doubtful end must not shorten the list."""
        table, outcome = LIST_TABLES[listing.tables[0]], Outcome("", pulled)
        result = confirmed(self.con, "run", table, {"": task}, outcome)
        if isinstance(result, Exception):
            raise result
        return result

    def truth(self, listing: Listing) -> list[Row]:
        return listing.rows(listing.sent(self.world))


def _keep_one_of_each(world: World) -> None:
    """Leaves out the lists that nobody here asks for, for speed."""
    league = world.league
    shop_appid = league.shops[0]["shop_appid"]
    league.promoters = {shop_appid: league.promoters[shop_appid]}
    key, articles = next(iter(league.articles.items()))
    league.articles = {key: articles}
