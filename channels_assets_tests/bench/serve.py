"""The sandbox in a process of its own, so that it does not share the contestants' interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from channels_assets.sandbox import Sandbox
from channels_assets_tests.bench.world import Size, make


@dataclass(frozen=True)
class Served:
    """A running sandbox, and a folder with the channels.toml that leads to it."""

    url: str
    folder: Path
    environment: dict[str, str]


@contextmanager
def served(folder: Path, size: Size, latency: float, in_flight: int = 32) -> Generator[Served]:
    # Accounts alone: a child's peak memory begins with its parent's size.
    world = make(replace(size, products=0, articles=0))
    command = [sys.executable, "-m", "channels_assets_tests.bench.serve"]
    told = json.dumps({**asdict(size), "latency": latency})
    with subprocess.Popen(
        [*command, told], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        lines = ["[api]", f'base_url = "{url}"', f"max_in_flight = {in_flight}"]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CHANNELS_CONFIG": str(folder / "channels.toml"),
            "BENCH_LEAGUE": world.league.secret,
        }
        for appid, window in world.windows.items():
            environment[f"BENCH_{appid}"] = window.secret
            lines += ["[[window]]", f'appid = "{appid}"', f'secret_env = "BENCH_{appid}"']
        if size.lists:
            lines += ["[league]", f'appid = "{world.league.appid}"']
            lines += ['secret_env = "BENCH_LEAGUE"', 'sharers = "all"']
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "channels.toml").write_text("\n".join(lines) + "\n")
        try:
            yield Served(url, folder, environment)
        finally:
            process.kill()


def main() -> None:
    told = json.loads(sys.argv[1])
    latency = told.pop("latency")
    with Sandbox(make(Size(**told)), latency=latency) as sandbox:
        sys.stdout.write(sandbox.url + "\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
