from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from channels_assets.warehouse.diff import moved_positions


def test_one_item_to_the_top() -> None:
    assert moved_positions([4, 1, 2, 3]) == [4]
    assert moved_positions([2, 3, 4, 1]) == [1]
    assert moved_positions([1, 5, 9]) == []
    assert moved_positions([]) == []


@given(st.lists(st.integers(), unique=True, max_size=8))
def test_the_rest_is_in_order_and_as_large_as_can_be(places: list[int]) -> None:
    rest = [place for place in places if place not in moved_positions(places)]
    assert rest == sorted(rest)
    larger = combinations(places, len(rest) + 1)
    assert not any(list(each) == sorted(each) for each in larger)
