"""A stand-in for the WeChat API on a real socket, for tests, benchmarks and a first try.

    world = World.generate(seed=7)
    with Sandbox(world) as sandbox:
        requests.post(sandbox.url + "/cgi-bin/stable_token", json={...})

`World` holds all accounts and lists, `pass_day` changes them as a day would, `Sandbox` serves them,
and a `Fault` makes some calls go wrong (kinds: `KINDS`).

To add an endpoint: its path, fields and answer in `lists`, data of its own in `models` and `generator`.
To add a fault: its row in `faults`, its function in `fault_effects`.
"""

from channels_assets.sandbox.call_log import Call
from channels_assets.sandbox.evolution import pass_day
from channels_assets.sandbox.faults import KINDS, Fault, Injected
from channels_assets.sandbox.lists import WindowEnd
from channels_assets.sandbox.models import Authorisation, League, Platform, Window
from channels_assets.sandbox.server import Sandbox
from channels_assets.sandbox.world import World

__all__ = [
    "KINDS",
    "Authorisation",
    "Call",
    "Fault",
    "Injected",
    "League",
    "Platform",
    "Sandbox",
    "Window",
    "WindowEnd",
    "World",
    "pass_day",
]
