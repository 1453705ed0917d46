"""Keep the digits of fractions through DuckDB.

Wherever DuckDB takes a part out of a JSON document it writes it anew: 1.10 becomes 1.1 and a number
of 20 decimals loses four. Whole numbers of any length and text stay as they are.
"""

import re

MAYBE_A_FRACTION = r"[:,\[]\s*-?[0-9]+[.eE]"
_MAYBE = re.compile(MAYBE_A_FRACTION)
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?')


def mark_fractions(document: str, mark: str) -> str:
    """The JSON document with each fraction 1.10 as the string "<mark>1.10".

    `mark` must be something that no text from the API begins with; parsing.sql takes it away again.
    Documents without fractions, nearly all, come back as they are.
    """
    if _MAYBE.search(document) is None:
        return document

    def marked(token: re.Match[str]) -> str:
        text = token[0]
        whole = text[0] == '"' or not any(sign in text for sign in ".eE")
        return text if whole else f'"{mark}{text}"'

    return _TOKEN.sub(marked, document)
