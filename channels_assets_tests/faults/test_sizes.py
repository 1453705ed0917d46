"""Lists of every awkward size, and both ways a window may end: whole each time, at known cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from channels_assets.sandbox import WindowEnd
from channels_assets.warehouse import FileStore
from channels_assets_tests.faults.bench import Bench
from channels_assets_tests.faults.lists import LISTS, SIZE


@pytest.fixture(scope="module", params=get_args(WindowEnd))
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("sizes")
    with FileStore(folder / "data").writing() as con:
        con.execute("SET threads = 1")
        bench = Bench(folder / "staging", con, window_end=request.param)
        with bench.sandbox:
            yield bench


# Items, page size, calls. An exact multiple of the page size needs one page more where only an
# empty one proves the end.
SIZES = [
    (0, 2, 1, 1),
    (1, 1, 2, 1),
    (1, 2, 1, 1),
    (2, 2, 2, 1),
    (4, 2, 3, 2),
    (6, 2, 4, 3),
    (6, 3, 3, 2),
    (SIZE, 1, SIZE + 1, SIZE),
    (SIZE, SIZE, 2, 1),
    (SIZE, SIZE - 1, 2, 2),
    (SIZE, 10, 1, 1),
]


@pytest.mark.parametrize(("items", "page_size", "by_empty_page", "by_word"), SIZES)
@pytest.mark.parametrize("letter", LISTS)
def test_size(
    bench: Bench, letter: str, items: int, page_size: int, by_empty_page: int, by_word: int
) -> None:
    listing = LISTS[letter]
    bench.start_over(listing)
    del listing.behind(bench.world)[items:]
    attempt = bench.refresh(listing, page_size)
    assert listing.stored(bench.con) == bench.truth(listing)
    assert len(bench.truth(listing)) == items
    ends_by_empty_page = letter == "A" and bench.window_end == "buffer"
    assert attempt.data_calls == (by_empty_page if ends_by_empty_page else by_word)
    assert attempt.pulled.pages == attempt.data_calls
