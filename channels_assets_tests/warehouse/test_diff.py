"""Which items of a list moved."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from channels_assets.warehouse.diff import moved_positions


def test_one_item_moved_to_the_top_or_the_end() -> None:
    assert moved_positions([4, 1, 2, 3]) == [4]
    assert moved_positions([2, 3, 4, 1]) == [1]
    assert moved_positions([1, 5, 9]) == []
    assert moved_positions([]) == []


@given(st.lists(st.integers(), unique=True, max_size=8))
def test_the_rest_is_in_order_and_as_large_as_can_be(positions: list[int]) -> None:
    rest = [position for position in positions if position not in moved_positions(positions)]
    assert rest == sorted(rest)
    assert not any(
        list(larger) == sorted(larger) for larger in combinations(positions, len(rest) + 1)
    )
