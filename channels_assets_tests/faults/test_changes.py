"""Lists that change while they are read: every stored list is one that was there, or the old one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from channels_assets.extract.pull import Pulled
from channels_assets.sandbox import Call
from channels_assets.wechat.errors import UnprovenEnd
from channels_assets_tests.faults.bench import Bench
from channels_assets_tests.faults.lists import LISTS, PAGES, Json, Listing, Row

Change = Callable[[list[Json], Json], None]


def add_first(items: list[Json], new: Json) -> None:
    items.insert(0, new)


def add_last(items: list[Json], new: Json) -> None:
    items.append(new)


def remove_first(items: list[Json], new: Json) -> None:
    del new, items[0]


def remove_last(items: list[Json], new: Json) -> None:
    del new, items[-1]


def swap_first(items: list[Json], new: Json) -> None:
    items[0] = new


def change_at(
    bench: Bench, listing: Listing, change: Change, page: int, every_page: bool = False
) -> list[list[Row]]:
    """Changes the list before that page is answered. Returns all states that it ever had."""
    states = [bench.truth(listing)]
    seen = 0

    def on_call(call: Call) -> None:
        nonlocal seen
        if call.path == listing.endpoint.path:
            seen += 1
            if seen == page or (every_page and seen > page):
                change(listing.behind(bench.world), fresh_item(bench, listing, seen))
                states.append(bench.truth(listing))

    bench.on_call = on_call
    return states


def fresh_item(bench: Bench, listing: Listing, number: int) -> Json:
    item: Json = json.loads(json.dumps(listing.behind(bench.world)[0]))
    holder = item
    for name in listing.id_path[:-1]:
        holder = holder[name]
    holder[listing.id_path[-1]] = f"new-{number}"
    return item


@pytest.mark.parametrize("page", [1, 2, PAGES])
@pytest.mark.parametrize("change", [add_first, add_last, remove_first, remove_last, swap_first])
def test_a_window_that_changes_once_is_stored_as_it_was_before_or_after(
    bench: Bench, change: Change, page: int
) -> None:
    """total_num tells: what slips over a page break costs a second walk."""
    listing = LISTS["A"]
    bench.start_over(listing)
    states = change_at(bench, listing, change, page)
    attempt = bench.refresh(listing)
    assert attempt.pulled.end_reason != "count_disagrees"
    assert len(states) == 2
    assert listing.stored(bench.con) in states
    assert attempt.data_calls <= 2 * (PAGES + 1)


def test_a_window_that_never_stands_still_is_not_stored(bench: Bench) -> None:
    listing = LISTS["A"]
    before = bench.start_over(listing)
    change_at(bench, listing, remove_first, page=2, every_page=True)
    attempt = bench.refresh(listing)
    assert isinstance(attempt.error, UnprovenEnd)
    assert "total_num says" in str(attempt.error)
    assert attempt.data_calls <= 2 * (PAGES + 1)
    assert listing.stored(bench.con) == before


@pytest.mark.parametrize("page", [1, 2, PAGES])
@pytest.mark.parametrize("change", [add_first, add_last, remove_last])
@pytest.mark.parametrize("letter", "BCDE")
def test_no_item_that_was_there_all_the_time_is_lost(
    bench: Bench, letter: str, change: Change, page: int
) -> None:
    """B to E tell no total: of what came or went in mid-walk either is right, of the rest not."""
    listing = LISTS[letter]
    bench.start_over(listing)
    states = change_at(bench, listing, change, page)
    attempt = bench.refresh(listing)
    assert isinstance(attempt.result, Pulled)
    stored = {str(row) for row in listing.stored(bench.con)}
    were = [{str(row) for row in state} for state in states]
    assert set.intersection(*were) <= stored <= set.union(*were)
    assert attempt.data_calls <= PAGES + 1


def remove_first_and_add_last(items: list[Json], new: Json) -> None:
    del items[0]
    items.append(new)


@pytest.mark.parametrize(
    ("letter", "change"),
    [("A", remove_first_and_add_last), *((letter, remove_first) for letter in "BCDE")],
)
def test_what_slips_through_unseen_is_there_after_the_next_refresh(
    bench: Bench, letter: str, change: Change
) -> None:
    """Not a promise but a limit: with cursors that count from the front, an item slips over the
    break when one before it goes, and neither has_more nor an unchanged total_num tells. So the
    next refresh must set it right."""
    listing = LISTS[letter]
    bench.start_over(listing)
    change_at(bench, listing, change, page=2)
    bench.refresh(listing)
    assert listing.stored(bench.con) != bench.truth(listing)
    bench.on_call = None
    bench.refresh(listing)
    assert listing.stored(bench.con) == bench.truth(listing)
