"""What doctor says of settings, data folder, warehouse and Dagster on this machine."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb
import pytest

from channels_assets.sandbox import World
from channels_assets.warehouse import FileStore, set_meta
from channels_assets_tests.cli.doctor_cases import check_case, toml
from channels_assets_tests.helpers.broken import Case
from channels_assets_tests.helpers.project import Project


def no_folder(project: Project) -> None:
    # Not by chmod: root may write everywhere.
    project.data.write_text("a file where the folder should be")


def damaged(project: Project) -> None:
    project.data.mkdir()
    (project.data / "warehouse.duckdb").write_bytes(b"this is no database" * 1000)


def published(project: Project) -> None:
    with FileStore(project.data).writing() as connection:
        set_meta(connection, "origin", "x")
    FileStore(project.data).publish()


def damaged_beside_a_copy(project: Project) -> None:
    published(project)
    (project.data / "warehouse.duckdb").write_bytes(b"this is no database" * 1000)


def missing_beside_a_copy(project: Project) -> None:
    published(project)
    (project.data / "warehouse.duckdb").unlink()


def damaged_copy(project: Project) -> None:
    published(project)
    (project.data / "channels.duckdb").write_bytes(b"this is no database" * 1000)


def written_into(project: Project) -> None:
    """A program opened the published file for writing, and was killed."""
    published(project)
    script = (
        "import os, sys, duckdb; con = duckdb.connect(sys.argv[1])\n"
        "con.execute('CREATE TABLE mine AS SELECT 1'); os.kill(os.getpid(), 9)\n"
    )
    path = project.data / "channels.duckdb"
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)


def two_warehouses(project: Project) -> None:
    published(project)
    (project.data / "warehouse.duckdb").unlink()
    (project.data / "channels.duckdb").rename(project.data / "kept")
    published(project)
    (project.data / "kept").rename(project.data / "channels.duckdb")


def lock_of_another(project: Project) -> None:
    """It can't be opened, though the data is whole. Not by chmod: root may open everything."""
    published(project)
    (project.data / "warehouse.lock").unlink()
    (project.data / "warehouse.lock").mkdir()


def newer(project: Project) -> None:
    with FileStore(project.data).writing() as connection:
        set_meta(connection, "schema_version", "999")


@contextmanager
def open_elsewhere(project: Project) -> Iterator[None]:
    with FileStore(project.data).writing():
        pass
    with duckdb.connect(str(project.data / "warehouse.duckdb")):
        yield


@contextmanager
def locked(project: Project) -> Iterator[None]:
    with FileStore(project.data).writing():
        pass
    with (project.data / "warehouse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def a_lake(project: Project) -> None:
    with (project.folder / "channels.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'[warehouse]\ncatalogue_env = "LAKE"\ndata_path = "{project.folder}"\n')


def broken_instance(project: Project) -> None:
    (project.data / "dagster_home").mkdir(parents=True)
    (project.data / "dagster_home" / "dagster.yaml").write_text("run_coordinator: 7\n")


def real_data(project: Project) -> None:
    assert project.refresh("--asset", "window_products").code == 0
    (project.folder / "channels.toml").unlink()
    del project.environment["CHANNELS_CONFIG"]


CASES = {
    # The configuration can't be used.
    "file missing": Case(
        lambda project: (project.folder / "channels.toml").unlink(),
        *("configuration", ("does not exist", "CHANNELS_CONFIG"), "channels.toml"),
        code=2,
    ),
    "unknown key": Case(
        toml("[league]\n", "[league]\nsharer = 1\n"),
        *(
            "configuration",
            ("[league]: unknown setting `sharer`", "did you mean `sharers`"),
            "是否应为",
        ),
        code=2,
    ),
    "cloud call for the agency": Case(
        toml("[league]\n", '[league]\nauth = "cloud_token"\n'),
        *("configuration", ("works for windows only",), "只支持橱窗接口"),
        code=2,
    ),
    # This machine.
    "no data folder": Case(
        no_folder, "data_folder", ("can't be written", "CHANNELS_DATA"), "无法写入"
    ),
    "damaged warehouse": Case(
        damaged, "warehouse", ("is damaged", "no channels.duckdb", "backup"), "请按提示处理"
    ),
    "damaged beside a copy": Case(
        damaged_beside_a_copy,
        *(
            "warehouse",
            ("is damaged", "restores it from channels.duckdb"),
            "从 channels.duckdb 恢复",
        ),
        status="warning",
        code=0,
    ),
    "missing beside a copy": Case(
        missing_beside_a_copy,
        *("warehouse", ("is missing", "do not remove channels.duckdb"), "从 channels.duckdb 恢复"),
        status="warning",
        code=0,
    ),
    "damaged copy": Case(
        damaged_copy, "warehouse", ("channels.duckdb is damaged", "anew"), "重新生成", "warning", 0
    ),
    "written into the copy": Case(
        written_into, "warehouse", ("open for writing", "read-only"), "以只读方式", "warning", 0
    ),
    "two warehouses": Case(
        two_warehouses, "warehouse", ("two different warehouses", "move one"), "请按提示处理"
    ),
    "lock of another user": Case(
        lock_of_another,
        *("warehouse", ("warehouse.lock can't be used", "move nothing away"), "请勿移走文件"),
    ),
    "newer warehouse": Case(newer, "warehouse", ("schema version 999", "upgrade"), "999"),
    "open elsewhere": Case(
        open_elsewhere, "warehouse", ("open in another program", "Close"), "关闭占用"
    ),
    "locked for long": Case(
        locked, "warehouse", ("has been writing for", "Wait"), "请等待", status="warning", code=0
    ),
    "real data, no file": Case(real_data, "warehouse", ("holds real data",), "已有真实数据"),
    "broken Dagster": Case(broken_instance, "dagster", ("dagster.yaml can't be used",), "请修正"),
    # What many machines need is not installed here.
    "no psycopg": Case(
        a_lake, "warehouse", ("psycopg", 'pip install "channels-assets[lake]"'), "make cluster"
    ),
}


# Doctor waits ten seconds for what is in use.
SLOW = {"open elsewhere", "locked for long"}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name, case in CASES.items()
    ],
)
def test_doctor_names_the_cause(make_project: Callable[..., Project], case: Case) -> None:
    check_case(make_project(World.generate(seed=71, windows=2, products=9, articles=3)), case)
