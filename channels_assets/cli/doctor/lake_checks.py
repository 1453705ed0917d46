"""Checks of the lake, where settings name one: extensions, catalogue, files."""

from __future__ import annotations

from collections.abc import Iterator

from channels_assets.cli.doctor.finding import Finding, wrong_finding
from channels_assets.cli.doctor.local_checks import Costs
from channels_assets.language import Bilingual
from channels_assets.warehouse import Lake, WarehouseError, calls_of_last_loads
from channels_assets.warehouse.lake import is_object_store, probe

# Words in the errors of PostgreSQL, DuckLake and this project; the first match counts.
_REMEDIES: tuple[tuple[str, Bilingual], ...] = (
    (
        "is empty",
        Bilingual("Set it: export {env}=..., or a line in .env.", "请设置 {env}（或写入 .env）。"),
    ),
    ("is no PostgreSQL address", Bilingual("Correct {env}.", "请修正 {env}。")),
    (
        "password authentication failed",
        Bilingual("Correct user and password in {env}.", "请修正 {env} 中的用户名和密码。"),
    ),
    (
        "does not exist",
        Bilingual(
            "Correct {env}, or have it made: createuser, createdb.",
            "请修正 {env}，或先创建（createuser、createdb）。",
        ),
    ),
    (
        "permission denied",
        Bilingual(
            "Make that user the owner of the database, or GRANT it CREATE on its schema.",
            "请把该用户设为数据库所有者，或授予其 schema 的 CREATE 权限。",
        ),
    ),
    (
        "can't be reached",
        Bilingual(
            "Is PostgreSQL running there, does its pg_hba.conf let this machine in, is a firewall "
            "between? Host and port are in {env}.",
            "请检查 PostgreSQL 是否运行、pg_hba.conf 是否允许本机、防火墙，以及 {env} 中的主机和端口。",
        ),
    ),
    (
        "upgrade channels-assets",
        Bilingual("The same version on every machine.", "所有机器须使用同一版本。"),
    ),
    (
        "DATA_PATH",
        Bilingual(
            "Set `data_path` to the path that the lake was made with, or {env} to another database.",
            "请将 data_path 设为建湖时的路径，或让 {env} 指向另一个数据库。",
        ),
    ),
)
_VERSIONS = Bilingual(
    "Has another version written it? deploy/requirements.lock has the versions to use everywhere.",
    "是否由其他版本写入？所有机器请使用 deploy/requirements.lock 中的版本。",
)
_INSTALL = Bilingual(
    "On every machine that refreshes or reads: make cluster.",
    "在每台刷新或读取的机器上执行 make cluster。",
)
_FILES = Bilingual(
    "Let this user write there, on every machine, or set `data_path` in [warehouse] to another folder.",
    "请授予本用户在每台机器上的写权限，或在 [warehouse] 中修改 data_path。",
)
_OBJECTS = Bilingual(
    "Look at the bucket, AWS_ENDPOINT_URL, AWS_REGION and the keys (AWS_ACCESS_KEY_ID, "
    "AWS_SECRET_ACCESS_KEY or AWS_PROFILE): they must allow to read, write and delete there.",
    "请检查存储桶、AWS_ENDPOINT_URL、AWS_REGION 及密钥（须有读、写、删权限）。",
)


def check_lake(lake: Lake, costs: Costs) -> Iterator[Finding]:
    """Extensions, catalogue and files; fills `costs` with the calls of the last loads."""
    try:
        probe.check_extensions(lake)
    except WarehouseError as error:
        yield _finding("warehouse", error, _INSTALL)
        return
    try:
        exists = probe.check_catalogue(lake)
        if exists:
            with probe.connect(lake) as connection:
                costs.update(calls_of_last_loads(connection))
    except WarehouseError as error:
        yield _finding("warehouse", error, _remedy(error, lake.catalogue_env))
    else:
        none_yet = Bilingual(
            "no lake yet: the first refresh makes it", "尚无数据湖，首次刷新时会创建"
        )
        opens = Bilingual(
            f"the lake of {lake.catalogue_env} opens", f"{lake.catalogue_env} 的数据湖可打开"
        )
        yield Finding("warehouse", "ok", opens if exists else none_yet)
    try:
        probe.check_files(lake)
    except WarehouseError as error:
        yield _finding("lake_files", error, _OBJECTS if is_object_store(lake.data_path) else _FILES)
        return
    writable = Bilingual(f"{lake.data_path} can be written", f"{lake.data_path} 可写")
    yield Finding("lake_files", "ok", writable)


def _finding(check: str, error: Exception, remedy: Bilingual) -> Finding:
    text = str(error).rstrip(".")
    return wrong_finding(check, Bilingual(f"{text}.", f"{text}。"), remedy)


def _remedy(error: object, env_name: str) -> Bilingual:
    for words, remedy in _REMEDIES:
        if words in str(error):
            return Bilingual(remedy.en.format(env=env_name), remedy.zh.format(env=env_name))
    return _VERSIONS
