"""A Dagster instance that holds other projects, and other data folders of this one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from dagster import (
    AssetKey,
    AssetsDefinition,
    DagsterInstance,
    Definitions,
    DynamicPartitionsDefinition,
    asset,
    materialize,
)

from channels_assets.config import Dagster, Settings, load_settings
from channels_assets.definitions import build
from channels_assets.defs.active_runs import lock_run
from channels_assets.sandbox import World
from channels_assets_tests.helpers.project import Project, kill_holder_of

pytestmark = pytest.mark.slow

WINDOWS, LISTS = "channels_windows", "channels_article_lists"
FOREIGN = {"windows": ["front", "back"], "promoters": ["p1"], "foreign": ["f1", "f2"]}
Make = Callable[..., Project]


def foreign_assets() -> list[AssetsDefinition]:
    @asset
    def foreign() -> int:
        return 1

    @asset(key=["other", "x"], partitions_def=DynamicPartitionsDefinition(name="windows"))
    def other_x() -> int:
        return 2

    return [foreign, other_x]


def move_in(instance: DagsterInstance) -> None:
    """Another project comes to the instance, with real runs."""
    for name, keys in FOREIGN.items():
        instance.add_dynamic_partitions(name, keys)
    first, second = foreign_assets()
    assert materialize([first], instance=instance).success
    assert materialize([second], instance=instance, partition_key="front").success


def belongings(instance: DagsterInstance) -> dict[str, object]:
    """All that the other project has there."""
    keys = [AssetKey("foreign"), AssetKey(["other", "x"])]
    events = {
        key.to_user_string(): [
            (record.run_id, record.timestamp)
            for record in instance.fetch_materializations(key, limit=100).records
        ]
        for key in keys
    }
    assert all(events.values())
    return {**events, **{name: instance.get_dynamic_partitions(name) for name in FOREIGN}}


def recorded(instance: DagsterInstance, key: AssetKey) -> int:
    return len(instance.fetch_materializations(key, limit=1000).records)


def beside(project: Project, name: str) -> Project:
    """A second data folder on the same Dagster instance."""
    folder = project.folder / name
    folder.mkdir()
    second = Project(folder, project.sandbox, project.world)
    second.environment["DAGSTER_HOME"] = project.environment["DAGSTER_HOME"]
    return second


def small() -> World:
    return World.generate(seed=61, windows=2, products=3, shops=1, articles=2)


def test_what_others_have_there_is_as_before(make_project: Make) -> None:
    project = make_project(small())
    (project.data / "dagster_home").mkdir(parents=True)
    with project.instance() as instance:
        move_in(instance)
        before = belongings(instance)
    config = project.environment.pop("CHANNELS_CONFIG")
    settings = Path(config).read_text("utf-8")
    Path(config).unlink()
    for _ in range(2):
        assert project.command("refresh").code == 0
    with project.instance() as instance:
        assert belongings(instance) == before
        made_up = instance.get_dynamic_partitions(WINDOWS)
        assert made_up
        assert recorded(instance, AssetKey("window_products")) == 2 * len(made_up)

    project.environment["CHANNELS_CONFIG"] = config
    Path(config).write_text(settings, "utf-8")
    done = project.refresh()
    assert done.code == 0, done.err
    assert "made-up rows were removed" in done.err
    with project.instance() as instance:
        assert belongings(instance) == before
        # Our own history of made-up lists is gone.
        assert instance.get_dynamic_partitions(WINDOWS) == list(project.world.windows)
        assert recorded(instance, AssetKey("window_products")) == len(project.world.windows)


def test_keys_that_were_added_by_hand_stay_and_are_left_out(make_project: Make) -> None:
    project = make_project(small())
    assert project.refresh().code == 0
    first, second = project.world.windows
    with project.instance() as instance:
        instance.delete_dynamic_partition(WINDOWS, second)
        instance.add_dynamic_partitions(WINDOWS, ["by_hand", second])
        instance.add_dynamic_partitions(LISTS, ["by/hand/too"])
        lists = instance.get_dynamic_partitions(LISTS)
    done = project.refresh()
    assert done.code == 0, done.err
    assert "`channels_windows` has keys that this data folder has not added" in done.err
    assert "by_hand" in done.err
    assert done.assets["window_products"]["partitions"] == 2
    assert done.assets["shop_articles"]["partitions"] == len(lists) - 1
    shown = project.command("partitions")
    assert f"{WINDOWS}\t{first}" in shown.out
    assert "by_hand" not in shown.out
    assert "by_hand" in shown.err
    assert "by/hand/too" in shown.err
    assert project.refresh("--partition", "by_hand").code == 2
    project.write(windows=[first])
    assert project.refresh().code == 0
    with project.instance() as instance:
        assert instance.get_dynamic_partitions(WINDOWS) == [first, "by_hand"]
        assert instance.get_dynamic_partitions(LISTS) == lists


def test_a_second_data_folder_is_refused_until_it_has_a_namespace(make_project: Make) -> None:
    project = make_project(small())
    assert project.refresh().code == 0
    second = beside(project, "second")
    with project.instance() as instance:
        runs, windows = instance.get_runs_count(), instance.get_dynamic_partitions(WINDOWS)
    for command in (("refresh",), ("partitions",), ("dev", "--port", "1")):
        done = second.command(*command)
        assert done.code == 2, done.err
        assert done.err.count("\n") == 1
        assert str(project.data) in done.err
        assert "[dagster] namespace" in done.err
    (found,) = (
        finding
        for finding in json.loads(second.command("doctor", "--json").out)["findings"]
        if finding["check"] == "dagster"
    )
    assert found["status"] == "wrong"
    assert str(project.data) in found["message"]
    with project.instance() as instance:
        assert instance.get_runs_count() == runs
        assert instance.get_dynamic_partitions(WINDOWS) == windows

    path = second.folder / "channels.toml"
    path.write_text(path.read_text("utf-8") + '[dagster]\nnamespace = "second"\n', "utf-8")
    for _ in range(2):
        done = second.refresh()
        assert done.code == 0, done.err
    assert done.assets["window_products"]["succeeded"] == 2
    assert (
        done.assets["article_products"]["succeeded"] == done.assets["shop_articles"]["partitions"]
    )
    assert second.command("doctor").code == 0
    assert project.refresh().code == 0
    with project.instance() as instance:
        assert instance.get_dynamic_partitions(f"second_{WINDOWS}") == windows
        assert recorded(instance, AssetKey("window_products")) == 4
        assert recorded(instance, AssetKey(["second", "window_products"])) == 4
        jobs = {run.job_name for run in instance.get_runs()}
    assert jobs >= {"discover", "second_discover", "second_refresh_windows", "refresh_articles"}


def test_names_under_a_namespace() -> None:
    settings = Settings.model_construct(dagster=Dagster(namespace="x"))
    repository = build(settings).get_repository_def()
    Definitions.validate_loadable(build(settings))
    graph = repository.asset_graph
    names = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert {name.split("/")[0] for name in names} == {"x", "wechat"}
    assert {item.name for item in repository.schedule_defs} == {
        *("x_windows_by_the_clock", "x_articles_by_the_clock")
    }
    assert {item.name for item in repository.sensor_defs} == {"x_new_lists", "x_checks_up_to_date"}
    lists = graph.get(AssetKey(["x", "shop_articles"]))
    assert getattr(lists.partitions_def, "name", "") == f"x_{LISTS}"
    assert AssetKey(["x", "sharers"]) in lists.parent_keys
    assert {key.asset_key.path[0] for key in graph.asset_check_keys} == {"x"}


def test_a_copied_folder_is_refused_a_moved_one_takes_over(make_project: Make) -> None:
    project = make_project(small())
    home = project.folder / "home"
    project.environment["DAGSTER_HOME"] = str(home)
    assert project.refresh().code == 0
    second = beside(project, "copy")
    shutil.copytree(project.data, second.data)
    refused = second.refresh()
    assert refused.code == 2
    assert str(project.data) in refused.err

    shutil.rmtree(project.data)
    moved = second.refresh()
    assert moved.code == 0, moved.err
    assert f"belonged to {project.data}" in moved.err
    assert second.refresh().err == ""
    # Now it is the first one that comes too late.
    assert project.refresh().code == 2


def test_data_that_was_deleted_is_made_anew(make_project: Make) -> None:
    project = make_project(small())
    project.environment["DAGSTER_HOME"] = str(project.folder / "home")
    assert project.refresh().code == 0
    shutil.rmtree(project.data)
    done = project.refresh()
    assert done.code == 0, done.err
    assert done.err == ""
    assert done.assets["window_products"]["succeeded"] == 2


def test_the_doctor_names_dead_runs_and_a_refresh_ends_them(make_project: Make) -> None:
    project = make_project(small())
    assert project.refresh().code == 0
    settings = load_settings(project.folder / "channels.toml")
    with project.instance() as instance:
        run = instance.create_run_for_job(build(settings).resolve_job_def("refresh_windows"))
        instance.report_engine_event("started", run)
        kill_holder_of(instance, run.run_id)
        lock = lock_run(
            instance,
            instance.create_run_for_job(build(settings).resolve_job_def("discover")).run_id,
        )
        told = json.loads(project.command("doctor", "--json").out)["findings"]
        (found,) = (finding for finding in told if finding["check"] == "dagster")
        assert found["status"] == "warning"
        assert "refresh_windows" in found["message"]
        assert "under way since" in found["message"]
        assert project.refresh().code == 0
        ended = instance.get_run_by_id(run.run_id)
        assert ended is not None
        assert ended.is_finished
        lock.release()
    assert {
        finding["status"]
        for finding in json.loads(project.command("doctor", "--json").out)["findings"]
    } == {"ok"}


@pytest.mark.parametrize("namespace", ["X", "1x", "a-b", "a b", "", "a" * 41])
def test_a_namespace_is_a_plain_name(make_project: Make, namespace: str) -> None:
    project = make_project(small())
    path = project.folder / "channels.toml"
    path.write_text(path.read_text("utf-8") + f'[dagster]\nnamespace = "{namespace}"\n', "utf-8")
    done = project.refresh()
    assert done.code == 2
    assert "[dagster]: `namespace`" in done.err
