"""Lists whose pulling begins before their run, while another run has little to ask the API."""

from __future__ import annotations

from collections.abc import Mapping

from channels_assets.extract.pool import Pulling
from channels_assets.extract.pull import PullTask, Staging


class Ahead:
    """At most one asset's lists, pulled from `begin` on, for the run that will `take` them over.

    A resource of all runs; only the command begins something, since its runs are in one process.
    """

    def __init__(self) -> None:
        self._asset = ""
        self._begun: Pulling[str] | None = None
        self._taken = False

    def begin(
        self, asset: str, tasks: Mapping[str, PullTask], staging: Staging, max_in_flight: int
    ) -> None:
        """To be called once. Calls that others make meanwhile go first."""
        self._asset, self._begun = asset, Pulling(tasks, staging, max_in_flight, behind=True)

    def take(self, asset: str, tasks: Mapping[str, PullTask]) -> Pulling[str] | None:
        """What was begun for this asset, once, and only if it is just these lists."""
        if self._begun is None or self._taken or self._asset != asset:
            return None
        self._taken = True
        if self._begun.keys == frozenset(tasks):
            return self._begun
        self._begun.close()
        return None

    def close(self) -> None:
        """Stops what goes on still; pages that were not loaded can be resumed."""
        if self._begun is not None:
            self._begun.close()
