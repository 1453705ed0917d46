"""From body bytes to checked values, exactly or not at all.

The warehouse reads the same bytes again with DuckDB's JSON parser. Whatever the two parsers could
read differently (a key twice, NaN, lone surrogates) is refused here, so that what was proven in
Python is what gets stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast

from channels_assets.wechat.errors import UnexpectedResponse, redact, strike

_INTEGER = re.compile(r"-?\d+", re.ASCII)
_MILLISECONDS_ABOVE = 100_000_000_000
_YEAR_10000 = 253_402_300_800
_SHOWN = 64
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

JsonObject = Mapping[str, Any]


class _Refused(ValueError):
    pass


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("an object has a key twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is no JSON")


def parse_object(body: bytes, endpoint: str, secrets: Sequence[str] | None = ()) -> JsonObject:
    """The JSON object in `body`, integers exact.

    Raises UnexpectedResponse with an excerpt, in which `secrets` are struck out; None: no excerpt.
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
            f"The answer is not the API's JSON ({reason}){_excerpt(body, secrets)}",
            endpoint=endpoint,
        ) from None
    if not isinstance(found, dict):
        raise UnexpectedResponse(
            f"The answer is JSON but no object{_excerpt(body, secrets)}", endpoint=endpoint
        )
    return cast(JsonObject, found)


def _excerpt(body: bytes, secrets: Sequence[str] | None) -> str:
    if secrets is None:
        return "."
    text = redact(strike(body[:65536].decode("utf-8", "replace"), secrets))
    return f": {text[:160]!r}"


class Fields:
    """One JSON object with typed access; errors name endpoint and field.

    Missing, null and "" are alike for numbers and times; for text, "" stays "". `where` is the name
    that the object goes by, with `number` as one of a list.
    """

    # There is one for every object of every page: no dictionary each, and what an answer usually
    # holds is asked for first.
    __slots__ = ("_number", "_where", "endpoint", "value")

    def __init__(
        self, value: JsonObject, endpoint: str, where: str = "", number: int | None = None
    ) -> None:
        self.value = value
        self.endpoint = endpoint
        self._where = where
        self._number = number

    def _named(self, field: str) -> str:
        if not self._where:
            return field
        number = "" if self._number is None else f"[{self._number}]"
        return f"{self._where}{number}.{field}"

    def _refuse(self, field: str, wanted: str) -> UnexpectedResponse:
        found = self.value.get(field)
        seen = redact(repr(found))
        if len(seen) > _SHOWN:
            seen = f"{type(found).__name__} of {len(seen)} characters"
        return UnexpectedResponse(
            f"Field {self._named(field)} should be {wanted} but is {seen}.", endpoint=self.endpoint
        )

    def id(self, field: str) -> str:
        """A required id, as text with exactly the API's digits; sent as text or as number."""
        found = self.value.get(field)
        if not isinstance(found, str):
            found = self.optional_id(field)
        if not found:
            raise self._refuse(field, "an id")
        return found

    def optional_id(self, field: str) -> str | None:
        found = self.value.get(field)
        if found is None or isinstance(found, str):
            return found
        if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
            return str(found)
        raise self._refuse(field, "an id (text or a whole number)")

    def text(self, field: str) -> str | None:
        found = self.value.get(field)
        if found is None or isinstance(found, str):
            return found
        raise self._refuse(field, "text")

    def integer(self, field: str, bits: int = 64) -> int | None:
        """A signed whole number of at most `bits` bits, 32 or more; sent as number or as digits."""
        found = self.value.get(field)
        if found is None or found == "":
            return None
        if type(found) is int and -(2**31) <= found < 2**31:
            return found
        if isinstance(found, str) and len(found) <= 20 and _INTEGER.fullmatch(found):
            found = int(found)
        if isinstance(found, int) and not isinstance(found, bool):
            limit = 1 << (bits - 1)
            if -limit <= found < limit:
                return found
        raise self._refuse(field, f"a whole number of {bits} bits")

    def time(self, field: str) -> float | None:
        """Epoch seconds; values above 10^11 are milliseconds; 0 and absent are None."""
        found = self.integer(field)
        if not found:
            return None
        seconds = found / 1000 if found > _MILLISECONDS_ABOVE else found
        if not 0 <= seconds < _YEAR_10000:
            raise self._refuse(field, "a unix time")
        return seconds

    def boolean(self, field: str) -> bool | None:
        found = self.value.get(field)
        if found is None or isinstance(found, bool):
            return found
        if found in (0, 1):
            return bool(found)
        raise self._refuse(field, "true or false")

    def object(self, field: str) -> Fields:
        found = self.value.get(field)
        if found is None:
            found = {}
        if not isinstance(found, dict):
            raise self._refuse(field, "an object")
        return Fields(cast(JsonObject, found), self.endpoint, self._named(field))

    def objects(self, field: str) -> list[Fields]:
        """A list of objects; missing or null is an empty one."""
        found = self.value.get(field)
        if found is None:
            return []
        if not isinstance(found, list):
            raise self._refuse(field, "a list")
        items = cast(list[object], found)
        where = self._named(field)
        fields: list[Fields] = []
        for number, item in enumerate(items):
            if not isinstance(item, dict):
                raise UnexpectedResponse(
                    f"{where}[{number}] should be an object but is {type(item).__name__}.",
                    endpoint=self.endpoint,
                )
            fields.append(Fields(cast(JsonObject, item), self.endpoint, where, number))
        return fields
