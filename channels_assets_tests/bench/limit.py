"""`make bench-limit`: how near the pace comes to a limit that nobody tells it, over a real socket.

The sandbox, in a process of its own, answers 45011 to an account above R calls within any second.
The real pool pulls windows from it, each account with its own client, in one worker process or in
several that know nothing of each other. What is counted is what the sandbox saw, by its clock; the
first seconds after a start or a change are its settling. Time in which the machine ran nothing of
this, neither caller nor sandbox, is not counted.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Protocol, cast

import click
from rich.console import Console
from rich.table import Table

from channels_assets.extract.pool import pull_all
from channels_assets.extract.pull import PageFolder, Pulled, PullTask
from channels_assets.sandbox import Sandbox
from channels_assets.wechat.auth.stable_token import StableToken
from channels_assets.wechat.client import Client, Stopped
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import WINDOW_PRODUCTS, window_products
from channels_assets_tests.bench.world import Size, make

LATENCY = 0.05
_PAGE, _PRODUCTS = 10, 500
_TOO_FAST = 45011
_TICK, _PAUSE = 0.05, 0.3
_START_SECONDS = 120
_SPAWN = get_context("spawn")

Pause = tuple[float, float]


@dataclass(frozen=True)
class Phase:
    """From `start` to `end` the limit was `limit`: the moments of calls taken, and of refused ones."""

    limit: int
    start: float
    end: float
    taken: Sequence[float]
    refused: Sequence[float]
    pauses: Sequence[Pause]
    """When the machine stood still."""

    def after(self, seconds: float) -> Phase:
        """Without its first seconds."""
        start = self.start + seconds
        taken, refused = (
            [moment for moment in moments if moment >= start]
            for moments in (self.taken, self.refused)
        )
        return replace(self, start=start, taken=taken, refused=refused)

    @property
    def stood_still(self) -> float:
        return sum(max(0.0, min(self.end, end) - max(self.start, at)) for at, end in self.pauses)

    @property
    def rate(self) -> float:
        """Calls taken a second."""
        return len(self.taken) / (self.end - self.start - self.stood_still)

    @property
    def share_refused(self) -> float:
        return len(self.refused) / max(1, len(self.refused) + len(self.taken))


class Server:
    """What runs in the sandbox's process."""

    def __init__(self, accounts: int) -> None:
        self._sandbox = Sandbox(make(_size(accounts)), latency=LATENCY).__enter__()

    def url(self) -> str:
        return self._sandbox.url

    def limit_second(self, appid: str, calls: int) -> None:
        self._sandbox.limit_second(appid, calls)

    def seen(self) -> list[tuple[str, float, int]]:
        """Account, moment and errcode of each call for products that was answered."""
        calls = self._sandbox.calls_to(WINDOW_PRODUCTS.path)
        return [(call.appid, call.at, call.errcode) for call in calls if call.status]


class Serving(Protocol):
    """The same from another process."""

    def url(self) -> str: ...
    def limit_second(self, appid: str, calls: int) -> None: ...
    def seen(self) -> list[tuple[str, float, int]]: ...


class _Manager(BaseManager):
    pass


_Manager.register("serve", Server)


def _size(accounts: int) -> Size:
    return Size(windows=accounts, products=_PRODUCTS, lists=0)


def follow(
    limits: Sequence[Sequence[int]], seconds: Sequence[float], in_flight: int = 32, workers: int = 1
) -> list[list[Phase]]:
    """For each account, what the sandbox saw of it in each phase.

    `limits`: for each account its limit in each phase. `seconds`: how long each phase is.
    """
    with _Manager(ctx=_SPAWN) as manager, tempfile.TemporaryDirectory() as folder:
        server = cast("Serving", manager.serve(len(limits)))  # pyright: ignore
        secrets = {
            window.appid: window.secret for window in make(_size(len(limits))).windows.values()
        }
        for appid, of_account in zip(secrets, limits, strict=True):
            server.limit_second(appid, of_account[0])
        moments: list[float] = []
        pauses: list[Pause] = []
        with _workers(workers, server.url(), secrets, Path(folder), in_flight):
            for number, length in enumerate(seconds):
                for appid, of_account in zip(secrets, limits, strict=True):
                    server.limit_second(appid, of_account[number])
                moments.append(time.time())
                pauses += _sleep(length)
            moments.append(time.time())
        seen = server.seen()
    return [
        [
            Phase(
                limit,
                start,
                end,
                taken=_moments(seen, appid, 0, start, end),
                refused=_moments(seen, appid, _TOO_FAST, start, end),
                pauses=pauses,
            )
            for limit, (start, end) in zip(item, pairwise(moments), strict=True)
        ]
        for appid, item in zip(secrets, limits, strict=True)
    ]


