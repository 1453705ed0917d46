"""Contestant (a): the project's pull and load alone, without Dagster. Prints its seconds as JSON."""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from channels_assets.config import Settings, load_settings
from channels_assets.extract.pool import pull_all
from channels_assets.extract.pull import PageFolder, Pulled, PullTask
from channels_assets.sandbox import World
from channels_assets.warehouse import LIST_TABLES, FileStore, ListToLoad, load_lists
from channels_assets.wechat.auth.stable_token import StableToken
from channels_assets.wechat.client import Client
from channels_assets.wechat.league import shop_articles
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import window_products
from channels_assets_tests.bench.world import Size, make
from channels_assets_tests.helpers.loading import pulled_list

SHARER = "wxsharer00000000"


def list_of(task: PullTask, pulled: Pulled) -> ListToLoad:
    return pulled_list(task, pulled, "/".join(task.scope.values()), "bench")


def _window(appid: str, client: Client) -> PullTask:
    constants = {"account_appid": appid}
    return PullTask(
        "window_products", appid, client, window_products(), {"window": appid}, constants
    )


def _articles(shop: str, account: str, kind: int, client: Client) -> PullTask:
    scope = {"shop_appid": shop, "promoter_id": account, "sharer_appid": SHARER}
    request = shop_articles(
        shop_appid=shop, promoter_id=account, promoter_type=kind, sharer_appid=SHARER
    )
    return PullTask("shop_articles", "league", client, request, scope, {"promoter_type": kind})


def everything(settings: Settings, world: World) -> dict[str, PullTask]:
    transport = RequestsTransport(settings.api.max_in_flight)

    def client(appid: str, secret_env: str) -> Client:
        url = settings.api.base_url
        tokens = StableToken(transport, url, appid, lambda: os.environ[secret_env])
        return Client(transport, url, tokens)

    todo = {
        item.appid: _window(item.appid, client(item.appid, item.secret_env or ""))
        for item in settings.window
    }
    if settings.league is not None:
        agency = client(settings.league.appid, settings.league.secret_env or "")
        for shop, linked in world.league.promoters.items():
            for item in linked:
                account, kind = item["promoter_id"], item["promoter_type"]
                todo[f"{shop}/{account}"] = _articles(shop, account, kind, agency)
    return todo


def pull_everything(settings: Settings, world: World, folder: Path) -> tuple[int, datetime]:
    """Returns the number of calls, and when the last page was there."""
    tasks, store, calls = everything(settings, world), FileStore(folder), 0
    fetched = datetime.min.replace(tzinfo=UTC)
    staging, in_flight = PageFolder(folder / "staging"), settings.api.max_in_flight
    with closing(pull_all(tasks, staging, in_flight, threading.Event())) as batches:
        for batch in batches:
            lists: dict[str, list[ListToLoad]] = {"window_products": [], "shop_articles": []}
            done = list[Pulled]()
            for item in batch:
                if isinstance(item.result, Exception):
                    raise item.result
                calls += item.result.api_calls
                fetched = max(fetched, item.result.fetched_at)
                done.append(item.result)
                task = tasks[item.key]
                lists[task.table].append(list_of(task, item.result))
            with store.writing() as connection:
                for table, to_load in lists.items():
                    if to_load:
                        load_lists(connection, LIST_TABLES[table], to_load)
            for pulled in done:
                pulled.page_file.discard()
    store.publish()
    return calls, fetched


def _ticks() -> tuple[int, int]:
    """Of all cores since they were started, and those that they idled; 0 where there is no /proc."""
    try:
        numbers = [
            int(part) for part in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        ]
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
