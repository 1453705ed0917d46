"""Lists whose pulling begins before their run, while another run has little to ask the API."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from channels_assets.config import Settings
from channels_assets.extract.pool import Pulling
from channels_assets.extract.pull import PullTask, Staging


def may_begin(settings: Settings) -> bool:
    """Not where each call of an account must be known to the others: one that is a window's and the
    agency's, or that other machines call with, too."""
    agency = settings.league.appid if settings.league else None
    shared = any(window.appid == agency for window in settings.window)
    return settings.api.limits_env is None and not shared


class Ahead:
    """Lists of an asset, pulled from `begin` on, for the run that will `take` them over.

    A resource of all runs; only the command begins something, since its runs are in one process.
    """

    def __init__(self) -> None:
        self._begun: dict[str, Pulling[str]] = {}
        self._taken: set[str] = set()

    def begin(
        self, asset: str, tasks: Mapping[str, PullTask], staging: Staging, max_in_flight: int
    ) -> None:
        """Once for an asset. Calls that others make meanwhile go first."""
        # Known before it starts: Ctrl-C may come in the middle of that.
        self._begun[asset] = Pulling(tasks, staging, max_in_flight, behind=True)
        self._begun[asset].start()

    def take(self, asset: str, tasks: Mapping[str, PullTask]) -> Pulling[str] | None:
        """What was begun for this asset, once, and only if it is just these lists."""
        begun = self._begun.get(asset)
        if begun is None or asset in self._taken:
            return None
        self._taken.add(asset)
        if _lists(begun.tasks) == _lists(tasks):
            return begun
        begun.close()
        return None

    def close(self) -> None:
        """Stops what goes on still; pages that were not loaded can be resumed."""
        with ExitStack() as stack:
            # All are told before one is waited for.
            for begun in self._begun.values():
                stack.callback(begun.close)
                begun.stop()


def _lists(tasks: Mapping[str, PullTask]) -> dict[str, tuple[str, str, object]]:
    return {key: (task.name, task.account, task.request) for key, task in tasks.items()}
