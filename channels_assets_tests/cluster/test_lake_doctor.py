"""`channels-assets doctor` names what is wrong with a lake, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from channels_assets.sandbox import World
from channels_assets.warehouse import Lake, set_meta
from channels_assets.warehouse.lake import LakeStore
from channels_assets_tests.cluster.services import PASSWORD, new_database, object_store, quoted
from channels_assets_tests.helpers.broken import Breaks, Case
from channels_assets_tests.helpers.project import Project

pytestmark = pytest.mark.cluster


def environment(**values: str) -> Breaks:
    return lambda project: project.environment.update(values)


def address(old: str, new: str, name: str = "CHANNELS_LAKE") -> Breaks:
    def breaks(project: Project) -> None:
        assert old in project.environment[name]
        project.environment[name] = project.environment[name].replace(old, new)

    return breaks


def elsewhere(data_path: str) -> Breaks:
    def breaks(project: Project) -> None:
        file = project.folder / "channels.toml"
        lines = file.read_text("utf-8").splitlines()
        lines = [line for line in lines if not line.startswith("data_path")]
        lines.insert(lines.index("[warehouse]") + 1, f'data_path = "{data_path}"')
        file.write_text("\n".join(lines) + "\n", "utf-8")

    return breaks


def in_bucket(path: str = "s3://lakes/doctor", **more: str) -> Breaks:
    def breaks(project: Project) -> None:
        elsewhere(path)(project)
        project.environment |= more

    return breaks


def shadowed(name: str, *versions: str) -> Breaks:
    """The extension's package as if installed for these versions of DuckDB alone."""

    def breaks(project: Project) -> None:
        package = project.folder / "first" / f"duckdb_extension_{name}"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        for version in versions:
            folder = package / "extensions" / f"v{version}"
            folder.mkdir(parents=True)
            (folder / f"{name}.duckdb_extension").touch()
        project.environment["PYTHONPATH"] = str(package.parent)

    return breaks


def both(first: Breaks, second: Breaks) -> Breaks:
    def breaks(project: Project) -> None:
        first(project)
        second(project)

    return breaks


def no_folder(project: Project) -> None:
    # Not by chmod: root may write everywhere.
    (project.folder / "file").touch()
    elsewhere(str(project.folder / "file" / "lake"))(project)


def guest(name: str) -> Breaks:
    """An address whose user may only read: the default of a new user since PostgreSQL 15."""

    def breaks(project: Project) -> None:
        role = f"guest_{time.time_ns()}"
        with psycopg.connect(project.environment[name], autocommit=True) as admin:
            admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'gUessMeToo'".encode())
        rest = project.environment[name].partition("@")[2]
        project.environment[name] = f"postgresql://{role}:gUessMeToo@{rest}"

    return breaks


def lake_of(project: Project, monkeypatch: pytest.MonkeyPatch) -> LakeStore:
    monkeypatch.setenv("CHANNELS_LAKE", project.environment["CHANNELS_LAKE"])
    return LakeStore(project.data, Lake("CHANNELS_LAKE", str(project.folder / "lake")))


CASES = {
    # What is installed.
    "another DuckDB": Case(
        shadowed("ducklake", "9.9.9"),
        *("warehouse", ("ducklake", "DuckDB 9.9.9 alone", "channels-assets[lake]"), "make cluster"),
    ),
    "no extension": Case(
        shadowed("postgres_scanner"),
        *("warehouse", ("postgres_scanner", "pip install"), "make cluster"),
    ),
    # The catalogue.
    "no address": Case(
        environment(CHANNELS_LAKE=""), "warehouse", ("CHANNELS_LAKE", "is empty"), "请设置"
    ),
    "no such address": Case(
        environment(CHANNELS_LAKE=f"nonsense {PASSWORD}"),
        *("warehouse", ("no PostgreSQL address", "Correct CHANNELS_LAKE"), "请修正"),
    ),
    "wrong password": Case(
        address(quoted(PASSWORD), "gUessAgain"),
        *("warehouse", ("password authentication failed", "Correct user and password"), "密码"),
    ),
    "no such database": Case(
        address("/lake_", "/pond_"), "warehouse", ("does not exist", "createdb"), "createdb"
    ),
    "nobody listens": Case(
        environment(CHANNELS_LAKE=f"postgresql://u:{quoted(PASSWORD)}@127.0.0.1:1/lake"),
        *("warehouse", ("can't be reached", "pg_hba.conf", "firewall"), "防火墙"),
    ),
    "may make no tables": Case(
        guest("CHANNELS_LAKE"), "warehouse", ("may not make tables", "GRANT"), "所有者"
    ),
    # The files.
    "no absolute folder": Case(
        elsewhere("lake"), "configuration", ("must be an absolute folder",), "data_path", code=2
    ),
    "another kind of store": Case(
        elsewhere("gs://lakes/here"), "configuration", ("s3://bucket/prefix",), "data_path", code=2
    ),
    "no folder": Case(no_folder, "lake_files", ("can't be written", "data_path"), "写权限"),
    "no httpfs": Case(
        both(in_bucket(), shadowed("httpfs")),
        *("warehouse", ("httpfs", "pip install"), "make cluster"),
    ),
    "no keys": Case(
        in_bucket(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""),
        *("lake_files", ("there are no credentials", "AWS_PROFILE"), "密钥"),
    ),
    "wrong key": Case(
        in_bucket(AWS_SECRET_ACCESS_KEY="gUessAgain"),
        *("lake_files", ("SignatureDoesNotMatch", "keys"), "密钥"),
    ),
    "no bucket": Case(
        in_bucket("s3://ponds/doctor"), "lake_files", ("NoSuchBucket", "bucket"), "存储桶"
    ),
    "no object store": Case(
        in_bucket(AWS_ENDPOINT_URL="http://127.0.0.1:1"),
        *("lake_files", ("127.0.0.1:1", "AWS_ENDPOINT_URL"), "AWS_ENDPOINT_URL"),
    ),
}


