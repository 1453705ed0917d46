"""docs/new-endpoint.md is true: a copy of the package, changed as it says, loads the new list."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "new-endpoint.md"
DIFF = re.compile(r"^```diff\n--- (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_FILES = 5


def changes() -> list[tuple[str, str, str]]:
    """File, old lines and new lines of each part of each diff in the page."""
    found: list[tuple[str, str, str]] = []
    for file, body in DIFF.findall(PAGE.read_text("utf-8")):
        for part in filter(None, body.split("@@\n")):
            lines = part.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if not line.startswith("+"))
            new = "".join(line[1:] for line in lines if not line.startswith("-"))
            found.append((file, old, new))
    return found


def test_a_new_list_needs_five_files(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "channels_assets",
        tmp_path / "channels_assets",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for file, old, new in changes():
        path = tmp_path / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{file}: {old}"
        path.write_text(text.replace(old, new), "utf-8")
    assert len({file for file, _, _ in changes()}) == MOST_FILES

    data = tmp_path / "data"
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CHANNELS_", "DAGSTER_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "channels_assets.cli", "refresh", "--json"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(tmp_path), "CHANNELS_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["assets"]["media"] == {
        **{"partitions": 1, "succeeded": 1, "failed": [], "rejected": 0, "rows": 12},
        **{"pages": 2, "api_calls": 2},
    }
    with duckdb.connect(data / "channels.duckdb", read_only=True) as connection:
        rows = connection.execute("SELECT media_id, media_name, is_active FROM media").fetchall()
        comment = connection.execute(
            "SELECT comment FROM duckdb_columns() WHERE column_name = 'media_name'"
        ).fetchone()
    assert sorted(rows) == sorted((f"m{n}", f"Medium {n}", True) for n in range(12))
    assert comment == ("Name of the medium; API: media_list[].media_name",)
