"""The files of deploy/ fit together, as far as that can be told without a cluster."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parent.parent / "deploy"


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


def test_celery_differs_from_postgres_in_its_launcher_alone() -> None:
    postgres, celery = read("postgres/dagster.yaml"), read("celery/dagster.yaml")
    del celery["run_launcher"]
    celery["run_monitoring"] = {
        key: value for key, value in celery["run_monitoring"].items() if "seconds" not in key
    }
    postgres["run_monitoring"].pop("free_slots_after_run_end_seconds")
    assert celery == postgres


def test_no_file_holds_a_password_or_an_index() -> None:
    for path in DEPLOY.rglob("*.*"):
        text = path.read_text("utf-8")
        assert not re.search(r"://[^/\s:]+:(?!password@)[^@\s]+@", text), path
    assert "https:" not in (DEPLOY / "requirements.lock").read_text("utf-8")


def test_helm_runs_this_project_as_the_other_deployments_do() -> None:
    values, celery = read("helm/values.yaml"), read("celery/dagster.yaml")
    [code] = values["dagster-user-deployments"]["deployments"]
    importlib.import_module(code["dagsterApiGrpcArgs"][1])
    daemon = values["dagsterDaemon"]
    assert daemon["runRetries"] == {
        "enabled": celery["run_retries"]["enabled"],
        "maxRetries": celery["run_retries"]["max_retries"],
        "retryOnAssetOrOpFailure": celery["run_retries"]["retry_on_asset_or_op_failure"],
    }
    runs = celery["concurrency"]["runs"]
    assert values["concurrency"] == {
        "enabled": True,
        "runs": {"maxConcurrentRuns": runs["max_concurrent_runs"]},
    }
    # The chart lets the one set of limits exclude the other.
    assert "config" not in daemon["runCoordinator"]
