"""What happens by itself, tick by tick, on a real Dagster instance and a real warehouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    Failure,
    SensorDefinition,
    SensorResult,
    build_schedule_context,
    build_sensor_context,
)

from channels_assets.config import Settings, load_settings
from channels_assets.definitions import build
from channels_assets.defs.active_runs import lock_run
from channels_assets.defs.dagster_internals import origin_of
from channels_assets.defs.ownership import claim
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.defs.runner import MODULE
from channels_assets.sandbox import Fault, World
from channels_assets.warehouse import FileStore
from channels_assets_tests.helpers.project import Project, kill_holder_of

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


class Desk:
    """A project's instance and definitions, to evaluate ticks on."""

    def __init__(self, project: Project, instance: DagsterInstance) -> None:
        self.project = project
        self.instance = instance
        self.settings: Settings = load_settings(project.folder / "channels.toml")
        self.definitions: Definitions = build(self.settings)
        self.resources = {
            "wechat": WeChatResource(),
            "warehouse": WarehouseResource(),
        }

    def new_lists(self) -> list[tuple[str | None, tuple[str | None, ...]]]:
        """The runs that the sensor asks for: job, and first and last partition."""
        with build_sensor_context(
            self.instance, resources=self.resources, definitions=self.definitions
        ) as context:
            data = self._sensor("new_lists").evaluate_tick(context)
        return [
            (item.job_name, tuple(item.tags.get(tag) for tag in RANGE))
            for item in data.run_requests or []
        ]

    def skipped(self) -> str:
        """Why the sensor asks for nothing."""
        with build_sensor_context(
            self.instance, resources=self.resources, definitions=self.definitions
        ) as context:
            data = self._sensor("new_lists").evaluate_tick(context)
        assert not data.run_requests
        return data.skip_message or ""

    def _sensor(self, name: str) -> SensorDefinition:
        return self.definitions.get_repository_def().get_sensor_def(name)

    def schedule(self, name: str) -> Any:  # noqa: ANN401
        schedule = self.definitions.get_repository_def().get_schedule_def(name)
        with build_schedule_context(self.instance, resources=self.resources) as context:
            return schedule.evaluate_tick(context)

    def checks(self, cursor: str | None) -> tuple[dict[str, AssetCheckEvaluation], str | None]:
        with build_sensor_context(
            self.instance, resources=self.resources, cursor=cursor
        ) as context:
            result = self._sensor("checks_up_to_date")(context)
        if not isinstance(result, SensorResult):
            return {}, cursor
        told = {
            f"{event.asset_key.to_user_string()}:{event.check_name}": event
            for event in result.asset_events
            if isinstance(event, AssetCheckEvaluation)
        }
        return told, result.cursor


