"""Runs a sandbox until SIGINT or SIGTERM: `python -m channels_assets.sandbox --port 8765`."""

import argparse
import signal
import sys
import threading

from channels_assets.sandbox.server import Sandbox
from channels_assets.sandbox.world import World


def main(arguments: list[str] | None = None) -> int:
    """Serve a generated world; print its URL and its accounts."""
    parser = argparse.ArgumentParser(
        prog="python -m channels_assets.sandbox", description="A stand-in for the WeChat API."
    )
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free port")
    parser.add_argument("--seed", type=int, default=7, help="the same seed, the same world")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    options = parser.parse_args(arguments)

    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())

    world = World.generate(seed=options.seed)
    with Sandbox(world, port=options.port, latency=options.latency) as sandbox:
        sys.stdout.write(_introduction(world, sandbox.url))
        sys.stdout.flush()
        stop.wait()
    return 0


def _introduction(world: World, url: str) -> str:
    """Shows the secrets as well: they are invented, and no client gets a token without them."""
    lines = [url]
    for window in world.windows.values():
        count = len(window.products)
        lines.append(f"window  appid={window.appid}  secret={window.secret}  products={count}")
    league = world.league
    lists = len(league.articles) * len(league.sharers)
    lines.append(f"league  appid={league.appid}  secret={league.secret}  article lists={lists}")
    platform = world.platform
    lines.append(f"platform  appid={platform.appid}  secret={platform.secret}")
    lines.append(f"platform  ticket={platform.ticket}")
    lines.extend(
        f"platform  authorised={appid}  refresh_token={authorisation.refresh_token}"
        for appid, authorisation in platform.authorisations.items()
    )
    lines.extend(f"sharer  appid={sharer['sharer_appid']}" for sharer in league.sharers)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
