"""Errors by what the caller does, with rid and remedy, and without secrets."""

from __future__ import annotations

import re

import pytest

from channels_assets.wechat.errcodes import RULES, error_for
from channels_assets.wechat.errors import (
    BadRequest,
    PermissionDenied,
    QuotaExhausted,
    RateLimited,
    TokenRejected,
    Transient,
    UnexpectedResponse,
    WeChatError,
)
from channels_assets.wechat.redaction import redact, scrubbed_errors
from channels_assets_tests.docs import errors_page as errors_table


@pytest.mark.parametrize(
    ("errcode", "expected"),
    [
        (-1, Transient),
        (45011, RateLimited),
        (300000, RateLimited),
        (45009, QuotaExhausted),
        (40001, TokenRejected),
        (42001, TokenRejected),
        (40164, PermissionDenied),
        (48001, PermissionDenied),
        (10022002, PermissionDenied),
        (10071029, PermissionDenied),
        (10071030, Transient),
        (10024000, BadRequest),
        (47001, BadRequest),
        (987654, BadRequest),
    ],
)
def test_errcodes_by_what_the_caller_does(errcode: int, expected: type[WeChatError]) -> None:
    assert type(error_for(errcode, "x", "e")) is expected


def test_every_rule_says_what_to_do_in_both_languages() -> None:
    for errcode, rule in RULES.items():
        assert rule.meaning, errcode
        assert rule.remedy, errcode
        assert rule.remedy_zh, errcode


@pytest.mark.parametrize(
    ("errmsg", "text", "rid"),
    [
        ("参数错误 rid: 67860a00-12345678-0a1b2c3d", "参数错误", "67860a00-12345678-0a1b2c3d"),
        ("busy, rid: 67860a00-1-2", "busy", "67860a00-1-2"),
        ("busy hint: [abc rid x]", "busy", ""),
        ("plain", "plain", ""),
    ],
)
def test_rid_is_taken_out_of_errmsg(errmsg: str, text: str, rid: str) -> None:
    error = error_for(-1, errmsg, "e")
    assert (error.errmsg, error.rid) == (text, rid)
    assert "[errcode -1" in str(error)


def test_secrets_are_scrubbed_from_errors_raw_and_encoded() -> None:
    secret = "a/b+c=d"
    seen = UnexpectedResponse(f"seen {secret} and a%2Fb%2Bc%3Dd", endpoint="e", rid="r")
    seen.connection, seen.retry_after = "lost", 7.0
    with pytest.raises(UnexpectedResponse) as caught, scrubbed_errors(secret):
        raise seen
    assert (caught.value.connection, caught.value.retry_after) == ("lost", 7.0)
    assert secret not in str(caught.value)
    assert "%2F" not in str(caught.value)
    assert (caught.value.endpoint, caught.value.rid) == ("e", "r")


@pytest.mark.parametrize(
    "text",
    [
        "https://x/?access_token=SECRET&b=1",
        '{"secret": "SECRET"}',
        "appsecret=SECRET",
        r'"{\"access_token\":\"SECRET\"}"',
        "access_token&quot;:&quot;SECRET&quot;",
        "access_token%22%3A%22SECRET%22",
    ],
)
def test_redact_hides_values_of_token_like_names(text: str) -> None:
    assert "SECRET" not in redact(text)


def test_the_errors_table_in_docs_is_up_to_date() -> None:
    assert errors_table.PATH.read_text("utf-8") == errors_table.table(), "run `make docs`"
    for code in RULES:
        assert re.search(rf"^\|[^|]*(?<![-\d]){code}\b", errors_table.table(), re.MULTILINE), code
