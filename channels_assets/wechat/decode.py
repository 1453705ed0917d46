"""From the bytes of an answer to the few values that Python needs: exactly, or not at all.

The columns of the tables come from the same bytes, read by DuckDB's JSON parser. Whatever the two
parsers could read differently (a key twice, NaN, lone surrogates) is refused here, so that the list
that was proven complete in Python is the list that is stored.
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
    """The JSON object in `body`, integers exact.

    Raises UnexpectedResponse with an excerpt, from which `secrets` are removed; None: no excerpt.
    """
    try:
        text = body.decode("utf-8")
        if _SURROGATE.search(body):
            # Escaped pairs are fine; a lone half is no text and can't be stored.
            json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8")
        found = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = "bytes that are not UTF-8" if isinstance(error, UnicodeError) else str(error)
        raise UnexpectedResponse(
            f"The answer is not the API's JSON ({reason}){excerpt(body, secrets)}",
            endpoint=endpoint,
        ) from None
    if not isinstance(found, dict):
        raise UnexpectedResponse(
            f"The answer is JSON but no object{excerpt(body, secrets)}", endpoint=endpoint
        )
    return cast(JsonObject, found)


def excerpt(body: bytes, secrets: Sequence[str] | None) -> str:
    """The end of a sentence that shows the beginning of `body`, without `secrets`; None: not at all."""
    if secrets is None:
        return "."
    text = redact(scrub(body[:65536].decode("utf-8", "replace"), secrets))
    return f": {text[:160]!r}"


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


def item_keys(
    items: Sequence[object], path: Sequence[str], list_field: str, endpoint: str
) -> tuple[str, ...]:
    """The key of each item: the id at `path`, as text with exactly the API's digits.

    Sent as text or as number. Raises UnexpectedResponse for an item without one.
    """
    keys: list[str] = []
    for number, item in enumerate(items):
        found: Any = item
        for name in path:
            found = cast(JsonObject, found).get(name) if isinstance(found, dict) else None
        if type(found) is int and found >= 0:
            found = str(found)
        if not found or type(found) is not str:
            raise _no_key(item, path, f"{list_field}[{number}]", endpoint)
        keys.append(found)
    return tuple(keys)


def _no_key(item: object, path: Sequence[str], name: str, endpoint: str) -> UnexpectedResponse:
    """The error of the first value on the way to the key that is not as it should be."""
    found: Any = item
    for field in path:
        if not isinstance(found, dict) and (found is not None or item is None):
            return _wrong_field(name, "an object", found, endpoint)
        found = cast(JsonObject, found or {}).get(field)
        name += f".{field}"
    return _wrong_field(name, "an id", found, endpoint)


def _wrong_field(name: str, wanted: str, found: object, endpoint: str) -> UnexpectedResponse:
    shown = redact(repr(found))
    if len(shown) > _MAX_SHOWN:
        shown = f"{type(found).__name__} of {len(shown)} characters"
    return UnexpectedResponse(f"Field {name} should be {wanted} but is {shown}.", endpoint=endpoint)
