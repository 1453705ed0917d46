"""How many files this process may have open: each list that was pulled and is not loaded is one."""

from __future__ import annotations

import resource
from contextlib import suppress

_WANTED = 4096


def allowed_open_files() -> int:
    """Asks the system for some thousands where it gives fewer at first, as macOS does (256)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < _WANTED:
        more = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if 0 <= soft < _WANTED else _WANTED
