"""Every fault on every list: exactly the truth or exactly the old rows, never a shorter table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_assets.sandbox import KINDS, Fault
from channels_assets.wechat import transport
from channels_assets.wechat.auth import token_cache
from channels_assets_tests.faults.bench import TOKEN_PATH, Bench
from channels_assets_tests.faults.lists import LISTS, PAGE_SIZE, Listing
from channels_assets_tests.faults.lists import Row as StoredRow
from channels_assets_tests.faults.table import (
    ALWAYS,
    NOT_TOLD_APART,
    ROWS,
    Outcome,
    Row,
    undisturbed,
)


def cases() -> Iterator[Any]:
    for row in ROWS:
        for letter in row.lists:
            for page in row.at:
                hit = "always" if row.times is ALWAYS else f"{row.times}x"
                way = "-token" if row.path else ""
                name = f"{row.kind}{way}-{letter}-page{page}-{hit}"
                yield pytest.param(row, LISTS[letter], page, id=name)


@pytest.mark.parametrize(("row", "listing", "page"), list(cases()))
def test_fault(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, row: Row, listing: Listing, page: int
) -> None:
    make_small(monkeypatch, row)
    before = bench.start_over(listing)
    kind = KINDS[row.kind]
    spared = page - 1 - kind.only_with_cursor
    path = row.path or (listing.endpoint.path if listing.endpoint.path in kind.paths else None)
    bench.sandbox.inject(
        Fault(row.kind, path=path, after=spared, times=row.times, seconds=row.seconds)
    )
    attempt = bench.refresh(listing)

    outcome = row.outcome
    expected_rows = expected(bench, listing, outcome, page) if outcome.error is None else before
    assert listing.stored(bench.con) == expected_rows
    if outcome.error is None:
        # A sandbox that trickled hangs up: the next call may meet a connection that is closing.
        unseen = attempt.pulled.api_calls - attempt.data_calls
        assert unseen in ((0, 1) if row.kind == "slow" else (0,))
    else:
        assert type(attempt.error) is outcome.error
        said = str(attempt.error)
        asks_token = path == TOKEN_PATH or TOKEN_PATH in kind.paths
        endpoint = "stable_token" if asks_token else listing.endpoint.name
        assert [word for word in (*outcome.words, f"endpoint {endpoint}") if word not in said] == []
        assert attempt.error.api_calls == attempt.data_calls
        assert [secret for secret in bench.sandbox.tokens if secret in said] == []
    expected_calls = outcome.calls(page - 1)
    if outcome.about:
        assert attempt.data_calls <= expected_calls
    else:
        assert attempt.data_calls == expected_calls
    assert attempt.token_calls == outcome.token_calls
    assert bool(attempt.waits) == (row.kind == "rate_minute")

    if outcome.error is not None and page == 2 and listing.letter in "AC":
        # What it left behind must not keep the next refresh from being whole.
        bench.sandbox.clear_faults()
        assert bench.refresh(listing).pulled.end_reason
        assert listing.stored(bench.con) == bench.truth(listing)


def expected(bench: Bench, listing: Listing, outcome: Outcome, page: int) -> list[StoredRow]:
    """The truth, where the first item of this page and of those behind it may be odd."""
    if outcome.change is None:
        return bench.truth(listing)
    rows: list[StoredRow] = []
    for number, item in enumerate(listing.sent(bench.world)):
        is_struck = number % PAGE_SIZE == 0 and number >= (page - 1) * PAGE_SIZE
        row = outcome.change(listing, item) if is_struck else listing.row(item)
        rows += [] if row is None else [row]
    return rows if listing.ordered else sorted(rows, key=repr)


def make_small(monkeypatch: pytest.MonkeyPatch, row: Row) -> None:
    """Seconds and megabytes small enough for tests."""
    if row.kind == "hang":
        monkeypatch.setattr(transport, "READ_SECONDS", 0.25)
    elif row.kind == "slow" and row.times is ALWAYS:
        monkeypatch.setattr(transport, "TOTAL_SECONDS", 0.4)
    elif row.kind == "huge":
        monkeypatch.setattr(transport, "MAX_BYTES", 2**20)
    monkeypatch.setattr(token_cache, "_TRANSIENT_FAILURE_SECONDS", 0.0)


def test_every_kind_of_fault_is_in_the_table_with_every_list_that_it_can_strike() -> None:
    lasting = {(row.kind, letter) for row in ROWS if row.times is ALWAYS for letter in row.lists}
    can_strike = {
        (name, letter)
        for name, kind in KINDS.items()
        for letter, listing in LISTS.items()
        if listing.endpoint.path in kind.paths or TOKEN_PATH in kind.paths
    }
    assert can_strike - lasting == set()
    assert {row.kind for row in ROWS} == set(KINDS)


def test_every_fault_that_may_pass_is_in_the_table_as_passing() -> None:
    passing = {row.kind for row in ROWS if row.times is not ALWAYS}
    refused_for_good = {"capability_off", "window_banned", "sharer_unbound", "secret_frozen"}
    refused_for_good |= {"http_403"}
    harmless = {
        row.kind for row in ROWS if row.outcome.calls is undisturbed and row.times is ALWAYS
    }
    assert set(KINDS) - passing == refused_for_good | (harmless - passing)


@pytest.mark.parametrize(("kind", "letter"), list(NOT_TOLD_APART))
def test_what_no_reader_of_the_api_can_tell_apart(bench: Bench, kind: str, letter: str) -> None:
    """Not a promise: it shows that the limit is still there, as table.py explains."""
    listing = LISTS[letter]
    bench.start_over(listing)
    bench.sandbox.inject(Fault(kind, path=listing.endpoint.path, after=1))
    attempt = bench.refresh(listing)
    assert attempt.pulled.end_reason == "cursor_missing"
    assert len(listing.stored(bench.con)) < len(bench.truth(listing))
