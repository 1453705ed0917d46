"""The model's constants, measured on a real lake and a real Dagster instance, both in PostgreSQL."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from dagster import AssetMaterialization, DagsterInstance

from channels_assets.sandbox import World
from channels_assets.warehouse import Lake, load_lists
from channels_assets.warehouse.lake import LakeStore
from channels_assets.warehouse.tables import SHOP_ARTICLES
from channels_assets_tests.cluster.capacity.model import Constants
from channels_assets_tests.cluster.services import new_database, postgres
from channels_assets_tests.helpers.loading import article_list
from channels_assets_tests.warehouse.making import in_pages, load

_SMALL, _LARGE = 1, 40
_TURNS = 12
STORAGE = (
    "{custom: {module: channels_assets.cluster.postgres_storage, class: KeptPostgresStorage, "
    "config: {postgres_url: {env: %s}}}}"
)


@dataclass(frozen=True)
class Bench:
    """Article lists of a made-up agency, a lake and a Dagster instance to store them in."""

    lists: list[tuple[str, str, str]]
    world: World
    lake: LakeStore
    instance: DagsterInstance
    dagster_dsn: str

    def load(self, start: int, size: int) -> float:
        """Seconds of one turn at the lake with so many lists."""
        batch = []
        for number in range(start, start + size):
            shop, promoter, sharer = self.lists[number % len(self.lists)]
            articles = self.world.articles_for(shop, promoter, sharer)
            batch.append(
                article_list(
                    partition="/".join((shop, promoter, sharer)),
                    shop_appid=shop,
                    promoter_id=promoter,
                    sharer_appid=sharer,
                    promoter_type=4,
                    pages=in_pages("article_list", articles, 10),
                    load=load(),
                )
            )
        begun = time.perf_counter()
        with self.lake.writing() as con:
            load_lists(con, SHOP_ARTICLES, batch)
        return time.perf_counter() - begun

    def record(self, start: int, size: int) -> float:
        """Seconds of recording so many lists: an event for each of the two assets."""
        begun = time.perf_counter()
        for number in range(start, start + size):
            for asset in ("shop_articles", "article_products"):
                self.instance.report_runless_asset_event(
                    AssetMaterialization(
                        asset,
                        partition="/".join(self.lists[number % len(self.lists)]),
                        metadata={"dagster/row_count": 4, "pages": 1, "end_reason": "empty_page"},
                    )
                )
        return time.perf_counter() - begun

    def database_bytes(self) -> int:
        with psycopg.connect(self.dagster_dsn) as con:
            [(size,)] = con.execute("SELECT pg_database_size(current_database())").fetchall()
        return int(size)


@contextmanager
def bench(folder: Path, lists: int) -> Iterator[Bench]:
    made = World.generate(
        seed=8, windows=1, products=1, shops=10, promoters=lists * 3 // 20, sharers=1, articles=4
    )
    names = [
        (shop["shop_appid"], promoter["promoter_id"], made.league.sharers[0]["sharer_appid"])
        for shop in made.league.shops
        for promoter in made.league.promoters[shop["shop_appid"]]
        if promoter["promoter_type"] in (4, 5)
    ]
    with postgres() as server:
        os.environ["BENCH_LAKE"] = new_database(server, "lake")
        dagster_dsn = new_database(server, "dagster")
        os.environ["BENCH_DAGSTER"] = dagster_dsn
        home = folder / "dagster_home"
        home.mkdir()
        (home / "dagster.yaml").write_text(
            f"storage: {STORAGE % 'BENCH_DAGSTER'}\ntelemetry: {{enabled: false}}\n"
        )
        lake = LakeStore(folder / "data", Lake("BENCH_LAKE", str(folder / "lake")))
        with DagsterInstance.from_config(str(home)) as instance:
            yield Bench(names, made, lake, instance, dagster_dsn)


def measure(fixture: Bench) -> Constants:
    """Every list is loaded twice, first as a new list: the second load costs what a refresh costs.

    Of each kind the quickest try counts: other programs on the machine only make it slower.
    """
    for start in range(0, len(fixture.lists), _LARGE):
        fixture.load(start, _LARGE)
    small = min(fixture.load(number, _SMALL) for number in range(_TURNS))
    large = min(fixture.load(number * _LARGE, _LARGE) for number in range(_TURNS))
    per_list = max(0.0, (large - small) / (_LARGE - _SMALL))
    before = fixture.database_bytes()
    recorded = min(fixture.record(start, 20) for start in range(0, 400, 20)) / 20
    grown = (fixture.database_bytes() - before) / 400
    fixture.lake.maintain()
    return Constants(
        turn_seconds=max(0.0, small - _SMALL * per_list),
        load_seconds=per_list,
        record_seconds=recorded,
        lake_bytes=_live_bytes(fixture.lake) / len(fixture.lists),
        event_bytes=grown,
    )


def _live_bytes(lake: LakeStore) -> int:
    """Size of the files that the newest snapshot needs."""
    with lake.writing() as con:
        [(size,)] = con.execute(
            "SELECT sum(file_size_bytes + delete_file_size_bytes)::BIGINT "
            "FROM ducklake_table_info('channels')"
        ).fetchall()
    return int(size or 0)
