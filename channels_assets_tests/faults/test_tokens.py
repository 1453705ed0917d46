"""Tokens that end in mid-walk: the walk goes on with a new one, from the page where it was."""

from __future__ import annotations

import pytest

from channels_assets.sandbox import Call
from channels_assets.wechat.errors import PermissionDenied
from channels_assets_tests.faults.bench import TOKEN_PATH, Bench
from channels_assets_tests.faults.lists import LISTS, PAGES


@pytest.mark.parametrize("page", [1, 2, PAGES])
@pytest.mark.parametrize("end", ["expire_tokens", "revoke_tokens"])
@pytest.mark.parametrize("letter", LISTS)
def test_a_token_that_ends_in_mid_walk_costs_one_call_more(
    bench: Bench, letter: str, end: str, page: int
) -> None:
    listing = LISTS[letter]
    bench.start_over(listing)
    seen: list[Call] = []

    def on_call(call: Call) -> None:
        if call.path == listing.endpoint.path:
            seen.append(call)
            if len(seen) == page:
                getattr(bench.sandbox, end)()

    bench.on_call = on_call
    attempt = bench.refresh(listing)
    assert listing.stored(bench.con) == bench.truth(listing)
    assert attempt.data_calls == PAGES + 1
    assert attempt.token_calls == 2
    assert attempt.pulled.api_calls == PAGES + 1


@pytest.mark.parametrize("letter", LISTS)
def test_a_token_that_ends_at_every_page_is_renewed_at_every_page(
    bench: Bench, letter: str
) -> None:
    listing = LISTS[letter]
    bench.start_over(listing)
    seen: list[Call] = []

    def on_call(call: Call) -> None:
        if call.path == listing.endpoint.path:
            seen.append(call)
            if len(seen) % 2:
                bench.sandbox.expire_tokens()

    bench.on_call = on_call
    attempt = bench.refresh(listing)
    assert listing.stored(bench.con) == bench.truth(listing)
    assert attempt.data_calls == 2 * PAGES
    assert attempt.token_calls == 1 + PAGES


@pytest.mark.parametrize("letter", LISTS)
def test_a_token_that_ends_while_no_new_one_can_be_had_keeps_the_old_rows(
    bench: Bench, letter: str
) -> None:
    """The secret is changed in the console in mid-walk: said as what it is, after one call."""
    listing = LISTS[letter]
    before = bench.start_over(listing)
    calls: list[str] = []

    def on_call(call: Call) -> None:
        calls.append(call.path)
        if calls.count(listing.endpoint.path) == 2:
            bench.sandbox.expire_tokens()
            for window in bench.world.windows.values():
                window.secret = "another"
            bench.world.league.secret = "another"

    bench.on_call = on_call
    attempt = bench.refresh(listing)
    assert isinstance(attempt.error, PermissionDenied)
    said = str(attempt.error)
    for word in ("errcode 40125", "secret_env", "AppSecret 有误", "endpoint stable_token", "rid "):
        assert word in said
    assert (attempt.data_calls, attempt.token_calls) == (2, 2)
    assert calls[-1] == TOKEN_PATH
    assert listing.stored(bench.con) == before
