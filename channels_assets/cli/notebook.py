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

FIRST = "window_overview.ipynb"


def open_notebooks(data: Path, port: int, browser: bool) -> NoReturn:
    """Becomes JupyterLab. Raises ConfigError when it is not installed or there is no data yet."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise ConfigError(
            "JupyterLab is not installed: pip install jupyterlab matplotlib (make does it by itself)."
        )
    up_to_date(data)
    try:
        connect(data).close()
    except WarehouseError as error:
        raise ConfigError(f"{error}. 还没有数据：请先运行 make run。") from None
    folder = copy_notebooks(data)
    os.environ["CHANNELS_DATA"] = str(data)
    # labconfig/ in there keeps JupyterLab from asking its makers for news and updates.
    theirs = os.environ.get("JUPYTER_CONFIG_PATH")
    ours = str(resources.files("channels_assets.notebooks"))
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, (theirs, ours)))
    command = [sys.executable, "-m", "jupyterlab", str(folder / FIRST), f"--notebook-dir={folder}"]
    command += ["--ip=127.0.0.1", f"--port={port}", *(() if browser else ("--no-browser",))]
    if os.geteuid() == 0:
        command.append("--allow-root")  # as in containers; it listens to this machine alone
    os.execv(sys.executable, command)  # noqa: S606


def up_to_date(data: Path) -> None:
    """Gives data that an older version wrote the views of this one."""
    store = FileStore(data)
    if store.path.exists():
        # Without it, reading still works where the views are there already.
        with suppress(WarehouseError, OSError):
            with store.writing():
                pass
            store.publish()


def copy_notebooks(data: Path) -> Path:
    """Puts each notebook into data/notebooks unless it is there: what people change stays theirs."""
    folder = data / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    for shipped in resources.files("channels_assets.notebooks").iterdir():
        if shipped.name.endswith(".ipynb") and not (folder / shipped.name).exists():
            with resources.as_file(shipped) as path:
                copy_whole(path, folder / shipped.name)
    return folder
