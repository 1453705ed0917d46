"""Cursors: opaque to the caller, bound to the endpoint, account, filters and page size."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

_SALT = b"stand-in cursor"
_OFFSET_BYTES = 6
# With the head every cursor begins with "+/", and 73 bytes in all end in "==": a caller that
# puts a cursor into a URL, or strips its padding, fails at once and not only now and then.
_HEAD = b"\xfb\xff\xff"


def seal(offset: int, binding: Sequence[object]) -> str:
    """A cursor that goes on at this offset, for calls with this binding only."""
    plain = offset.to_bytes(_OFFSET_BYTES, "big")
    tag = _tag(plain, binding)
    return base64.b64encode(_HEAD + _mask(plain, tag) + tag).decode()


def unseal(cursor: str, binding: Sequence[object]) -> int | None:
    """The offset, or None for a cursor that was not made for this binding."""
    try:
        raw = base64.b64decode(cursor, validate=True)
    except (binascii.Error, ValueError):
        return None
    start = len(_HEAD)
    masked, tag = raw[start : start + _OFFSET_BYTES], raw[start + _OFFSET_BYTES :]
    plain = _mask(masked, tag)
    genuine = raw[:start] == _HEAD and hmac.compare_digest(tag, _tag(plain, binding))
    return int.from_bytes(plain, "big") if genuine else None


def _tag(plain: bytes, binding: Sequence[object]) -> bytes:
    return hashlib.sha3_512(_SALT + plain + repr(tuple(binding)).encode()).digest()


def _mask(data: bytes, key: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(data, key, strict=False))
