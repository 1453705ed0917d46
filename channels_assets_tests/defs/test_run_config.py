"""What a run's config may choose: next to nothing, for anybody who reaches the web server may send one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from dagster import Definitions
from pydantic import ValidationError

from channels_assets.config import Settings
from channels_assets.definitions import build
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.sandbox import World
from channels_assets_tests.helpers.project import DagsterDev, Project

DEFINITIONS: Definitions = build(Settings.model_construct())
JOBS = ["__ASSET_JOB", "discover", "refresh_articles", "refresh_windows"]
# Of Dagster itself: how its executor retries, and how much is written to the console.
ALLOWED = {
    "execution.config.marker_to_close",
    "execution.config.step_dependency_config.require_upstream_step_success",
    "loggers.console.config.log_level",
    "loggers.console.config.name",
}
REPOSITORY = (
    "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
)
LAUNCH = """
mutation ($location: String!, $repository: String!, $config: RunConfigData!) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: $location, repositoryName: $repository, jobName: "refresh_windows"
    },
    runConfigData: $config
  }) {
    __typename
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
RUNS = "{ runsOrError { ... on Runs { results { runConfigYaml } } } }"


def settable(kind: Any, path: tuple[str, ...] = ()) -> Iterator[str]:  # noqa: ANN401
    """The names of all values that a config of this type may hold."""
    fields: dict[str, Any] | None = getattr(kind, "fields", None)
    inner = getattr(kind, "inner_type", None)
    if fields is not None:
        for name, field in fields.items():
            yield from settable(field.config_type, (*path, name))
    elif inner is not None:
        yield from settable(inner, path)
    else:
        yield ".".join(path)


def test_all_jobs_are_looked_at() -> None:
    names = [job.name for job in DEFINITIONS.get_repository_def().get_all_jobs()]
    assert sorted(names) == JOBS


@pytest.mark.parametrize("name", JOBS)
def test_no_run_config_chooses_a_file_a_command_an_address_or_an_account(name: str) -> None:
    job = DEFINITIONS.get_repository_def().get_job(name)
    found = set(settable(job.run_config_schema.config_type))
    assert found - ALLOWED == set()


@pytest.mark.parametrize("resource", [WeChatResource, WarehouseResource])
@pytest.mark.parametrize("argument", ["config_file", "data_dir", "base_url"])
def test_an_unknown_argument_is_refused(resource: Callable[..., object], argument: str) -> None:
    with pytest.raises(ValidationError, match=argument):
        resource(**{argument: "/somewhere"})


def test_a_run_that_names_other_settings_is_refused(make_project: Callable[..., Project]) -> None:
    project = make_project(World.generate(seed=61, windows=1, products=2, shops=0))
    project.write(league=False)
    marker = project.folder / "marker"
    code = f"open({str(marker)!r}, 'w')"
    command = json.dumps([sys.executable, "-c", code])
    other = project.folder / "other.toml"
    other.write_text(
        f'[api]\nbase_url = "{project.sandbox.url}"\n[[window]]\nappid = "wx1"\n'
        f'auth = "token_command"\ntoken_command = {command}\n'
    )
    chosen: dict[str, dict[str, object]] = {
        "wechat": {"config_file": str(other)},
        "warehouse": {"data_dir": str(project.folder / "elsewhere")},
        "io_manager": {"base_dir": str(project.folder / "elsewhere")},
    }
    with DagsterDev(project) as dagster:
        (repository,) = dagster.query(REPOSITORY)["repositoriesOrError"]["nodes"]

        for name, config in chosen.items():
            variables = {
                "location": repository["location"]["name"],
                "repository": repository["name"],
                "config": {"resources": {name: {"config": config}}},
            }
            by_post = dagster.query(LAUNCH, **variables)
            by_get = requests.get(
                dagster.url + "/graphql",
                params={"query": LAUNCH, "variables": json.dumps(variables)},
                timeout=60,
            ).json()["data"]
            for answer in (by_post, by_get):
                assert answer["launchRun"]["__typename"] == "RunConfigValidationInvalid", answer
                assert name in answer["launchRun"]["errors"][0]["message"]
        for run in dagster.query(RUNS)["runsOrError"]["results"]:
            assert "other.toml" not in run["runConfigYaml"]
    assert not marker.exists()
    assert not (project.folder / "elsewhere").exists()