@contextmanager
def _workers(
    number: int, url: str, secrets: Mapping[str, str], folder: Path, in_flight: int
) -> Iterator[None]:
    """So many processes that pull; they begin together, once all are ready."""
    ready, stop = _SPAWN.Barrier(number + 1), _SPAWN.Event()
    processes = [
        _SPAWN.Process(
            target=_work, args=(url, dict(secrets), folder / str(worker), in_flight, ready, stop)
        )
        for worker in range(number)
    ]
    for process in processes:
        process.start()
    try:
        ready.wait(_START_SECONDS)
        yield
    finally:
        stop.set()
        for process in processes:
            process.join()
    assert [process.exitcode for process in processes] == [0] * number


def _work(
    url: str,
    secrets: Mapping[str, str],
    folder: Path,
    in_flight: int,
    ready: Barrier,
    stop: threading.Event,
) -> None:
    clients = _clients(url, secrets, in_flight)
    ready.wait()
    _pull(clients, folder, in_flight, stop)


def _sleep(seconds: float) -> list[Pause]:
    """Sleeps until the machine has run for so long; returns when it did not."""
    pauses: list[Pause] = []
    slept, before = 0.0, time.time()
    while slept < seconds:
        time.sleep(_TICK)
        now = time.time()
        if now - before > _PAUSE:
            pauses.append((before, now))
        else:
            slept += now - before
        before = now
    return pauses


def _moments(
    seen: Sequence[tuple[str, float, int]], appid: str, code: int, start: float, end: float
) -> list[float]:
    return [
        at for who, at, errcode in seen if (who, errcode) == (appid, code) and start <= at < end
    ]


def _clients(url: str, secrets: Mapping[str, str], in_flight: int) -> dict[str, Client]:
    transport = RequestsTransport(in_flight)
    return {
        appid: Client(transport, url, StableToken(transport, url, appid, lambda s=secret: s))
        for appid, secret in secrets.items()
    }


def _pull(
    clients: Mapping[str, Client], folder: Path, in_flight: int, stop: threading.Event
) -> None:
    """The accounts' windows again and again, in turns, until it is told to stop."""
    request = window_products(page_size=_PAGE)
    tasks = {
        (appid, again): PullTask("window_products", appid, client, request)
        for again in range(2000)
        for appid, client in clients.items()
    }
    with (
        suppress(Stopped),
        closing(pull_all(tasks, PageFolder(folder), in_flight, stop)) as batches,
    ):
        for batch in batches:
            for item in batch:
                if isinstance(item.result, Pulled):
                    item.result.page_file.discard()
                elif not isinstance(item.result, Stopped):
                    raise item.result


@dataclass(frozen=True)
class Case:
    """`limits`: for each account its limit in each phase. Seconds of each phase, and to settle."""

    limits: Sequence[Sequence[int]]
    seconds: Sequence[float]
    settling: Sequence[float]


CASES = (
    *(Case([[limit]], [40], [10]) for limit in (20, 100, 400)),
    *(Case([[limit], [400]], [40], [10]) for limit in (20, 100)),
    # A raised limit must be found without being refused again and again.
    Case([[100, 400], [400, 100]], [30, 70], [10, 50]),
    Case([[20, 400], [400, 20]], [30, 70], [10, 50]),
)


@click.command()
@click.option("--in-flight", default=32, show_default=True)
def main(in_flight: int) -> None:
    table = Table(box=None, header_style="bold")
    for heading in ("beside", "limit R", "before", "settled, calls/s", "of R", "refused"):
        table.add_column(heading, justify="right")
    stood_still = 0.0
    for case in CASES:
        followed = follow(case.limits, case.seconds, in_flight)
        for number, phases in enumerate(followed):
            others = [item for place, item in enumerate(case.limits) if place != number]
            for place, (phase, settling) in enumerate(zip(phases, case.settling, strict=True)):
                rate = phase.after(settling).rate
                table.add_row(
                    ", ".join(str(other[place]) for other in others),
                    str(phase.limit),
                    str(phases[place - 1].limit) if place else "",
                    f"{rate:.1f}",
                    f"{rate / phase.limit:.0%}",
                    f"{phase.share_refused:.1%}",
                )
        stood_still += sum(phase.stood_still for phase in followed[0])
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{stood_still:.1f} s in which the machine stood still are not counted")


if __name__ == "__main__":
    main()
