"""Faults a test injects, and the bookkeeping of which call meets which fault."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from channels_assets.sandbox.endpoints import ALL_PATHS, LISTS
from channels_assets.sandbox.fault_kinds import KINDS, Kind
from channels_assets.sandbox.models import Json


@dataclass(frozen=True)
class Fault:
    """One way to misbehave, and for which calls. All conditions must hold."""

    kind: str
    path: str | None = None
    """Endpoint path; None means the paths that `KINDS` names for this kind."""
    where: Callable[[Json], bool] | None = None
    """Condition on the request body."""
    appid: str | None = None
    """The calling account."""
    times: int | None = None
    """How many matching calls are hit; None means all."""
    after: int = 0
    """How many matching calls are spared first."""
    code: int | None = None
    """Answer with this errcode instead of the kind's own, or instead of success."""
    text: str | None = None
    """The errmsg that goes with it, without the rid."""
    seconds: float = 2.0
    """How long `slow` takes."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}: one of {', '.join(KINDS)}")
        if self.path is not None and self.path not in ALL_PATHS:
            raise ValueError(f"no such path in the sandbox: {self.path!r}")
        if self.effect.for_lists and self.path is not None and self.path not in LISTS:
            raise ValueError(f"{self.kind} is for lists, not for {self.path}")

    @property
    def effect(self) -> Kind:
        """What it does."""
        return KINDS[self.kind]

    def matches(self, path: str, appid: str, body: Json) -> bool:
        """Whether it is meant for this call."""
        paths = self.effect.paths if self.path is None else (self.path,)
        if path not in paths or self.appid not in (None, appid):
            return False
        if self.effect.only_with_cursor and not body.get(LISTS[path].cursor_field):
            return False
        return self.where is None or self.where(body)

    def errcode(self, path: str) -> int | None:
        """The error it answers with on this path, if it is that kind of fault."""
        if self.code is not None:
            return self.code
        return LISTS[path].bad_parameter if self.effect.bad_parameter else self.effect.code


class Injected:
    """The handle of one injected fault."""

    def __init__(self, fault: Fault, plan: "FaultPlan") -> None:
        self.fault = fault
        self.seen = 0
        """Matching calls so far."""
        self.hits = 0
        """Calls that met the fault so far."""
        self._plan = plan

    def remove(self) -> None:
        """End this fault; ending it twice does no harm."""
        self._plan.remove(self)

    def strike(self) -> bool:
        """Count one matching call; whether it is hit."""
        self.seen += 1
        times = self.fault.times
        hit = self.seen > self.fault.after and (times is None or self.hits < times)
        self.hits += hit
        return hit


class FaultPlan:
    """The faults in force, in the order of injection; thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._injected: list[Injected] = []

    def inject(self, fault: Fault) -> Injected:
        """Put a fault in force."""
        injected = Injected(fault, self)
        with self._lock:
            self._injected.append(injected)
        return injected

    def remove(self, injected: Injected) -> None:
        """Take one fault out of force."""
        with self._lock:
            if injected in self._injected:
                self._injected.remove(injected)

    def clear(self) -> None:
        """Take all faults out of force."""
        with self._lock:
            self._injected = []

    def strike(self, path: str, appid: str, body: Json) -> list[Fault]:
        """The faults that this call meets."""
        with self._lock:
            matching = [one for one in self._injected if one.fault.matches(path, appid, body)]
            return [one.fault for one in matching if one.strike()]
