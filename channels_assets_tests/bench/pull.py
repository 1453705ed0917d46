"""Contestant (a): the project's pull and load alone, without Dagster. Prints its seconds as JSON."""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from channels_assets.config import Settings, load_settings
from channels_assets.extract.pool import pull_all
from channels_assets.extract.pull import Pulled, PullTask, Staging
from channels_assets.sandbox import World
from channels_assets.warehouse import (
    FileStore,
    ListLoad,
    Load,
    article_list,
    load_article_lists,
    load_windows,
    window_list,
)
from channels_assets.wechat.auth.stable_token import StableToken
from channels_assets.wechat.client import Client
from channels_assets.wechat.league import shop_articles
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import window_products
from channels_assets_tests.bench.world import Size, make

SHARER = "wxsharer00000000"


@dataclass(frozen=True)
class Todo:
    """A list: how to pull it, and how its pages are loaded."""

    task: PullTask
    to_load: Callable[[Pulled], ListLoad]


def _load(asset: str, pulled: Pulled) -> Load:
    return Load(
        asset,
        None,
        "bench",
        pulled.started_at,
        datetime.now(UTC),
        pulled.pages,
        pulled.api_calls,
        pulled.total_num,
        pulled.end_reason,
        0,
    )


def _window(appid: str, client: Client) -> Todo:
    return Todo(
        PullTask("window_products", appid, client, window_products()),
        lambda pulled: window_list(
            window=appid,
            account_appid=appid,
            pages=pulled.staged,
            load=_load("window_products", pulled),
        ),
    )


def _articles(shop: str, account: str, kind: int, client: Client) -> Todo:
    request = shop_articles(
        shop_appid=shop, promoter_id=account, promoter_type=kind, sharer_appid=SHARER
    )
    return Todo(
        PullTask("shop_articles", "league", client, request),
        lambda pulled: article_list(
            partition=f"{shop}/{account}/{SHARER}",
            shop_appid=shop,
            promoter_id=account,
            sharer_appid=SHARER,
            promoter_type=kind,
            pages=pulled.staged,
            load=_load("shop_articles", pulled),
        ),
    )


def everything(settings: Settings, world: World) -> dict[str, Todo]:
    transport = RequestsTransport(settings.api.max_in_flight)

    def client(appid: str, secret_env: str) -> Client:
        url = settings.api.base_url
        tokens = StableToken(transport, url, appid, lambda: os.environ[secret_env])
        return Client(transport, url, tokens)

    todo = {
        one.appid: _window(one.appid, client(one.appid, one.secret_env or ""))
        for one in settings.window
    }
    if settings.league is not None:
        agency = client(settings.league.appid, settings.league.secret_env or "")
        for shop, linked in world.league.promoters.items():
            for one in linked:
                account, kind = one["promoter_id"], one["promoter_type"]
                todo[f"{shop}/{account}"] = _articles(shop, account, kind, agency)
    return todo


def pull_everything(settings: Settings, world: World, folder: Path) -> tuple[int, datetime]:
    """Returns the number of calls, and when the last page was there."""
    todo, store, calls = everything(settings, world), FileStore(folder), 0
    fetched = datetime.min.replace(tzinfo=UTC)
    tasks = {key: one.task for key, one in todo.items()}
    staging, in_flight = Staging(folder / "staging"), settings.api.max_in_flight
    with closing(pull_all(tasks, staging, in_flight, threading.Event())) as batches:
        for batch in batches:
            lists: dict[str, list[ListLoad]] = {"window_products": [], "shop_articles": []}
            done = list[Pulled]()
            for one in batch:
                if isinstance(one.result, Exception):
                    raise one.result
                calls += one.result.api_calls
                fetched = max(fetched, one.result.fetched_at)
                done.append(one.result)
                lists[tasks[one.key].name].append(todo[one.key].to_load(one.result))
            with store.writing() as connection:
                if lists["window_products"]:
                    load_windows(connection, lists["window_products"])
                if lists["shop_articles"]:
                    load_article_lists(connection, lists["shop_articles"])
            for pulled in done:
                pulled.staged.discard()
    store.publish()
    return calls, fetched


def _ticks() -> tuple[int, int]:
    """Of all cores since they were started, and those that they idled; 0 where there is no /proc."""
    try:
        numbers = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    except FileNotFoundError:
        return 0, 0
    return sum(numbers), numbers[3] + numbers[4]


def _busy(before: tuple[int, int], after: tuple[int, int]) -> float:
    return 1 - (after[1] - before[1]) / max(1, after[0] - before[0])


def main() -> None:
    size, folder = Size(**json.loads(sys.argv[1])), Path(sys.argv[2])
    world = make(size)
    started, cpu, begun = time.perf_counter(), time.process_time(), datetime.now(UTC)
    ticks = _ticks()
    # As the command does.
    gc.set_threshold(20_000, 10, 10)
    settings = load_settings(Path(os.environ["CHANNELS_CONFIG"]))
    calls, fetched = pull_everything(settings, world, folder)
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    told = {
        "seconds": seconds,
        "fetching": (fetched - begun).total_seconds(),
        "calls": calls,
        "cpu": used,
        "busy": _busy(ticks, _ticks()),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
