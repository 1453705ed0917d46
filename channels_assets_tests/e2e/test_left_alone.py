"""The short form of `make soak-dev`."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels_assets_tests.e2e.left_alone import LeftAlone


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_dev_goes_on_by_itself_after_each_kill(tmp_path: Path, figures: list[str]) -> None:
    figures.append(LeftAlone(tmp_path, seed=5).run(minutes=3, kills=2))
