"""Days and minutes as the quotas count them."""

_SHANGHAI = 8 * 3600


def day_of(moment: float) -> int:
    """The calendar day in Shanghai. When the real quotas start again is not documented."""
    return int(moment + _SHANGHAI) // 86_400


def minute_of(moment: float) -> int:
    """The minute of the clock."""
    return int(moment) // 60
