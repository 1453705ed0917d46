"""Dagster's events in PostgreSQL over connections that are kept, and replaced once they are closed."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    asset,
    materialize,
)

from channels_assets.defs.resources import WarehouseResource
from channels_assets_tests.cluster.fleet import ROOT
from channels_assets_tests.cluster.services import new_database

pytestmark = pytest.mark.cluster
EVENTS = 20


@pytest.fixture
def dsn(server: str) -> str:
    return new_database(server, f"dagster_{time.time_ns()}")


@pytest.fixture(params=["Dagster's own storage", "ours"])
def instance(
    request: pytest.FixtureRequest, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DagsterInstance]:
    monkeypatch.setenv("DAGSTER_POSTGRES", dsn)
    shipped = yaml.safe_load((ROOT / "deploy" / "postgres" / "dagster.yaml").read_text("utf-8"))
    if request.param != "ours":
        # As Dagster's Helm chart writes it.
        shipped["storage"] = {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES"}}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(shipped))
    with DagsterInstance.from_config(str(tmp_path)) as made:
        yield made


def sessions(dsn: str) -> int:
    """Connections made to the database so far, with this one. PostgreSQL counts with some delay."""
    with psycopg.connect(dsn, autocommit=True) as con:
        con.execute("SELECT pg_stat_clear_snapshot()")
        [(number,)] = con.execute(
            "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
        ).fetchall()
    return int(number)


@asset
def recording(context: AssetExecutionContext, warehouse: WarehouseResource) -> None:
    dsn = os.environ["DAGSTER_POSTGRES"]
    before = sessions(dsn)
    for number in range(EVENTS):
        if number == EVENTS // 2:
            with psycopg.connect(dsn, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                    "pid <> pg_backend_pid() AND datname = current_database()"
                )
        context.log_event(AssetMaterialization("recorded", partition=str(number)))
    time.sleep(1)
    context.add_output_metadata({"sessions": sessions(dsn) - before})


def test_a_run_makes_few_connections_and_outlives_them(instance: DagsterInstance, dsn: str) -> None:
    done = materialize([recording], instance=instance, resources={"warehouse": WarehouseResource()})
    assert done.success
    made_in_run = done.asset_materializations_for_node("recording")[-1].metadata["sessions"].value
    assert isinstance(made_in_run, int)
    # Dagster's own way makes two for each event.
    assert made_in_run < EVENTS
    records = instance.fetch_materializations(AssetKey("recorded"), limit=100).records
    assert {record.partition_key for record in records} == {str(n) for n in range(EVENTS)}