@pytest.fixture
def project(
    make_project: Callable[..., Project], server: str, bucket: dict[str, str], tmp_path: Path
) -> Project:
    made = make_project(World.generate(seed=71, windows=1, products=3, articles=1))
    made.write()
    with (made.folder / "channels.toml").open("a", encoding="utf-8") as settings:
        settings.write('[warehouse]\ncatalogue_env = "CHANNELS_LAKE"\n')
        settings.write(f'data_path = "{tmp_path / "lake"}"\n')
    made.environment |= {
        "CHANNELS_LAKE": new_database(server, f"lake_{time.time_ns()}"),
        **bucket,
    }
    return made


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_doctor_names_the_cause(project: Project, case: Case) -> None:
    case.breaks(project)
    as_json = project.command("doctor", "--json")
    project.environment["LC_ALL"] = "zh_CN.UTF-8"
    shown = project.command("doctor")
    assert as_json.code == shown.code == case.code, as_json.out + shown.out + as_json.err
    assert as_json.err == shown.err == ""
    findings = json.loads(as_json.out)["findings"]
    found = [finding for finding in findings if finding["status"] != "ok"]
    assert [finding["check"] for finding in found] == [case.check], as_json.out
    said = f"{found[0]['message']} {found[0]['todo']}"
    assert [word for word in case.words if word not in said] == [], said
    [line] = [line for line in shown.out.splitlines() if not line.startswith("正常")]
    assert case.zh in line
    assert "gUess" not in as_json.out + shown.out


@pytest.mark.parametrize("breaks", [lambda _: None, in_bucket()], ids=["folder", "object store"])
def test_nothing_broken_is_all_ok(project: Project, breaks: Breaks, tmp_path: Path) -> None:
    breaks(project)
    for refreshed in (False, True):
        if refreshed:
            done = project.refresh()
            assert done.code == 0, done.err
        done = project.command("doctor")
        assert done.code == 0, done.out
        assert {line.split()[0] for line in done.out.splitlines()} == {"ok"}
        assert refreshed != ("no lake yet" in done.out)
    assert not (tmp_path / "data" / "warehouse.duckdb").exists()


def test_a_lake_with_another_path_or_of_another_version(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake_of(project, monkeypatch)
    with lake.writing():
        pass
    elsewhere(str(project.folder / "pond"))(project)
    [found] = problems(project)
    assert found["check"] == "warehouse"
    assert "lake was made with" in found["todo"]
    elsewhere(str(project.folder / "lake"))(project)
    with lake.writing() as con:
        set_meta(con, "schema_version", "999")
    [found] = problems(project)
    assert "schema version 999" in found["message"]
    assert "every machine" in found["todo"]
    with psycopg.connect(project.environment["CHANNELS_LAKE"], autocommit=True) as admin:
        admin.execute("UPDATE ducklake_metadata SET value = '99.9' WHERE key = 'version'")
    [found] = problems(project)
    assert "requirements.lock" in found["todo"]
    done = project.refresh()
    assert done.code == 2
    assert "doctor" in done.err
    assert "Traceback" not in done.err


def problems(project: Project) -> list[dict[str, Any]]:
    findings = json.loads(project.command("doctor", "--json").out)["findings"]
    return [finding for finding in findings if finding["status"] != "ok"]


def test_a_profile_instead_of_keys(project: Project) -> None:
    in_bucket()(project)
    folder = project.folder / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[lakes]\n"
        f"aws_access_key_id = {project.environment.pop('AWS_ACCESS_KEY_ID')}\n"
        f"aws_secret_access_key = {project.environment.pop('AWS_SECRET_ACCESS_KEY')}\n"
    )
    project.environment["AWS_PROFILE"] = "lakes"
    assert problems(project) == []


def test_the_bucket_as_a_host_name(project: Project) -> None:
    in_bucket()(project)
    with object_store("--force-path-style=false") as environment:
        project.environment |= environment
        # In path style it takes the first part of the key for the bucket.
        [found] = problems(project)
        assert "NoSuchBucket" in found["message"]
        project.environment["AWS_S3_ADDRESSING_STYLE"] = "virtual"
        address("127.0.0.1", "localhost", "AWS_ENDPOINT_URL")(project)
        assert problems(project) == []


def test_no_key_is_shown(
    project: Project, monkeypatch: pytest.MonkeyPatch, bucket: dict[str, str]
) -> None:
    for name, value in {**bucket, **project.environment}.items():
        monkeypatch.setenv(name, value)
    lake = Lake("CHANNELS_LAKE", "s3://lakes/keys")
    with LakeStore(project.data, lake).writing() as con:
        texts = [
            str(con.execute(f"FROM {source}").fetchall())
            for source in ("duckdb_databases()", "duckdb_secrets()", "duckdb_settings()")
        ]
        with pytest.raises(duckdb.Error) as failed:
            con.execute("FROM 's3://lakes/keys/nothing.parquet'")
        texts.append(str(failed.value))
    with psycopg.connect(project.environment["CHANNELS_LAKE"]) as catalogue:
        texts += [str(catalogue.execute("SELECT * FROM ducklake_metadata").fetchall())]
    texts += [path.read_text() for path in project.data.glob("*.json")]
    assert [text for text in texts if "gUess" in text] == []
