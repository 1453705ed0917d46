"""Faults of paging: well-formed pages whose items or cursors mislead."""

from dataclasses import replace

from channels_assets.sandbox.pages import Page


def no_cursor(page: Page) -> Page:
    """Leave the cursor out where it is needed."""
    return replace(page, cursor="missing") if page.remains else page


def empty_cursor_has_more(page: Page) -> Page:
    """Say that there is more but not where."""
    return replace(page, cursor="empty", has_more=True)


def frozen_cursor(page: Page) -> Page:
    """Always point behind the first page, so the second page comes again and again."""
    return _point_to(page, page.size)


def cycling_cursor(page: Page) -> Page:
    """Point behind the first and the second page by turns."""
    return _point_to(page, page.size * 2 if page.start == page.size else page.size)


def short_page(page: Page) -> Page:
    """Keep half of the items, and point behind them: nothing is lost."""
    kept = max(1, page.size // 2)
    if len(page.items) <= kept:
        return page
    return replace(
        page,
        items=page.items[:kept],
        next_start=page.start + kept,
        cursor="sent",
        has_more=True,
    )


def repeat_over_break(page: Page) -> Page:
    """Begin one item too early. A page of one item would never get ahead, so it stays honest."""
    if page.start == 0 or page.size == 1 or not page.items:
        return page
    start = page.start - 1
    items = page.rows[start : start + page.size]
    end = start + len(items)
    more = end < len(page.rows)
    cursor = "sent" if more else page.cursor
    return replace(page, start=start, items=items, next_start=end, cursor=cursor, has_more=more)


def total_off_by_one(page: Page) -> Page:
    """Count one item too many."""
    return page if page.total is None else replace(page, total=page.total + 1)


def _point_to(page: Page, start: int) -> Page:
    return replace(page, next_start=start, cursor="sent", has_more=True)
