"""`python -m channels_assets.sandbox`: what it prints, and that it stops cleanly."""

import signal
import subprocess
import sys

import pytest
import requests

from channels_assets.sandbox import World


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_runs_until_a_signal(stop: signal.Signals) -> None:
    command = [sys.executable, "-m", "channels_assets.sandbox", "--port", "0", "--seed", "9"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            url = process.stdout.readline().strip()
            assert requests.get(url, timeout=5).json()["errcode"] == 40066
            process.send_signal(stop)
            rest, complaints = process.stdout.read(), process.stderr.read()
            process.wait(timeout=5)
        finally:
            process.kill()
    world = World.generate(seed=9)
    assert all(appid in rest for appid in [*world.windows, world.league.appid])
    assert complaints == ""
    assert process.returncode == 0
