"""The file rules of the package: a file is one concern of 50 to 300 lines."""

from __future__ import annotations

from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "channels_assets"
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
AT_LEAST, AT_MOST = 50, 300
SMALL = {
    "auth_modes.py": "the table of the auth modes",
    "cli/__main__.py": "the entry point of the command",
    "cli/first_signal.py": "it is there before everything else is imported",
    "cluster/celery_app.py": "the entry point of a worker",
    "defs/assets/pending_keys.py": "what a resumed run skips",
    "defs/machine_failures.py": "machine errors as Dagster's events",
    "defs/postgres_connections.py": "only for runs under Dagster's Helm chart",
    "folders.py": "whether a folder can be used",
    "sandbox/endpoints.py": "what the sandbox's rooms share about endpoints",
    "warehouse/errors.py": "errors",
    "warehouse/partition_keys.py": "the table of the keys that this data folder has added",
    "wechat/quota.py": "an endpoint that is no list",
}
"""Files with fewer lines, and why."""


@pytest.mark.parametrize("name", MODULES)
def test_a_file_is_one_concern(name: str) -> None:
    lines = len(MODULES[name].read_text("utf-8").splitlines())
    assert lines <= AT_MOST
    if not name.endswith("__init__.py"):
        assert (lines < AT_LEAST) == (name in SMALL), lines


def test_small_files_have_a_reason() -> None:
    assert set(SMALL) <= set(MODULES)
    assert all(SMALL.values())
