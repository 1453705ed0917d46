"""`channels-assets notebook`: JupyterLab as a user starts it, asked over HTTP as a browser does."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
import requests
import websocket

from channels_assets.sandbox import World
from channels_assets_tests.helpers.project import Project
from channels_assets_tests.notebooks.test_notebooks import NOTEBOOKS

TOKEN = "of-this-test"


@contextmanager
def lab(project: Project) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = project.folder / "lab.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "channels_assets.cli"),
                *("notebook", "--no-browser", "--port", str(port)),
            ],
            cwd=project.folder,
            env={**project.environment, "JUPYTER_TOKEN": TOKEN},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            with suppress(requests.ConnectionError):
                if get(url, "/api/status"):
                    break
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        finally:
            process.kill()


def get(url: str, path: str) -> Any:  # noqa: ANN401
    answer = requests.get(url + path, headers={"Authorization": f"token {TOKEN}"}, timeout=60)
    answer.raise_for_status()
    return answer.json() if "json" in answer.headers["Content-Type"] else answer.text


def run_code(url: str, code: str) -> str:
    """What a cell prints, run in a kernel of this server."""
    kernel = requests.post(
        url + "/api/kernels", headers={"Authorization": f"token {TOKEN}"}, json={}, timeout=60
    ).json()["id"]
    channel = websocket.create_connection(
        f"{url.replace('http', 'ws')}/api/kernels/{kernel}/channels?token={TOKEN}", timeout=60
    )
    try:
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
        header |= {"username": "", "session": uuid.uuid4().hex, "date": ""}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        channel.send(json.dumps({**message, "channel": "shell", "buffers": []}))
        text = ""
        while True:
            got = json.loads(channel.recv())
            if got["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if got["msg_type"] == "stream":
                text += got["content"]["text"]
            if got["msg_type"] == "error":
                text += "\n".join(got["content"]["traceback"])
            if got["msg_type"] == "status" and got["content"]["execution_state"] == "idle":
                return text
    finally:
        channel.close()


def test_before_the_first_refresh(make_project: Callable[..., Project]) -> None:
    project = make_project(World.generate(seed=3, products=5, shops=0))
    done = project.command("notebook", "--no-browser")
    assert done.code == 2
    assert "channels-assets refresh" in done.err
    assert "Traceback" not in done.err


def test_lab_serves_copies_that_find_the_data(make_project: Callable[..., Project]) -> None:
    world = World.generate(seed=3, products=5, shops=0)
    project = make_project(world)
    project.write(league=False)
    assert project.refresh().code == 0
    mine = project.data / "notebooks" / NOTEBOOKS[0]
    mine.parent.mkdir()
    changed = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("mine")])
    mine.write_text(nbformat.writes(changed))

    with lab(project) as url:
        listed = get(url, "/api/contents")["content"]
        assert sorted(item["name"] for item in listed) == NOTEBOOKS
        # It does not ask its makers for news: whoever reads data here should not be a topic there.
        page = get(url, "/lab")
        config = json.loads(
            re.findall(r"jupyter-config-data.*?>(.*?)</script>", page, re.DOTALL)[0]
        )
        assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]
        served = get(url, f"/api/contents/{NOTEBOOKS[1]}")["content"]
        code = served["cells"][1]["source"]
        printed = run_code(url, f"{code}\nprint(len(query('FROM window_products')), 'products')")
        stranger = requests.get(url + "/api/contents", timeout=60)

    assert f"{sum(len(window.products) for window in world.windows.values())} products" in printed
    assert stranger.status_code == 403
    assert "mine" in mine.read_text()
    assert Path(project.data, "notebooks", NOTEBOOKS[1]).exists()
