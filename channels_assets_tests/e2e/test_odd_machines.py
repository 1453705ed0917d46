"""Odd machines: what the command says where the machine lacks something, and with which exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from channels_assets.sandbox import World
from channels_assets_tests.helpers.project import Finished, Project

Make = Callable[..., Project]
Prepares = Callable[[Project], object]
OTHER_USER = 12345
NO_OVERRIDE = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner")
"""Root is then kept out of other users' files, as everybody else is."""
OWN_MOUNTS = ("unshare", "--mount", "bash", "-ec")


@dataclass(frozen=True)
class Row:
    """`prepares` makes the machine odd; the line on stderr has all of `words`."""

    prepares: Prepares
    words: tuple[str, ...]
    command: tuple[str, ...] = ("refresh", "--json")
    code: int = 3
    doctor: str | None = None
    """The words of doctor's finding, where they are not the first of `words`; "" where it needs less."""


def refreshed(project: Project) -> None:
    assert project.refresh().code == 0


def file_at(*names: str, content: bytes = b"this is no database" * 1000) -> Prepares:
    """A file with other content than is expected there, or where a folder should be."""

    def prepare(project: Project) -> None:
        path = project.data.joinpath(*names)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return prepare


def folder_at(*names: str) -> Prepares:
    return lambda project: project.folder.joinpath(*names).mkdir(parents=True)


def after_a_refresh(*prepares: Prepares) -> Prepares:
    def prepare(project: Project) -> None:
        refreshed(project)
        for each in prepares:
            each(project)

    return prepare


def gone(*names: str) -> Prepares:
    return lambda project: project.data.joinpath(*names).unlink()


def foreign(*names: str) -> Prepares:
    """What another user has made, who lets nobody else in."""

    def prepare(project: Project) -> None:
        require(os.geteuid() == 0, "only root can give files away")
        require(works(*NO_OVERRIDE, "true"), "setpriv can't drop root's rights here")
        path = project.data.joinpath(*names)
        for inner in (path, *path.rglob("*")):
            os.chown(inner, OTHER_USER, OTHER_USER)
            inner.chmod(0o755 if inner.is_dir() else 0o644)
        project.launcher = NO_OVERRIDE

    return prepare


def limited(ulimit: str) -> Prepares:
    def prepare(project: Project) -> None:
        project.launcher = ("bash", "-c", f'ulimit {ulimit} && exec "$@"', "bash")

    return prepare


def read_only(*names: str) -> Prepares:
    def prepare(project: Project) -> None:
        place = project.data.joinpath(*names)
        mount(project, f'mount --bind "{place}" "{place}" && mount -o remount,ro,bind "{place}"')

    return prepare


def full(free_kilobytes: int) -> Prepares:
    """The data folder is a disk with so much room beside what a first refresh has left there."""

    def prepare(project: Project) -> None:
        project.data.mkdir(exist_ok=True)
        place, free = project.data, free_kilobytes
        fill = f'left=$(($(df --output=avail -k "{place}" | tail -1) - {free})); '
        fill += f'head -c "${{left}}k" /dev/zero > "{place}/fill"'
        mount(
            project,
            f'mount -t tmpfs -o size=24m none "{place}"; "$@" >/dev/null 2>&1 || true; {fill}',
        )

    return prepare


def mount(project: Project, script: str) -> None:
    require(os.geteuid() == 0, "only root can mount")
    require(works(*OWN_MOUNTS, "mount -t tmpfs none /mnt"), "nothing can be mounted here")
    project.launcher = (*OWN_MOUNTS, f'{script}; exec "$@"', "bash")


def without_locks(project: Project) -> None:
    """A file system without flock, as NFS without its lock service: the system's answer, in each process."""
    site = project.folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import errno, fcntl, os\n"
        "def flock(descriptor, operation):\n"
        "    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))\n"
        "fcntl.flock = flock\n"
    )
    project.environment["PYTHONPATH"] = str(site)


