"""Checks without a call: data folder, disk space, warehouse, secrets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from channels_assets import config
from channels_assets.accounts import Account
from channels_assets.cli.context import API, SOURCE
from channels_assets.cli.doctor.finding import Finding, error_text_finding, wrong_finding
from channels_assets.clients import required_secrets
from channels_assets.files import open_lock_file
from channels_assets.folders import existing_folder, folder_error
from channels_assets.language import Bilingual
from channels_assets.machine_errors import owner_of
from channels_assets.secret_values import problem_of
from channels_assets.warehouse import (
    FileInUse,
    FileStore,
    RepairPlan,
    WarehouseBusy,
    WarehouseError,
    calls_of_last_loads,
    get_meta,
    is_empty,
    machine_error_of,
    plan_repair,
    wal_path,
)

_LOCK_SECONDS = 5.0
_WARNING_BYTES, _LEAST_BYTES = 1024**3, 100 * 1024**2
Costs = dict[tuple[str, str], int]
"""Calls of the last loads, by asset and account; the account is "" for the league."""


def check_data_folder(data: Path) -> Iterator[Finding]:
    """Whether files can be written there, and the free space."""
    # The second is where pages are staged.
    for folder in (data, data / "staging"):
        if (error := folder_error(folder)) is not None:
            break
    if error is not None:
        text = str(machine_error_of(error) or error)
        yield wrong_finding(
            "data_folder",
            Bilingual(
                f"{data} can't be written: {error.strerror}. {text}",
                f"无法写入 {data}：{error.strerror}。{text}",
            ),
            Bilingual(
                "Let this user write there, or set CHANNELS_DATA to another folder.",
                "请授予本用户写权限，或用 CHANNELS_DATA 指定其他目录。",
            ),
        )
        return
    is_there = data.exists()
    yield Finding(
        "data_folder",
        "ok",
        Bilingual(f"{data} can be written", f"{data} 可写")
        if is_there
        else Bilingual(f"{data}: the first refresh makes it", f"{data}：首次刷新时会创建"),
    )
    free = shutil.disk_usage(existing_folder(data)).free
    stored = data / "warehouse.duckdb"
    # A refresh stages pages, grows the warehouse and publishes a copy of it.
    needed = 2 * stored.stat().st_size if stored.exists() else 0
    gigabytes = Bilingual(f"{free / 1024**3:.1f} GB free", f"剩余 {free / 1024**3:.1f} GB")
    if free >= max(_WARNING_BYTES, needed):
        yield Finding("disk_space", "ok", gigabytes)
        return
    status = "wrong" if free < max(_LEAST_BYTES, needed) else "warning"
    remedy = Bilingual(
        f"Free some space where {data} is, or set CHANNELS_DATA to a larger disk.",
        f"请清理 {data} 所在磁盘，或用 CHANNELS_DATA 指定更大的磁盘。",
    )
    yield Finding("disk_space", status, gigabytes, remedy)


def check_warehouse(data: Path, settings: config.Settings, costs: Costs) -> Iterator[Finding]:
    """Whether both files are whole; fills `costs` with the calls of the last loads."""
    store = FileStore(data)
    try:
        try:
            state = plan_repair(store.path, store.published)
        except FileInUse:
            # Perhaps by a refresh: the lock below tells.
            state = RepairPlan("none")
        if state.action == "create":
            if (lock := data / "warehouse.lock").exists():
                os.close(open_lock_file(lock))
            none_yet = Bilingual(
                "none yet: the first refresh makes it", "尚未创建，首次刷新时会创建"
            )
            yield Finding("warehouse", "ok", none_yet)
            return
        if state.action != "none":
            yield _repaired_by_refresh(state)
            return
        with store.writing(_LOCK_SECONDS) as connection:
            is_real = get_meta(connection, SOURCE) == API and not is_empty(connection)
            costs.update(calls_of_last_loads(connection))
    except WarehouseBusy as error:
        busy = Bilingual(
            f"{store.path}: {error}.", f"{store.path} 正被其他 channels-assets 进程写入。"
        )
        remedy = Bilingual(
            "Wait for it, or end it if it hangs (is a debugger or a stopped process in the way?).",
            "请等待其结束；若已卡住，请结束该进程。",
        )
        yield Finding("warehouse", "warning", busy, remedy)
        return
    except Exception as error:
        yield _unusable(store.path, error)
        return
    if is_real and settings.api.sandbox:
        yield wrong_finding(
            "warehouse",
            Bilingual(
                f"{data} holds real data, but there is no channels.toml here.",
                f"{data} 中已有真实数据，但找不到 channels.toml。",
            ),
            Bilingual(
                "Go to the folder that has it, or set CHANNELS_CONFIG (or CHANNELS_DATA, to try the "
                "sandbox).",
                "请到 channels.toml 所在目录运行，或设置 CHANNELS_CONFIG（试用沙盒请设置 CHANNELS_DATA）。",
            ),
        )
        return
    if (wal := wal_path(store.published)).exists():
        yield Finding(
            "warehouse",
            "warning",
            Bilingual(
                f"Another program has, or had, {store.published} open for writing: {wal} is there.",
                f"{store.published} 正被或曾被其他程序以写方式打开：存在 {wal}。",
            ),
            Bilingual(
                "Keep tables of your own in another file, and open this one read-only (duckdb -readonly): "
                "the next refresh sets what was written there aside.",
                "自己的表请放在其他文件，并以只读方式打开它（duckdb -readonly）：下次刷新会将写入的内容改名保留。",
            ),
        )
        return
    size = store.path.stat().st_size / 1024**2
    yield Finding("warehouse", "ok", Bilingual(f"opens, {size:.0f} MB", f"可打开，{size:.0f} MB"))


def _unusable(path: Path, error: Exception) -> Finding:
    if isinstance(error, FileInUse):
        return wrong_finding("warehouse", Bilingual(f"{error}.", f"{error}。"), _CLOSE_OTHERS)
    if isinstance(error, WarehouseError):
        # Its message holds the remedy.
        return wrong_finding("warehouse", Bilingual(f"{error}.", f"{error}。"), _FOLLOW_MESSAGE)
    if isinstance(error, OSError):
        name = error.filename or path
        return wrong_finding(
            "warehouse",
            Bilingual(
                f"{name} can't be used by this user: {error.strerror}.",
                f"本用户无法使用 {name}：{error.strerror}。",
            ),
            Bilingual(
                f"Let this user read and write it (its owner is {owner_of(Path(name))}), or set "
                "CHANNELS_DATA to another folder. The data is whole: move nothing away.",
                f"请授予本用户读写权限（当前所有者：{owner_of(Path(name))}），"
                "或用 CHANNELS_DATA 指定其他目录。数据完好，请勿移走文件。",
            ),
        )
    if (fault := machine_error_of(error)) is not None:
        return error_text_finding("warehouse", fault, _FOLLOW_MESSAGE)
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    return wrong_finding(
        "warehouse",
        Bilingual(f"{path} can't be opened: {first_line}", f"无法打开 {path}：{first_line}"),
        Bilingual(
            f"If the file is damaged, move it away: the next refresh restores it from {_COPY}, with "
            "everything that was published.",
            f"若文件已损坏，请移走它：下次刷新会从 {_COPY} 恢复全部已发布的数据。",
        ),
    )


def _repaired_by_refresh(state: RepairPlan) -> Finding:
    remedy = {
        "restore": Bilingual(
            f"The next refresh restores it from {_COPY}, with everything that was published: do "
            f"not remove {_COPY}.",
            f"下次刷新会从 {_COPY} 恢复全部已发布的数据：请勿删除 {_COPY}。",
        ),
        "republish": Bilingual(
            "The next refresh makes it anew and keeps the damaged one.",
            "下次刷新会重新生成，并保留损坏的文件。",
        ),
        "clear_wal": Bilingual(
            "The next refresh sets it aside.",
            "下次刷新会将其改名保留。",
        ),
    }[state.action]
    return Finding(
        "warehouse", "warning", Bilingual(f"{state.reason}.", f"{state.reason}。"), remedy
    )


_COPY = "channels.duckdb"
_CLOSE_OTHERS = Bilingual(
    "Close other programs that have it open; read data/channels.duckdb instead.",
    "请关闭占用该文件的其他程序；读数据请用 channels.duckdb。",
)
_FOLLOW_MESSAGE = Bilingual(
    "Do as it says; nothing is changed until then.", "请按提示处理；在此之前不会改动任何文件。"
)


def wrong_secret(account: Account, settings: config.Settings, data: Path) -> Finding | None:
    """An environment variable that channels.toml names for this account, and that is not set, or holds
    what no secret is like."""
    for secret in required_secrets(account, settings, data):
        name, content = secret.env_name, secret.what
        if problem := problem_of(name):
            message = Bilingual(problem.en, problem.zh)
            remedy = Bilingual(f"It must hold the {content} alone.", f"其值应只含 {content} 本身。")
            return wrong_finding("secrets", message, remedy, account.appid)
        if not config.optional_secret(name):
            return wrong_finding(
                "secrets",
                Bilingual(
                    f"The environment variable {name} is empty.", f"环境变量 {name} 未设置。"
                ),
                Bilingual(
                    f"Put the {content} into it (export {name}=..., or a line in .env).",
                    f"请填入 {content}（export {name}=...，或写入 .env）。",
                ),
                account.appid,
            )
    return None
