"""From bytes to values: exactly, or refused with endpoint and field named; never a bare KeyError."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_assets.warehouse.page_text import valid_page
from channels_assets.wechat.decode import Fields, parse_object
from channels_assets.wechat.errors import UnexpectedResponse
from channels_assets.wechat.league import (
    COOPERATING_SHOPS,
    SHARERS,
    SHOP_ARTICLES,
    SHOP_PROMOTERS,
    promoter_type_of,
)
from channels_assets.wechat.paging import Endpoint, ListRequest, page_of_bytes
from channels_assets.wechat.window import WINDOW_PRODUCTS

ENDPOINTS: list[Endpoint[Any]] = [
    WINDOW_PRODUCTS,
    SHOP_ARTICLES,
    COOPERATING_SHOPS,
    SHOP_PROMOTERS,
    SHARERS,
]
NAMES = [
    *("product_id", "appid", "out_product_id", "product_source", "article_info", "article_url"),
    *("product_list", "create_time", "commission_rate", "shop_appid", "promoter_id", "bind_time"),
    *("promoter_type", "sharer_appid", "commission_type", "article_title", "unknown"),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(
    endpoint=st.sampled_from(ENDPOINTS),
    items=VALUES
    | st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), max_size=3),
    rest=st.dictionaries(
        st.sampled_from(["has_more", "total_num", "next_key", "last_buffer"]), VALUES
    ),
)
def test_any_json_is_decoded_or_refused_by_name(
    endpoint: Endpoint[Any], items: object, rest: dict[str, object]
) -> None:
    body = json.dumps({**rest, endpoint.list_field: items}).encode()
    request = ListRequest(endpoint, {"page_size": 1})
    try:
        page = page_of_bytes(request, body)
    except UnexpectedResponse as error:
        assert error.endpoint == endpoint.name  # noqa: PT017 (most examples are refused)
        return
    assert len(page.items) == len(page.keys) == len(items or ())  # type: ignore[arg-type]
    assert all(isinstance(key, str) for key in page.keys)


@given(st.integers(0, 2**66))
def test_ids_keep_their_digits_as_number_and_as_text(number: int) -> None:
    items = [{"product_id": number}, {"product_id": str(number)}, {"product_id": f"0{number}"}]
    assert keys_of(WINDOW_PRODUCTS, items) == (str(number), str(number), f"0{number}")


def keys_of(endpoint: Endpoint[Any], items: object) -> tuple[str, ...]:
    body = json.dumps({endpoint.list_field: items}).encode()
    return page_of_bytes(ListRequest(endpoint, {"page_size": 1}), body).keys


@pytest.mark.parametrize(
    "body",
    [
        b"<html>502</html>",
        b"",
        b"[1]",
        b'{"a":1',
        b'{"a":1,"a":2}',
        b'{"x":{"a":1,"a":2}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"\\ud800":1,"\\ud801":2}',
        b'{"a":1\x08}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 100_000,
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(UnexpectedResponse, match="endpoint some"):
        parse_object(body, "some")


def test_text_survives_unchanged() -> None:
    text = "a'\"; DROP TABLE x; -- 😀 \x00 \u2028 é\ud83d\ude00".encode("utf-16", "surrogatepass")
    sent = text.decode("utf-16")
    for ascii_only in (True, False):
        body = json.dumps({"t": sent}, ensure_ascii=ascii_only).encode()
        assert Fields(parse_object(body, "e"), "e").text("t") == sent


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("integer", 1.5),
        ("integer", "1.5"),
        ("integer", 2**63),
        ("integer", True),
        ("integer", " 1"),
        ("text", 5),
        ("boolean", "yes"),
        ("items", {"a": 1}),
        ("items", "a"),
        ("object", []),
    ],
)
def test_wrong_values_are_refused_by_field_and_endpoint(method: str, sent: object) -> None:
    fields = Fields({"field": sent}, "some_endpoint", "quota")
    with pytest.raises(UnexpectedResponse, match=r"quota\.field should be.*some_endpoint"):
        getattr(fields, method)("field")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"t":"a\x08\x1b\n\tb\x00"}', "a\x08\x1b\n\tb\0"),
        (b'{"t":"a\xf0\x9f"}', "a\ufffd"),
        (b'{"t":"a\xffb"}', "a\ufffdb"),
        (rb'{"t":"\ud83d"}', "\ufffd"),
        (rb'{"t":"\ude00\ud83dx\ud83d\ude00\\ud83d"}', "\ufffd\ufffdx😀\\ud83d"),
        (b'\xef\xbb\xbf{"t":"a"}', "a"),
        (b'{"x":[{"\\ud83d":"\\ud83d"}],"t":"\xed\xa0\xbd"}', "\ufffd\ufffd\ufffd"),
    ],
)
def test_odd_text_is_read(body: bytes, text: str) -> None:
    assert Fields(parse_object(body, "e"), "e").text("t") == text
    page, repaired = valid_page(body)
    assert json.loads(page) == parse_object(body, "e")
    assert (repaired > 0) == ("\ufffd" in page)


@pytest.mark.parametrize(
    "item",
    [
        *({"product_id": sent} for sent in ("", None, 1.0, True, -1, [], {})),
        *({}, None, 1, "1", []),
    ],
)
def test_an_item_without_an_id_has_no_key(item: object) -> None:
    assert keys_of(WINDOW_PRODUCTS, [{"product_id": 1}, item]) == ("1", "")


@pytest.mark.parametrize(
    "article",
    [
        {"article_info": {"article_url": {}}},
        {"article_info": {}},
        {"article_info": None},
        {"article_info": "u"},
    ],
)
def test_an_article_without_an_address_has_no_key(article: object) -> None:
    whole = {"article_info": {"article_url": "whole"}}
    assert keys_of(SHOP_ARTICLES, [whole, article]) == ("whole", "")


@pytest.mark.parametrize(
    ("sent", "number"), [(4, 4), ("4", 4), (None, 0), ("", 0), ("x", 0), (4.5, 0)]
)
def test_the_type_of_a_promoter_is_a_number(sent: Any, number: int) -> None:  # noqa: ANN401
    assert promoter_type_of({"promoter_id": "1", "promoter_type": sent}) == number
