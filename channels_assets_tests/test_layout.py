"""The file rules of the package: how large a file is, and where the private API of Dagster may be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "channels_assets"
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
AT_LEAST, AT_MOST = 50, 300
SMALL = {
    # Entry points.
    "cli/__main__.py": "the entry point of the command",
    "cli/signals.py": "",
}
"""Files with fewer lines, and why."""
PRIVATE_DAGSTER = {
    "defs/dagster_internals.py",
    "cluster/launcher.py",
    "cluster/postgres_storage.py",
}


@pytest.mark.parametrize("name", MODULES)
def test_a_file_is_one_concern(name: str) -> None:
    lines = len(MODULES[name].read_text("utf-8").splitlines())
    assert lines <= AT_MOST
    if not name.endswith("__init__.py"):
        assert (lines < AT_LEAST) == (name in SMALL), lines


def test_small_files_have_a_reason() -> None:
    assert set(SMALL) <= set(MODULES)
    assert all(SMALL.values())


def test_private_dagster_is_used_in_three_files() -> None:
    users = {
        name
        for name, path in MODULES.items()
        if re.search(r"\bdagster\w*\._", path.read_text("utf-8"))
    }
    assert users == PRIVATE_DAGSTER
