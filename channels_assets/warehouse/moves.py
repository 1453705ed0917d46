"""Which items of a list moved."""

from bisect import bisect_left
from collections.abc import Sequence


def moved_items(places: Sequence[int]) -> list[int]:
    """The fewest items that must be taken out for the rest to stand in their old order.

    `places`: the old places, all different, in the new order. Returns old places. Of several
    equally small answers one is taken, always the same. Time n log n: the longest increasing
    subsequence, by patience sorting.
    """
    ends: list[int] = []
    end_at: list[int] = []
    before: list[int] = []
    for index, place in enumerate(places):
        length = bisect_left(ends, place)
        before.append(end_at[length - 1] if length else -1)
        if length == len(ends):
            ends.append(place)
            end_at.append(index)
        else:
            ends[length] = place
            end_at[length] = index
    stayed: set[int] = set()
    index = end_at[-1] if end_at else -1
    while index >= 0:
        stayed.add(places[index])
        index = before[index]
    return [place for place in places if place not in stayed]