def held_open(project: Project) -> None:
    """As by the duckdb command without -readonly."""
    refreshed(project)
    script = (
        "import sys, duckdb; con = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    )
    # It ends when its stdin is closed, at the latest with the test.
    holder = subprocess.Popen(
        [*project.line()[:1], "-c", script, str(project.data / "channels.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()


def without_certificates(project: Project) -> None:
    project.environment["REQUESTS_CA_BUNDLE"] = "/nowhere/ca.pem"
    path = project.folder / "channels.toml"
    path.write_text(path.read_text().replace(project.sandbox.url, "https://127.0.0.1:1"))


def require(condition: bool, reason: str) -> None:
    if not condition:
        pytest.skip(reason)


@cache
def works(*command: str) -> bool:
    return (
        shutil.which(command[0]) is not None
        and not subprocess.run(command, check=False, capture_output=True).returncode
    )


EXPORT = ("export-links", "--to", "links")
ROWS = {
    # The data folder.
    "data is a file": Row(
        lambda project: project.data.write_text("x"), ("data", "in the way", "占用")
    ),
    "data of another user": Row(
        after_a_refresh(foreign()),
        ("data", f"another user ({OTHER_USER})", "CHANNELS_DATA", "move nothing away", "其他用户"),
    ),
    "lock of another user": Row(
        after_a_refresh(foreign("warehouse.lock")), ("warehouse.lock", "another user", "其他用户")
    ),
    "staging of another user": Row(
        after_a_refresh(foreign("staging")), ("staging", f"another user ({OTHER_USER})")
    ),
    "warehouse of another user": Row(
        after_a_refresh(foreign("warehouse.duckdb")), ("warehouse.duckdb", "another user")
    ),
    "notebooks of another user": Row(
        after_a_refresh(foreign()),
        ("notebooks", "another user"),
        ("notebook", "--no-browser"),
    ),
    "lock is a folder": Row(
        folder_at("data", "warehouse.lock"),
        ("warehouse.lock is a folder",),
        doctor="warehouse.lock can't be used",
    ),
    "staging is a file": Row(file_at("staging"), ("staging", "in the way")),
    "data is read-only": Row(
        after_a_refresh(read_only()), ("read-only file system", "只读", "CHANNELS_DATA")
    ),
    "staging is read-only": Row(
        after_a_refresh(read_only("staging")), ("staging", "read-only file system")
    ),
    "no locks": Row(without_locks, ("has no locks", "No locks available", "文件锁")),
    "no locks, partitions": Row(
        without_locks, ("has no locks",), ("partitions", "--prune"), code=3
    ),
    # The disk is full.
    "full": Row(full(0), ("No space left", "free some", "磁盘空间不足")),
    "nearly full": Row(
        full(300), ("No space left", "Nothing was lost", "磁盘空间不足"), doctor="GB free"
    ),
    "full in a load": Row(
        full(1100), ("No space left", "Nothing was lost", "磁盘空间不足"), doctor="GB free"
    ),
    # Files of the warehouse.
    "warehouse is a folder": Row(
        folder_at("data", "warehouse.duckdb"), ("warehouse.duckdb is a folder",)
    ),
    "copy is a folder": Row(folder_at("data", "channels.duckdb"), ("channels.duckdb is a folder",)),
    "copy is a folder, export-links": Row(
        folder_at("data", "channels.duckdb"), ("channels.duckdb is a folder",), EXPORT
    ),
    "damaged warehouse": Row(
        file_at("warehouse.duckdb"), ("warehouse.duckdb is damaged", "backup")
    ),
    "both damaged": Row(
        after_a_refresh(file_at("warehouse.duckdb"), file_at("channels.duckdb")),
        ("warehouse.duckdb is damaged", "channels.duckdb is damaged", "backup"),
    ),
    "damaged copy, export-links": Row(
        after_a_refresh(file_at("channels.duckdb"), gone("warehouse.duckdb")),
        ("channels.duckdb is damaged", "anew"),
        EXPORT,
    ),
    "copy open elsewhere, export-links": Row(
        held_open, ("open for writing in another program (PID ", "read-only"), EXPORT
    ),
    # Dagster's files.
    "home is a file": Row(file_at("dagster_home"), ("dagster_home", "in the way")),
    "home of another user": Row(
        after_a_refresh(foreign("dagster_home")), ("dagster_home", "another user")
    ),
    "home is read-only": Row(
        after_a_refresh(read_only("dagster_home")), ("dagster_home", "read-only file system")
    ),
    "dagster.yaml with a wrong setting": Row(
        after_a_refresh(file_at("dagster_home", "dagster.yaml", content=b"run_coordinator: 7\n")),
        ("dagster.yaml can't be used", "delete it", "请修正"),
    ),
    "dagster.yaml that is no YAML": Row(
        after_a_refresh(file_at("dagster_home", "dagster.yaml", content=b"a: [1\nb: {")),
        ("dagster.yaml can't be used", "delete it"),
    ),
    "dagster.yaml in GBK": Row(
        file_at("dagster_home", "dagster.yaml", content="# 配置\na: 1\n".encode("gbk")),
        ("dagster.yaml can't be used", "delete it"),
    ),
    "dagster.yaml is a folder": Row(
        folder_at("data", "dagster_home", "dagster.yaml"), ("dagster.yaml is a folder",)
    ),
    "damaged events": Row(
        after_a_refresh(file_at("dagster_home", "history", "runs", "index.db")),
        ("index.db is damaged", "move it away", "已损坏"),
    ),
    "damaged runs": Row(
        after_a_refresh(file_at("dagster_home", "history", "runs.db")),
        ("runs.db is damaged", "move it away"),
    ),
    # Limits.
    "few open files": Row(limited("-n 20"), ("Too many files are open", "ulimit -n"), doctor=""),
    "small files": Row(limited("-f 100"), ("larger than this process may write", "ulimit -f")),
    # Settings that name files.
    ".env is a folder": Row(folder_at(".env"), (".env is a folder", "目录")),
    "certificates that are gone": Row(
        without_certificates, ("/nowhere/ca.pem (REQUESTS_CA_BUNDLE)", "PEM")
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_an_odd_machine_is_one_line(make_project: Make, row: Row) -> None:
    project = make_project(World.generate(seed=51, windows=1, products=20, shops=1))
    row.prepares(project)
    done = project.command(*row.command)
    check_line(done, row)
    if "--json" in row.command:
        error = json.loads(done.out)["error"]
        assert error["class"] == "MachineError"
        assert f"channels-assets: {error['message']}" in done.err
        assert error["path"] is None or Path(error["path"]).is_absolute()
        if row.doctor != "":
            check_doctor(project, row)
    else:
        assert done.out == ""


def check_doctor(project: Project, row: Row) -> None:
    """It says the same as a finding, and always ends in order."""
    project.environment["LANG"] = "en_US.UTF-8"
    done = project.command("doctor", "--json")
    assert "Traceback" not in done.out + done.err, done.err[-3000:]
    assert done.code == 1, done.out + done.err
    wrong = [
        f"{finding['message']} {finding['todo']}"
        for finding in json.loads(done.out)["findings"]
        if finding["status"] == "wrong"
    ]
    words = row.words[0] if row.doctor is None else row.doctor
    assert any(words in text for text in wrong), wrong


def check_line(done: Finished, row: Row) -> None:
    assert "Traceback" not in done.out + done.err, done.err[-3000:]
    assert done.code == row.code, done.err
    lines = [line for line in done.err.splitlines() if line.startswith("channels-assets: ")]
    assert len(lines) == 1, done.err
    assert [word for word in row.words if word not in lines[0]] == [], lines[0]
