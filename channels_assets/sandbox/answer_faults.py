"""Faults of the JSON object: fields of another type, missing, or impossible."""

import re

from channels_assets.sandbox.models import Json

_RID = re.compile(r" rid: ([0-9a-f]{8})[-0-9a-f]*$")


def hint_for_rid(answer: Json) -> Json:
    """End the errmsg the way older answers do."""
    hint = _RID.sub(r" hint: [\1_4cb7rn2a]", answer["errmsg"])
    return {**answer, "errmsg": hint}


def errcode_as_string(answer: Json) -> Json:
    """Send the errcode, be it success or error, as a string."""
    return {**answer, "errcode": str(answer.get("errcode", 0))}


def no_errcode(answer: Json) -> Json:
    """Leave out errcode and errmsg, as some calls do on success."""
    return {name: value for name, value in answer.items() if name not in ("errcode", "errmsg")}


def no_list(answer: Json) -> Json:
    """Leave out the list."""
    return {name: value for name, value in answer.items() if not isinstance(value, list)}


def nan(answer: Json) -> Json:
    """Put NaN, which is not JSON, into the first item."""
    for name, value in answer.items():
        if isinstance(value, list) and value:
            first = {**value[0], _number_field(value[0]): float("nan")}
            return {**answer, name: [first, *value[1:]]}
    return {**answer, "total_num": float("nan")}


def _number_field(item: Json) -> str:
    return next((name for name, value in item.items() if type(value) is int), "product_source")
