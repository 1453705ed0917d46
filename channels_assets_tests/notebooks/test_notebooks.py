"""The notebooks as they are shipped, and executed against real refreshes of a sandbox.

With SCREENSHOTS=.github/images, the picture of the README is taken anew.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from channels_assets.notebooks.fonts import HOW_TO, chinese_font
from channels_assets.sandbox import Fault, World, pass_day
from channels_assets_tests.browser.png import with_palette
from channels_assets_tests.helpers.project import Project

NOTEBOOKS = sorted(
    path.name
    for path in resources.files("channels_assets.notebooks").iterdir()
    if path.name.endswith(".ipynb")
)
PICTURES = {"commission_explorer.ipynb": 6, "data_health.ipynb": 4, "window_overview.ipynb": 3}
Make = Callable[..., Project]


def read(name: str) -> nbformat.NotebookNode:
    text = resources.files("channels_assets.notebooks").joinpath(name).read_text("utf-8")
    return nbformat.reads(text, as_version=4)


def execute(name: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> nbformat.NotebookNode:
    monkeypatch.setenv("CHANNELS_DATA", str(data))
    notebook = read(name)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]


def said(notebook: nbformat.NotebookNode) -> str:
    """What cells wrote to stdout or stderr, such as warnings."""
    return "".join(output.text for output in outputs(notebook) if output.output_type == "stream")


def pictures(notebook: nbformat.NotebookNode) -> list[bytes]:
    shown = [output.data for output in outputs(notebook) if output.output_type == "display_data"]
    return [base64.b64decode(data["image/png"]) for data in shown if "image/png" in data]


def tables(notebook: nbformat.NotebookNode) -> str:
    shown = [output.data for output in outputs(notebook) if output.output_type == "execute_result"]
    return "".join(data["text/html"] for data in shown)


needs_font = pytest.mark.skipif(chinese_font() is None, reason=HOW_TO)


def test_there_are_three() -> None:
    assert set(NOTEBOOKS) == set(PICTURES)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_output_is_shipped(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    assert outputs(notebook) == []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert {cell.execution_count for cell in code} == {None}
    text = "".join(cell.source for cell in code)
    # charts.py asks for a label with the unit on every axis.
    assert "plt." not in text
    assert ".plot(" not in text


@needs_font
def test_executed_after_refreshes_that_found_changes(
    make_project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World.generate(seed=1, products=120)
    project = make_project(world)
    assert project.refresh().code == 0
    for day in range(3):
        pass_day(world, day)
    banned = list(world.windows)[1]
    project.sandbox.inject(Fault("window_banned", appid=banned))
    assert project.refresh().code == 1

    done = {name: execute(name, project.data, monkeypatch) for name in NOTEBOOKS}

    for name, notebook in done.items():
        assert said(notebook) == "", name
        assert len(pictures(notebook)) == PICTURES[name], name
        assert all(len(picture) > 5_000 for picture in pictures(notebook)), name
    if folder := os.environ.get("SCREENSHOTS"):
        picture = pictures(done["commission_explorer.ipynb"])[0]
        Path(folder, "best-articles.png").write_bytes(with_palette(picture, 32))
    (best,) = project.rows("SELECT best_commission_yuan FROM best_articles LIMIT 1")
    assert f"{best[0]:,.2f}" in tables(done["commission_explorer.ipynb"])
    overview = tables(done["window_overview.ipynb"])
    for appid in world.windows:
        (count,) = project.rows('SELECT count(*) FROM window_products WHERE "window" = ?', [appid])
        row = overview[overview.index(appid) :]
        assert f">{count[0]:,}</td>" in row[: row.index("</tr>")]
    assert "10022002" in tables(done["data_health.ipynb"])
    assert "PermissionDenied" in tables(done["data_health.ipynb"])


@needs_font
@pytest.mark.parametrize("kind", ["windows alone", "articles alone"])
def test_executed_where_half_of_it_is_missing(
    kind: str, make_project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = kind == "windows alone"
    world = World.generate(seed=2, products=20, shops=0 if windows else 2, windows=3 * windows)
    project = make_project(world)
    project.write(league=not windows)
    assert project.refresh().code == 0
    for name in NOTEBOOKS:
        assert said(execute(name, project.data, monkeypatch)) == "", name
