"""Makes screenshots small: the same picture with a palette, by the standard library alone."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def with_palette(png: bytes, colours: int = 256) -> bytes:
    """Keeps the commonest colours, vivid ones first; other pixels get the nearest of them."""
    chunks = list(_chunks(png))
    header = next(body for name, body in chunks if name == b"IHDR")
    width, height, depth, kind, *_ = struct.unpack(">IIBBBBB", header)
    assert (depth, kind) in {(8, 2), (8, 6)}, "8 bits of RGB or RGBA, as browsers write"
    data = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    size = 3 if kind == 2 else 4
    rows = [
        [row[at : at + 3] for at in range(0, len(row), size)]
        for row in _rows(data, width * size, size)
    ]
    counted = Counter(pixel for row in rows for pixel in row)
    palette = sorted(counted, key=lambda c: counted[c] * (1 + max(c) - min(c)))[-colours:]
    nearest = {
        colour: min(range(len(palette)), key=lambda n, c=colour: _distance(palette[n], c))
        for colour in counted
    }
    lines = b"".join(b"\0" + bytes(nearest[pixel] for pixel in row) for row in rows)
    return _SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(palette)),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _distance(item: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(item, other, strict=True))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _rows(data: bytes, length: int, size: int) -> Iterator[bytes]:
    """The lines of pixels, with PNG's filters undone."""
    above = bytes(length)
    for start in range(0, len(data), length + 1):
        method, line = data[start], bytearray(data[start + 1 : start + 1 + length])
        for n in range(length):
            left, corner = (line[n - size], above[n - size]) if n >= size else (0, 0)
            line[n] = (line[n] + _predicted(method, left, above[n], corner)) & 255
        above = bytes(line)
        yield above


def _predicted(method: int, left: int, up: int, corner: int) -> int:
    if method == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda item: abs(guess - item))
    return (0, left, up, (left + up) // 2)[method]
