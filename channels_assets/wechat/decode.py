"""From the bytes of an answer to the few values that Python needs: exactly, or not at all.

The columns of the tables come from the same bytes, read by DuckDB's JSON parser. What the two parsers
could read differently (a key twice, NaN) is refused here, so that the list that was proven complete in
Python is the list that is stored. Text that is odd alone is read: raw control characters as they are, a
broken character as U+FFFD. warehouse/page_text.py does the same for DuckDB.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast

from channels_assets.wechat.errors import UnexpectedResponse
from channels_assets.wechat.redaction import redact, scrub

_INTEGER = re.compile(r"-?\d{1,19}", re.ASCII)
_MAX_SHOWN = 64
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

JsonObject = Mapping[str, Any]


class _InvalidJson(ValueError):
    pass


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _InvalidJson("an object has a key twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise _InvalidJson(f"{name} is no JSON")


def parse_object(body: bytes, endpoint: str, secrets: Sequence[str] | None = ()) -> JsonObject:
    """The JSON object in `body`, integers exact, broken characters as U+FFFD.

    Raises UnexpectedResponse with an excerpt, from which `secrets` are removed; None: no excerpt.
    """
    try:
        found = json.loads(
            body.decode("utf-8-sig", "replace"),
            strict=False,
            object_pairs_hook=_unique_keys,
            parse_constant=_no_constant,
        )
        if _SURROGATE.search(body):
            found = _without_lone_surrogates(found)
    except (ValueError, RecursionError) as error:
        raise UnexpectedResponse(
            f"The answer is not the API's JSON ({error}){excerpt(body, secrets)}",
            endpoint=endpoint,
        ) from None
    if not isinstance(found, dict):
        raise UnexpectedResponse(
            f"The answer is JSON but no object{excerpt(body, secrets)}", endpoint=endpoint
        )
    return cast(JsonObject, found)


def _without_lone_surrogates(value: object) -> object:
    """Escaped pairs are fine; half a pair is no text and can't be stored."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in cast(list[object], value)]
    if isinstance(value, dict):
        pairs = cast(dict[str, object], value).items()
        repaired = [(str(_without_lone_surrogates(key)), item) for key, item in pairs]
        return {key: _without_lone_surrogates(item) for key, item in _unique_keys(repaired).items()}
    return value


def excerpt(body: bytes, secrets: Sequence[str] | None) -> str:
    """The end of a sentence that shows the beginning of `body`, without `secrets`; None: not at all."""
    if secrets is None:
        return "."
    text = redact(scrub(body[:65536].decode("utf-8", "replace"), secrets))
    return f": {text[:160]!r}."


class Fields:
    """One JSON object with typed access; errors name endpoint and field.

    Missing, null and "" are alike for numbers; for text, "" stays "". `name` is that of the object
    within the answer.
    """

    def __init__(self, value: JsonObject, endpoint: str, name: str = "") -> None:
        self.value = value
        self.endpoint = endpoint
        self._prefix = f"{name}." if name else ""

    def _refuse(self, field: str, wanted: str) -> UnexpectedResponse:
        return _wrong_field(self._prefix + field, wanted, self.value.get(field), self.endpoint)

    def text(self, field: str) -> str | None:
        found = self.value.get(field)
        if found is None or isinstance(found, str):
            return found
        raise self._refuse(field, "text")

    def integer(self, field: str) -> int | None:
        """A signed whole number of 64 bits; sent as number or as digits."""
        found = self.value.get(field)
        if found is None or found == "":
            return None
        if isinstance(found, str) and _INTEGER.fullmatch(found):
            found = int(found)
        if isinstance(found, int) and not isinstance(found, bool) and -(2**63) <= found < 2**63:
            return found
        raise self._refuse(field, "a whole number of 64 bits")

    def boolean(self, field: str) -> bool | None:
        found = self.value.get(field)
        if found == "":
            return None
        if found is None or isinstance(found, bool):
            return found
        if found in (0, 1):
            return bool(found)
        raise self._refuse(field, "true or false")

    def object(self, field: str) -> Fields:
        """An object; missing or null is an empty one."""
        found = self.value.get(field)
        if found is None:
            found = {}
        if not isinstance(found, dict):
            raise self._refuse(field, "an object")
        return Fields(cast(JsonObject, found), self.endpoint, self._prefix + field)

    def items(self, field: str) -> list[object]:
        """A list, its items as they are; missing, null, "" or {} is an empty one."""
        found = self.value.get(field)
        if found is None or found in ("", {}):
            return []
        if not isinstance(found, list):
            raise self._refuse(field, "a list")
        return cast(list[object], found)


def item_keys(items: Sequence[object], path: Sequence[str]) -> tuple[str, ...]:
    """The key of each item: the id at `path`, as text with exactly the API's digits.

    Sent as text or as number; "" for an item without one, which the load rejects.
    """
    keys: list[str] = []
    for item in items:
        found: Any = item
        for name in path:
            found = cast(JsonObject, found).get(name) if isinstance(found, dict) else None
        if type(found) is int and found >= 0:
            found = str(found)
        keys.append(found if type(found) is str else "")
    return tuple(keys)


def _wrong_field(name: str, wanted: str, found: object, endpoint: str) -> UnexpectedResponse:
    shown = redact(repr(found))
    if len(shown) > _MAX_SHOWN:
        shown = f"{type(found).__name__} of {len(shown)} characters"
    return UnexpectedResponse(f"Field {name} should be {wanted} but is {shown}.", endpoint=endpoint)
