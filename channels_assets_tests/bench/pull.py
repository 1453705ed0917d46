"""Contestant (a): the project's pull and load alone, without Dagster. Prints its seconds as JSON."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from channels_assets.config import Settings, load_settings
from channels_assets.extract.pool import pull_all
from channels_assets.extract.pull import Pulled, PullTask, Staging
from channels_assets.sandbox import World
from channels_assets.warehouse import (
    ListLoad,
    Load,
    Warehouse,
    article_list,
    load_article_lists,
    load_windows,
    window_list,
)
from channels_assets.wechat.auth import StableToken
from channels_assets.wechat.client import Client
from channels_assets.wechat.promoter import shop_articles
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import window_products
from channels_assets_tests.bench.world import Size, make

Loader = Callable[[duckdb.DuckDBPyConnection, Sequence[ListLoad]], object]


class Puller:
    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._transport = RequestsTransport(settings.api.max_in_flight)
        self._staging = Staging(folder / "staging")
        self.store = Warehouse(folder)
        self.calls = 0

    def client(self, appid: str, secret_env: str) -> Client:
        url = self._settings.api.base_url
        tokens = StableToken(self._transport, url, appid, lambda: os.environ[secret_env])
        return Client(self._transport, url, tokens)

    def pull(
        self,
        tasks: dict[str, PullTask],
        to_load: Callable[[str, Pulled], ListLoad],
        load: Loader,
    ) -> None:
        stop = threading.Event()
        in_flight = self._settings.api.max_in_flight
        with closing(pull_all(tasks, self._staging, in_flight, stop)) as batches:
            for batch in batches:
                lists: list[ListLoad] = []
                for one in batch:
                    if isinstance(one.result, Exception):
                        raise one.result
                    self.calls += one.result.api_calls
                    lists.append(to_load(one.key, one.result))
                with self.store.writing() as connection:
                    load(connection, lists)
                for one in batch:
                    if isinstance(one.result, Pulled):
                        one.result.staged.discard()


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


def pull_everything(world: World, folder: Path) -> int:
    settings = load_settings(Path(os.environ["CHANNELS_CONFIG"]))
    puller = Puller(settings, folder)
    puller.pull(
        {
            one.key: PullTask(
                "window_products",
                one.appid,
                puller.client(one.appid, one.secret_env),
                window_products(),
            )
            for one in settings.window
        },
        lambda key, pulled: window_list(
            window=key,
            account_appid=key,
            pages=pulled.staged,
            load=_load("window_products", pulled),
        ),
        load_windows,
    )
    if settings.league is not None:
        _pull_articles(puller, settings, world)
    puller.store.publish()
    return puller.calls


def _pull_articles(puller: Puller, settings: Settings, world: World) -> None:
    assert settings.league is not None
    client = puller.client(settings.league.appid, settings.league.secret_env)
    accounts = {
        f"{shop}/{one['promoter_id']}": (shop, one["promoter_id"], one["promoter_type"])
        for shop, linked in world.league.promoters.items()
        for one in linked
    }
    sharer = "wxsharer00000000"

    def task(shop: str, account: str, kind: int) -> PullTask:
        request = shop_articles(
            shop_appid=shop, promoter_id=account, promoter_type=kind, sharer_appid=sharer
        )
        return PullTask("shop_articles", "league", client, request)

    def to_load(key: str, pulled: Pulled) -> ListLoad:
        shop, account, kind = accounts[key]
        return article_list(
            partition=f"{key}/{sharer}",
            shop_appid=shop,
            promoter_id=account,
            sharer_appid=sharer,
            promoter_type=kind,
            pages=pulled.staged,
            load=_load("shop_articles", pulled),
        )

    tasks = {key: task(*one) for key, one in accounts.items()}
    puller.pull(tasks, to_load, load_article_lists)


def main() -> None:
    size, folder = Size(**json.loads(sys.argv[1])), Path(sys.argv[2])
    world = make(size)
    started, cpu = time.perf_counter(), time.process_time()
    calls = pull_everything(world, folder)
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    sys.stdout.write(json.dumps({"seconds": seconds, "calls": calls, "cpu": used}) + "\n")


if __name__ == "__main__":
    main()
