"""Faults that a test injects: the table of all kinds, and which fault applies to which call."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from channels_assets.sandbox import fault_effects, odd_items
from channels_assets.sandbox.endpoints import TOKEN_PATHS
from channels_assets.sandbox.http_messages import Reply
from channels_assets.sandbox.lists import ALL_PATHS, LISTS, SHOP_ARTICLES, WINDOW_PRODUCTS
from channels_assets.sandbox.models import Json
from channels_assets.sandbox.pages import PageFault


@dataclass(frozen=True)
class FaultKind:
    """One kind of fault: an errcode, or a function that changes the page, the JSON object or the reply."""

    doc: str
    code: int | None = None
    bad_parameter: bool = False
    """Answer with the code that the list uses for a bad parameter."""
    page: PageFault | None = None
    answer: Callable[[Json], Json] | None = None
    reply: Callable[[Reply], Reply] | None = None
    paths: tuple[str, ...] = tuple(LISTS)
    only_with_cursor: bool = False

    @property
    def for_lists(self) -> bool:
        """Whether the fault is possible only in a call that reads a list."""
        return self.bad_parameter or self.page is not None


_WINDOW_PATHS = (WINDOW_PRODUCTS.path,)

KINDS: dict[str, FaultKind] = {
    # Error answers: HTTP 200 and an errcode.
    "system_busy": FaultKind("errcode -1", code=-1),
    "rate_minute": FaultKind("errcode 45011: too many calls in this minute", code=45011),
    "quota_day": FaultKind("errcode 45009: no calls left today", code=45009),
    "token_expired": FaultKind("errcode 42001", code=42001),
    "token_replaced": FaultKind("errcode 40001", code=40001),
    "wrong_account": FaultKind("errcode 48001: the wrong type of account", code=48001),
    "capability_off": FaultKind("errcode 48001 on windows only", code=48001, paths=_WINDOW_PATHS),
    "window_banned": FaultKind("errcode 10022002 on windows", code=10022002, paths=_WINDOW_PATHS),
    "sharer_unbound": FaultKind(
        "errcode 10071029 on article lists", code=10071029, paths=(SHOP_ARTICLES.path,)
    ),
    "cursor_rejected": FaultKind(
        "the list's code for a bad parameter, for calls that send a cursor",
        bad_parameter=True,
        only_with_cursor=True,
    ),
    "ip_not_allowed": FaultKind("errcode 40164 on token calls", code=40164, paths=TOKEN_PATHS),
    "secret_frozen": FaultKind("errcode 40243 on token calls", code=40243, paths=TOKEN_PATHS),
    "unknown_errcode": FaultKind("an errcode that no document lists", code=987654),
    "hint_rid": FaultKind(
        "errcode -1 with ` hint: [...]` instead of ` rid: ...`",
        code=-1,
        answer=fault_effects.hint_for_rid,
    ),
    # Wrong paging: well-formed pages with wrong items or cursors.
    "missing_cursor": FaultKind(
        "no cursor field although more remains", page=fault_effects.no_cursor
    ),
    "empty_cursor_has_more": FaultKind(
        'has_more true with the cursor ""', page=fault_effects.empty_cursor_has_more
    ),
    "frozen_cursor": FaultKind(
        "the cursor after the first page, for ever, with has_more", page=fault_effects.frozen_cursor
    ),
    "cycling_cursor": FaultKind(
        "two cursors in turn: a, b, a, b, with has_more", page=fault_effects.cycling_cursor
    ),
    "short_pages": FaultKind(
        "half a page at a time though more remains", page=fault_effects.short_page
    ),
    "repeat_over_break": FaultKind(
        "each page but the first begins with the last item of the page before",
        page=fault_effects.repeat_over_break,
    ),
    "total_off_by_one": FaultKind(
        "total_num is one too high", page=fault_effects.total_off_by_one, paths=_WINDOW_PATHS
    ),
    "total_zero_by_cursor": FaultKind(
        "total_num is 0 beside last_buffer",
        page=fault_effects.total_of_nothing,
        paths=_WINDOW_PATHS,
        only_with_cursor=True,
    ),
    "total_of_rest_by_cursor": FaultKind(
        "total_num counts what is left, beside last_buffer",
        page=fault_effects.total_of_the_rest,
        paths=_WINDOW_PATHS,
        only_with_cursor=True,
    ),
    "no_total_by_cursor": FaultKind(
        "no total_num beside last_buffer",
        page=fault_effects.no_total,
        paths=_WINDOW_PATHS,
        only_with_cursor=True,
    ),
    # Wrong JSON objects.
    "errcode_string": FaultKind("errcode as a string", answer=fault_effects.errcode_as_string),
    "errcode_missing": FaultKind("no errcode and no errmsg", answer=fault_effects.no_errcode),
    "missing_list": FaultKind("the list field is left out", answer=fault_effects.no_list),
    "no_has_more": FaultKind(
        "has_more is left out",
        answer=fault_effects.no_has_more,
        paths=tuple(path for path, endpoint in LISTS.items() if endpoint.sends_has_more),
    ),
    "no_defaults": FaultKind(
        'fields that are false, 0, "" or empty are left out', answer=fault_effects.no_defaults
    ),
    "nothing_but_ok": FaultKind(
        "errcode and errmsg, and nothing of the list", answer=fault_effects.nothing_but_ok
    ),
    "empty_list_as_object": FaultKind(
        "an empty list is {}", answer=fault_effects.empty_list_as_object
    ),
    "empty_list_as_text": FaultKind('an empty list is ""', answer=fault_effects.empty_list_as_text),
    "nan": FaultKind("NaN for a number of the first item", answer=fault_effects.nan),
    # Odd items in pages that are right.
    "item_without_id": FaultKind("the first item's id is empty", answer=odd_items.without_id),
    "fraction": FaultKind("a fraction for a number of an item", answer=odd_items.with_fraction),
    "text_for_number": FaultKind(
        "a text for a number of an item", answer=odd_items.with_text_for_number
    ),
    "object_for_number": FaultKind(
        "an object for a number of an item", answer=odd_items.with_object_for_number
    ),
    "time_before_1970": FaultKind(
        "a negative time of an item", answer=odd_items.with_time_before_1970
    ),
    "object_for_list": FaultKind(
        "an object for the product_list of an article", answer=odd_items.with_object_for_list
    ),
    "control_characters": FaultKind(
        "raw control characters in a text", reply=odd_items.control_characters
    ),
    "half_emoji": FaultKind("half the bytes of an emoji in a text", reply=odd_items.half_emoji),
    "lone_surrogate": FaultKind("\\ud83d alone in a text", reply=odd_items.lone_surrogate),
    # Wrong bytes.
    "bom": FaultKind("a byte order mark before the JSON", reply=fault_effects.bom),
    "duplicate_keys": FaultKind(
        "the list field twice, empty the second time", reply=fault_effects.duplicate_keys
    ),
    "latin1": FaultKind("an errmsg that is not UTF-8", reply=fault_effects.latin1),
    "truncated_json": FaultKind(
        "a complete answer with half the JSON", reply=fault_effects.half_json
    ),
    "text_plain": FaultKind("the JSON as text/plain", reply=fault_effects.text_plain),
    "http_500": FaultKind("HTTP 500 with HTML", reply=fault_effects.http_500),
    "http_502": FaultKind("HTTP 502 with HTML", reply=fault_effects.http_502),
    "http_403": FaultKind("HTTP 403 with HTML", reply=fault_effects.http_403),
    "http_503": FaultKind("HTTP 503 with HTML and Retry-After: 1", reply=fault_effects.http_503),
    "gateway_json": FaultKind("HTTP 200 with JSON of a gateway", reply=fault_effects.gateway_json),
    "gateway_json_502": FaultKind(
        "HTTP 502 with JSON of a gateway", reply=fault_effects.gateway_json_502
    ),
    "html_200": FaultKind("HTTP 200 with HTML", reply=fault_effects.html_200),
    "redirect": FaultKind("HTTP 302 to another host", reply=fault_effects.redirect),
    # Wrong delivery.
    "truncated": FaultKind("the connection closes in mid-body", reply=fault_effects.cut_off),
    "drop": FaultKind("the connection closes without an answer", reply=fault_effects.drop),
    "hang": FaultKind("no answer until the client leaves", reply=fault_effects.hang),
    "slow": FaultKind("the body arrives slowly, over `Fault.seconds`", reply=fault_effects.slow),
    "huge": FaultKind("64 MB of white space after the JSON", reply=fault_effects.huge),
}


@dataclass(frozen=True)
class Fault:
    """A kind of fault, and the calls it applies to. All conditions must hold."""

    kind: str
    path: str | None = None
    """Endpoint path; None means the default paths of the kind."""
    where: Callable[[Json], bool] | None = None
    """Condition on the request body."""
    appid: str | None = None
    """The calling account."""
    times: int | None = None
    """How many matching calls get the fault; None means all."""
    after: int = 0
    """How many matching calls pass without the fault first."""
    code: int | None = None
    """Answer with this errcode instead of the code of the kind, or instead of a success."""
    text: str | None = None
    """The errmsg of this errcode, without the rid."""
    seconds: float = 2.0
    """Duration of the kind `slow`."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}: one of {', '.join(KINDS)}")
        if self.path is not None and self.path not in ALL_PATHS:
            raise ValueError(f"no such path in the sandbox: {self.path!r}")
        if self.effect.for_lists and self.path is not None and self.path not in LISTS:
            raise ValueError(f"{self.kind} is for lists, not for {self.path}")

    @property
    def effect(self) -> FaultKind:
        """The entry of `KINDS`."""
        return KINDS[self.kind]

    def matches(self, path: str, appid: str, body: Json) -> bool:
        """Whether the fault applies to this call, regardless of `times` and `after`."""
        paths = self.effect.paths if self.path is None else (self.path,)
        if path not in paths or self.appid not in (None, appid):
            return False
        if self.effect.only_with_cursor and not body.get(LISTS[path].cursor_field):
            return False
        return self.where is None or self.where(body)

    def errcode(self, path: str) -> int | None:
        """The errcode of this fault on this path; None if the fault is no error answer."""
        if self.code is not None:
            return self.code
        return LISTS[path].bad_parameter if self.effect.bad_parameter else self.effect.code


class Injected:
    """Handle of an injected fault."""

    def __init__(self, fault: Fault, active: "ActiveFaults") -> None:
        self.fault = fault
        self.seen = 0
        """Matching calls so far."""
        self.hits = 0
        """Calls with the fault so far."""
        self._active = active

    def remove(self) -> None:
        """Remove this fault; nothing happens if it is already removed."""
        self._active.remove(self)

    def count_match(self) -> bool:
        """Count a matching call; return whether it gets the fault."""
        self.seen += 1
        times = self.fault.times
        hit = self.seen > self.fault.after and (times is None or self.hits < times)
        self.hits += hit
        return hit


class ActiveFaults:
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
        """Remove a fault."""
        with self._lock:
            if injected in self._injected:
                self._injected.remove(injected)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._injected = []

    def match(self, path: str, appid: str, body: Json) -> list[Fault]:
        """Count this call for each fault, and return the faults that it gets."""
        with self._lock:
            matching = [
                injected for injected in self._injected if injected.fault.matches(path, appid, body)
            ]
            return [injected.fault for injected in matching if injected.count_match()]
