"""Access tokens: a token source for each way to call the API (`auth` in channels.toml).

`stable_token` asks WeChat with the account's own secret, `authorizer` through a third-party platform,
`external_token` takes tokens that another program obtains. They share `token_cache` (a token is
fetched once for all threads), `token_request` (calls whose answers are secret), `secret_readers`
(secrets from files and commands) and `refresh_token_store` (refresh tokens on disk). Which source an
account gets is decided in `channels_assets.clients`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class TokenSource(Protocol):
    """Gives access tokens; safe for many threads. Neither `repr` nor errors show a token."""

    @property
    def paths(self) -> frozenset[str] | None:
        """The only paths of the API that may be called with its tokens; None: all."""
        ...

    def token(self) -> str: ...

    def renew(self, rejected: str) -> str:
        """A token other than `rejected`, if there is one: fetched once however many threads ask."""
        ...

    def query(self, token: str) -> Mapping[str, str]:
        """The query parameters that carry the token."""
        ...
