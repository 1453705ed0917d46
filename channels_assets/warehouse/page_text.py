"""Pages with text that is no valid JSON: what DuckDB's JSON parser refuses, it gets in another spelling.

WeChat has sent raw control characters in strings, and titles that were cut within an emoji. Control
characters are kept; what is broken becomes U+FFFD, the replacement character, and is counted. Numbers
stay as they were spelled, so that ids keep their digits.

wechat/decode.py reads the same bytes with Python's JSON parser: both must come to the same items.
"""

import re

ODD_TEXT = r"[\x00-\x1f]|\\u[dD][89a-fA-F]|^\x{FEFF}"
"""A regular expression, in DuckDB's dialect, that matches every UTF-8 page that valid_page() would
change, and some others."""
REPLACEMENT = "\ufffd"
_BYTE_ORDER_MARK = "\ufeff"
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_SURROGATES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<alone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|\\.",
    re.DOTALL,
)
"""Escapes in a JSON string: a pair of surrogates, a surrogate alone, any other."""


def valid_page(page: bytes) -> tuple[str, int]:
    """The page as valid JSON text, and how many broken characters became U+FFFD.

    A page that is no JSON for another reason stays so.
    """
    text = page.decode("utf-8", "replace").removeprefix(_BYTE_ORDER_MARK)
    repaired = text.count(REPLACEMENT) - page.count(REPLACEMENT.encode())

    def escape(found: re.Match[str]) -> str:
        nonlocal repaired
        if found["alone"] is None:
            return found[0]
        repaired += 1
        return REPLACEMENT

    def string(found: re.Match[str]) -> str:
        valid = _CONTROL.sub(_escaped, found[0])
        return _SURROGATES.sub(escape, valid) if "\\u" in valid else valid

    return _STRING.sub(string, text), repaired


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
