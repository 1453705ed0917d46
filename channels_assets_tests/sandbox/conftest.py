"""A world and a sandbox for all tests here, and callers with tokens."""

from collections.abc import Iterator

import pytest

from channels_assets.sandbox import Sandbox, World
from channels_assets_tests.sandbox.callers import Caller


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_760_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world() -> World:
    return World.generate(seed=7)


@pytest.fixture
def sandbox(world: World, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(world, clock=clock) as running:
        yield running


@pytest.fixture
def window(sandbox: Sandbox) -> Caller:
    """The account of the largest window, with a token."""
    account = next(iter(sandbox.world.windows.values()))
    return Caller(sandbox, account.appid, account.secret).log_in()


@pytest.fixture
def league(sandbox: Sandbox) -> Caller:
    """The agency, with a token."""
    account = sandbox.world.league
    return Caller(sandbox, account.appid, account.secret).log_in()
