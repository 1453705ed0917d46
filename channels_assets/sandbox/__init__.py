"""A stand-in for the WeChat API on a real socket, for tests, benchmarks and first steps.

    world = World.generate(seed=7)
    with Sandbox(world) as sandbox:
        requests.post(sandbox.url + "/cgi-bin/stable_token", json={...})

`World` is what exists, `pass_day` changes it as a day would, `Sandbox` serves it, `Fault` makes it
misbehave (kinds: `KINDS`).
"""

from channels_assets.sandbox.call_log import Call
from channels_assets.sandbox.evolution import pass_day
from channels_assets.sandbox.faults import KINDS, Fault, Injected
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
    "World",
    "pass_day",
]
