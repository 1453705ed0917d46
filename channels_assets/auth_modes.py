"""The auth modes: the ways to get tokens for an account, the values of `auth` in channels.toml.

A new mode is a row here, a token source in `wechat/auth/`, and a branch in `clients.py` that makes it.
docs/auth.md shows each mode to users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class AuthMode:
    """One value of `auth`.

    Exactly one of the fields in `needs` must be set, those in `takes` may be. `is_cloud`: the tokens
    are those of a 云托管 environment, which belongs to one account and has no quota/get.
    """

    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    windows_only: bool = False
    needs_platform: bool = False
    is_cloud: bool = False
    plain_http: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        return (*self.needs, *self.takes)


AUTH_MODES: Mapping[str, AuthMode] = {
    "stable_token": AuthMode(needs=("secret_env",)),
    "token_file": AuthMode(needs=("token_file",)),
    "token_command": AuthMode(needs=("token_command",)),
    "authorizer": AuthMode(
        needs=("refresh_token_env", "refresh_token_file"), windows_only=True, needs_platform=True
    ),
    "cloud_token": AuthMode(takes=("token_file",), windows_only=True, is_cloud=True),
    "cloud_open_api": AuthMode(windows_only=True, is_cloud=True, plain_http=True),
}
AUTH_FIELDS = tuple(dict.fromkeys(name for mode in AUTH_MODES.values() for name in mode.fields))
"""Every field of an account that some mode needs or takes."""
