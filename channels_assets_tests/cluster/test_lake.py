"""What only a lake does: snapshots, turns over processes, tidying up, and its secrets."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import duckdb
import psycopg
import pytest

from channels_assets.warehouse import (
    Lake,
    Store,
    WarehouseError,
    atomic,
    connect,
    open_store,
    retry_conflicts,
)
from channels_assets.warehouse.connection import scalar
from channels_assets.warehouse.lake import LakeStore
from channels_assets_tests.cluster.services import PASSWORD, new_database
from channels_assets_tests.helpers.loading import load_window
from channels_assets_tests.warehouse.making import ids, load

pytestmark = pytest.mark.cluster
ROWS = "SELECT count(*) FROM window_products"


@pytest.fixture(params=["folder", "object store"])
def lake(
    request: pytest.FixtureRequest, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> LakeStore:
    name = f"lake_{time.time_ns()}"
    monkeypatch.setenv("THE_LAKE", new_database(server, name))
    files = str(tmp_path / "lake")
    if request.param == "object store":
        for variable, value in request.getfixturevalue("bucket").items():
            monkeypatch.setenv(variable, value)
        files = f"s3://lakes/{name}"
    return LakeStore(tmp_path / "data", Lake("THE_LAKE", files))


def put(store: Store, *product_ids: object, window: str = "w") -> None:
    with store.writing() as con:
        load_window(con, window=window, account_appid="a", pages=ids(*product_ids), load=load())


def snapshots(lake: LakeStore) -> int:
    with lake.writing() as con:
        return scalar(con, "SELECT count(*) FROM ducklake_snapshots('channels')")


def test_before_the_first_load(lake: LakeStore) -> None:
    assert not lake.is_readable()
    with pytest.raises(WarehouseError, match="channels-assets refresh"):
        connect(lake.data_dir)
    put(lake, 1)
    assert lake.is_readable()


def test_time_travel(lake: LakeStore) -> None:
    put(lake, 1)
    with connect(lake.data_dir) as con:
        before = scalar(con, "SELECT max(snapshot_id) FROM ducklake_snapshots('channels')")
    put(lake, 1, 2)
    with lake.writing() as con:
        assert scalar(con, ROWS) == 2
        assert scalar(con, f"{ROWS} AT (VERSION => {before})") == 1


def test_tidying_up_keeps_what_is_stored(lake: LakeStore) -> None:
    briefly = replace(lake.lake, keep_days=10 / 86400)
    lake = LakeStore(lake.data_dir, briefly)
    for number in range(5):
        put(lake, *range(600 + number))
    time.sleep(10)
    put(lake, *range(605))
    with connect(lake.data_dir) as reader:
        assert scalar(reader, ROWS) == 605
        assert snapshots(lake) > 6
        lake.maintain()
        assert snapshots(lake) < 6
        assert scalar(reader, ROWS) == 605
    with connect(lake.data_dir) as reader:
        assert scalar(reader, ROWS) == 605
        files = "SELECT count(*) FROM ducklake_list_files('channels', 'window_products')"
        assert scalar(reader, files) == 1
        assert scalar(reader, "SELECT count(*) FROM loads") == 6


def test_publishing_tidies_up_when_due(lake: LakeStore) -> None:
    always = replace(lake.lake, keep_days=1e-5, maintain_minutes=1e-9)
    lake = LakeStore(lake.data_dir, always)
    for number in range(3):
        put(lake, number)
        lake.publish()
        time.sleep(1.1)
    lake.publish()
    assert snapshots(lake) <= 3


def test_a_foreign_writers_conflict_is_tried_again(lake: LakeStore) -> None:
    put(lake, 1)
    tries: list[int] = []
    with lake.writing() as con, lake.lake.attach() as foreign:

        def work() -> None:
            with atomic(con):
                con.execute("DELETE FROM window_products")
                tries.append(1)
                if len(tries) == 1:
                    foreign.execute("UPDATE window_products SET position = 7")

        retry_conflicts(work)
        assert len(tries) == 2
        assert scalar(con, ROWS) == 0


def test_postgresql_closes_all_connections(lake: LakeStore, server: str) -> None:
    put(lake, 1)
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    put(lake, 1, 2)
    with connect(lake.data_dir) as con:
        assert scalar(con, ROWS) == 2


def test_writing_within_writing_is_an_error_and_not_a_deadlock(lake: LakeStore) -> None:
    with lake.writing(), pytest.raises(WarehouseError, match="already"):
        lake.publish()
    lake.publish()


def test_the_password_is_shown_nowhere(
    lake: LakeStore, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    put(lake, 1)
    texts: list[str] = []
    with lake.writing() as con:
        for source in ("duckdb_databases()", "duckdb_secrets()", "duckdb_settings()"):
            texts += [str(con.execute(f"FROM {source}").fetchall())]
        with pytest.raises(duckdb.Error) as wrong:
            con.execute("FROM nowhere")
        texts.append(str(wrong.value))
    for address in (
        f"postgresql://channels:{PASSWORD.replace('@', '')}@127.0.0.1:1/nothing",
        f"host=127.0.0.1 password='{PASSWORD}' port=1",
        f"nonsense {PASSWORD}",
        "",
    ):
        monkeypatch.setenv("THE_LAKE", address)
        other = LakeStore(lake.data_dir, lake.lake)
        for call in (other.is_readable, other.publish, lambda: connect(lake.data_dir)):
            with pytest.raises(WarehouseError) as failed:
                call()
            texts.append(
                f"{failed.value!r} {failed.value.__cause__!r} {failed.value.__context__!r}"
            )
    texts += [path.read_text() for path in lake.data_dir.glob("*.json")]
    texts += list(capfd.readouterr())
    assert [text for text in texts if "gUessMe" in text] == []


def test_from_the_lake_back_to_files(lake: LakeStore) -> None:
    put(lake, 1)
    files = open_store(lake.data_dir, 3.0, None)
    put(files, 1, 2, 3)
    files.publish()
    with connect(lake.data_dir) as con:
        assert scalar(con, ROWS) == 3


def test_a_nul_in_an_id(lake: LakeStore) -> None:
    with pytest.raises(WarehouseError, match=r"NUL.*product_id"):
        put(lake, 1, "a\0b")
    put(lake, 1)
    with pytest.raises(WarehouseError, match="NUL"):
        put(lake, "a\0b", *range(600))
    put(lake, 2, 3)
    with lake.writing() as con:
        assert scalar(con, ROWS) == 2
