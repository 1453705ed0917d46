"""Refresh tokens of authorised accounts: replaced at each use, the old one good for 5 minutes more."""

import base64
import secrets
from collections.abc import Callable

from channels_assets.sandbox.http_messages import Refusal
from channels_assets.sandbox.models import Authorisation

_OVERLAP = 300.0
_INVALID = 61023


class RefreshTokens:
    """Which refresh token works for whom. Not thread safe by itself."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._replaced: dict[str, tuple[Authorisation, float]] = {}

    def use(self, granted: Authorisation, text: object) -> str:
        """The refresh token to use from now on; one that does not work is refused.

        One that was just replaced gives its successor once more: its answer may have been lost.
        """
        if text == granted.refresh_token:
            until = self._clock() + _OVERLAP
            self._replaced[granted.refresh_token] = (granted, until)
            random = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
            granted.refresh_token = f"refreshtoken@@@{random}"
            return granted.refresh_token
        owner, until = self._replaced.get(str(text), (None, 0.0))
        if owner is not granted or self._clock() >= until:
            raise Refusal(_INVALID)
        return granted.refresh_token

    def texts(self) -> set[str]:
        """Every refresh token that was replaced."""
        return set(self._replaced)
