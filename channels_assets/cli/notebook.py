"""`channels-assets notebook`: JupyterLab on the user's own copies of the notebooks."""

from __future__ import annotations

import importlib.util
import os
import sys
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import NoReturn

from channels_assets.config import ConfigError
from channels_assets.files import copy_whole
from channels_assets.warehouse import FileStore, WarehouseError, connect

_FIRST_NOTEBOOK = "window_overview.ipynb"


def open_notebooks(data: Path, port: int, browser: bool) -> NoReturn:
    """Replaces this process by JupyterLab. Raises ConfigError when it is not installed or there is no data yet."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise ConfigError(
            "JupyterLab is not installed: pip install jupyterlab matplotlib (make does it by itself).",
            "未安装 JupyterLab：请运行 pip install jupyterlab matplotlib（make 会自动安装）。",
        )
    update_views(data)
    try:
        connect(data).close()
    except WarehouseError as error:
        raise ConfigError(f"{error}.", f"还没有数据：请先运行 make run（{error}）。") from None
    folder = copy_notebooks(data)
    os.environ["CHANNELS_DATA"] = str(data)
    # labconfig/ there stops JupyterLab from fetching news and updates.
    configured = os.environ.get("JUPYTER_CONFIG_PATH")
    own = str(resources.files("channels_assets.notebooks"))
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, (configured, own)))
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        str(folder / _FIRST_NOTEBOOK),
        f"--notebook-dir={folder}",
    ]
    command += ["--ip=127.0.0.1", f"--port={port}", *(() if browser else ("--no-browser",))]
    if os.geteuid() == 0:
        command.append("--allow-root")  # as in containers; it listens on 127.0.0.1 alone
    os.execv(sys.executable, command)  # noqa: S606


def update_views(data: Path) -> None:
    """Replaces the views of an older version of this project."""
    store = FileStore(data)
    if store.path.exists():
        # Where it fails, the views that exist can still be read.
        with suppress(WarehouseError, OSError):
            with store.writing():
                pass
            store.publish()


def copy_notebooks(data: Path) -> Path:
    """Copies each notebook into data/notebooks unless one is there, which a person may have changed."""
    folder = data / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    for shipped in resources.files("channels_assets.notebooks").iterdir():
        if shipped.name.endswith(".ipynb") and not (folder / shipped.name).exists():
            with resources.as_file(shipped) as path:
                copy_whole(path, folder / shipped.name)
    return folder