@pytest.fixture
def desk(make_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    project = make_project(World.generate(seed=51, windows=3, products=5, shops=2, articles=3))
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
    home = project.data / "dagster_home"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with project.instance() as instance:
        yield Desk(project, instance)


def test_a_fresh_project_asks_for_windows_and_discovery_once(desk: Desk) -> None:
    windows = list(desk.project.world.windows)
    assert desk.new_lists() == [
        ("discover", (None, None)),
        ("refresh_windows", (windows[0], windows[-1])),
    ]
    assert desk.instance.get_dynamic_partitions("channels_windows") == windows


def test_new_and_vanished_windows_are_found_and_asked_for_alone(desk: Desk) -> None:
    assert desk.project.refresh().code == 0
    assert desk.new_lists() == []
    first, *rest = desk.project.world.windows
    with (desk.project.folder / "channels.toml").open("a") as file:
        file.write(
            f'[[window]]\nappid = "{first}"\nsecret_env = "SECRET_{first}"\nname = "again"\n'
        )
    fresh = Desk(desk.project, desk.instance)
    assert fresh.new_lists() == [("refresh_windows", ("again", "again"))]
    desk.project.write(windows=rest)
    fresh = Desk(desk.project, desk.instance)
    assert fresh.new_lists() == []
    assert desk.instance.get_dynamic_partitions("channels_windows") == rest
    with FileStore(desk.project.data).writing() as connection:
        names = connection.execute('SELECT DISTINCT "window" FROM window_products').fetchall()
    assert (first,) not in names


def test_a_failed_list_is_not_asked_for_again_and_again(desk: Desk) -> None:
    desk.project.sandbox.inject(Fault("window_banned"))
    assert desk.project.refresh().code == 1
    assert desk.new_lists() == []


def test_a_refresh_that_runs_is_not_started_again_unless_its_process_died(desk: Desk) -> None:
    assert desk.project.refresh().code == 0
    windows = list(desk.project.world.windows)
    asked = desk.schedule("windows_by_the_clock").run_requests[0]
    assert tuple(asked.tags[tag] for tag in RANGE) == (windows[0], windows[-1])
    job = desk.definitions.resolve_job_def("refresh_windows")

    queued = desk.instance.create_run_for_job(
        job, status=DagsterRunStatus.QUEUED, remote_job_origin=origin_of("refresh_windows", MODULE)
    )
    assert "not started again" in desk.schedule("windows_by_the_clock").skip_message
    desk.instance.report_run_failed(queued)

    running = desk.instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
    lock = lock_run(desk.instance, running.run_id)
    assert "not started again" in desk.schedule("windows_by_the_clock").skip_message
    lock.release()
    desk.instance.report_run_failed(running)

    dead = desk.instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
    kill_holder_of(desk.instance, dead.run_id)
    assert desk.schedule("windows_by_the_clock").run_requests
    assert all(run.is_finished for run in desk.instance.get_runs())


def test_lists_that_wait_for_a_run_are_not_called_tried(desk: Desk) -> None:
    assert desk.new_lists()
    job = desk.definitions.resolve_job_def("refresh_windows")
    running = desk.instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
    discovered = desk.definitions.resolve_job_def("discover")
    desk.instance.create_run_for_job(discovered, status=DagsterRunStatus.SUCCESS)
    lock = lock_run(desk.instance, running.run_id)
    told = desk.skipped()
    assert told.startswith("3 lists were never tried: waiting for run refresh_windows (")
    assert "under way since" in told
    lock.release()


def test_nothing_is_touched_where_the_instance_belongs_to_another(
    desk: Desk, tmp_path: Path
) -> None:
    other = FileStore(tmp_path / "other")
    assert claim(desk.instance, other, desk.settings) == ""
    desk.instance.add_dynamic_partitions("channels_windows", ["theirs"])
    told = desk.skipped()
    assert str(other.data_dir) in told
    assert "[dagster] namespace" in told
    for name in ("windows_by_the_clock", "articles_by_the_clock"):
        assert desk.schedule(name).skip_message == told
    job = desk.definitions.resolve_job_def("refresh_windows")
    with pytest.raises(Failure, match="belongs to another data folder"):
        job.execute_in_process(
            instance=desk.instance,
            partition_key="theirs",
            resources=desk.resources,
        )
    assert desk.instance.get_dynamic_partitions("channels_windows") == ["theirs"]
    assert desk.project.sandbox.calls == []


def test_one_stale_list_turns_the_check_red_and_its_refresh_green(desk: Desk) -> None:
    assert desk.project.refresh().code == 0
    told, cursor = desk.checks(None)
    assert "window_products:every_list_fresh" in told
    assert all(answer.passed for answer in told.values())
    assert desk.checks(cursor) == ({}, cursor)

    stale = list(desk.project.world.windows)[1]
    store = FileStore(desk.project.data)
    for hours, severity in ((3, "WARN"), (5, "ERROR")):
        with store.writing() as connection:
            connection.execute(
                "UPDATE loads SET finished_at = now() - to_hours(?) WHERE partition = ?",
                [hours, stale],
            )
        store.publish()
        told, cursor = desk.checks(cursor)
        assert list(told) == ["window_products:every_list_fresh"]
        answer = told["window_products:every_list_fresh"]
        assert not answer.passed
        assert "2 of 3 lists" in (answer.description or "")
        assert f"{stale} ({hours}.0 h old)" in (answer.description or "")
        assert answer.severity.value == severity

    assert desk.project.refresh("--partition", stale).code == 0
    told, _ = desk.checks(cursor)
    # After a run everything is told again: one that was started by clicking spoils the answers.
    assert len(told) == 27
    assert all(answer.passed for answer in told.values())


def test_a_list_that_always_failed_is_named_with_its_reason(desk: Desk) -> None:
    banned = list(desk.project.world.windows)[2]
    desk.project.sandbox.inject(Fault("window_banned", appid=banned))
    assert desk.project.refresh().code == 1
    told, _ = desk.checks(None)
    answer = told["window_products:every_list_fresh"]
    assert not answer.passed
    assert f"{banned} (never read: This window is banned" in (answer.description or "")
    assert "10022002" in (answer.description or "")
