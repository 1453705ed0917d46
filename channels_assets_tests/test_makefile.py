"""What `make` gives to pip, whatever the shell says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parent.parent / "Makefile"


@pytest.mark.parametrize(
    ("name", "given"), [("PIP_USER", "0"), ("PIP_TARGET", ""), ("PIP_PREFIX", ""), ("PIP_ROOT", "")]
)
def test_pip_installs_into_the_virtual_environment(tmp_path: Path, name: str, given: str) -> None:
    """An environment variable is stronger than pip.conf: `user = true` there stops pip, too."""
    (tmp_path / "shown.mk").write_text(f"shown:\n\t@echo {name}=$${name}\n")
    done = subprocess.run(
        ["make", "--silent", "-f", str(MAKEFILE), "-f", "shown.mk", "shown"],
        cwd=tmp_path,
        env={**os.environ, name: "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{name}={given}\n"
