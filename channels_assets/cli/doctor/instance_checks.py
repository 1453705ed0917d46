"""Checks of the Dagster instance: whether it opens, which data folder owns it, and dead runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dagster import DagsterInstance

from channels_assets import config
from channels_assets.cli.doctor.finding import Finding, error_text_finding, wrong_finding
from channels_assets.defs.active_runs import active_runs
from channels_assets.defs.instance import dagster_home, open_existing_instance, open_instance
from channels_assets.defs.names import Names
from channels_assets.defs.ownership import other_owner
from channels_assets.folders import folder_error
from channels_assets.language import Bilingual
from channels_assets.warehouse import machine_error_of

_CHECK = "dagster"
_REPAIR = Bilingual("The instance can't be used until then.", "处理之前，该 Dagster 实例无法使用。")


def check_instance(data: Path, settings: config.Settings) -> Iterator[Finding]:
    """Whether the instance in DAGSTER_HOME can be used, and by this data folder. Writes nothing."""
    home = dagster_home(data)
    try:
        if (unusable := folder_error(home)) is not None:
            raise unusable
        with open_existing_instance(data) as instance:
            if instance is None:
                yield from _check_home(home)
                return
            instance.get_runs_count()
            yield from _check_open_instance(instance, home, data, settings)
    except Exception as error:
        if (fault := machine_error_of(error)) is not None:
            yield error_text_finding(_CHECK, fault, _REPAIR)
            return
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        yield wrong_finding(
            _CHECK,
            Bilingual(
                f"The instance in {home} can't be used: {first_line}",
                f"{home} 中的 Dagster 实例不可用：{first_line}",
            ),
            Bilingual(
                "Correct dagster.yaml there (delete it to get the project's own back), or set "
                "DAGSTER_HOME to another folder.",
                "请修正其中的 dagster.yaml（删除后会恢复默认），或用 DAGSTER_HOME 指定其他目录。",
            ),
        )


def _check_home(home: Path) -> Iterator[Finding]:
    """Where no command has made the instance yet."""
    if (home / "dagster.yaml").exists():
        with open_instance(home):
            pass
    yield Finding(
        _CHECK,
        "ok",
        Bilingual("none yet: the first refresh makes it", "尚未创建，首次刷新时会创建"),
    )


def _check_open_instance(
    instance: DagsterInstance, home: Path, data: Path, settings: config.Settings
) -> Iterator[Finding]:
    if owner := other_owner(instance, data, settings):
        yield wrong_finding(
            _CHECK,
            Bilingual(
                f"The instance in {home} belongs to another data folder, {owner}.",
                f"{home} 中的 Dagster 实例已属于另一个数据目录 {owner}。",
            ),
            Bilingual(
                'Set `[dagster] namespace = "..."` in channels.toml, or another DAGSTER_HOME.',
                "请在 channels.toml 中设置 [dagster] namespace，或使用另一个 DAGSTER_HOME。",
            ),
        )
        return
    dead = [run for run in active_runs(instance, Names.of(settings)) if run.is_dead]
    for run in dead:
        yield Finding(
            _CHECK,
            "warning",
            Bilingual(f"The process of run {run} has died.", f"运行 {run} 的进程已不存在。"),
            Bilingual(
                "The next refresh ends it, or a running `channels-assets dev` within two minutes.",
                "下一次刷新会将其结束；若 channels-assets dev 正在运行，两分钟内会自动结束。",
            ),
        )
    if not dead:
        yield Finding(
            _CHECK, "ok", Bilingual(f"the instance in {home} opens", f"{home} 中的实例可用")
        )
