"""From what channels.toml says to where tokens come from: one source for each credential.

What programs share lies in `tokens/` below the data folder: when a token was last forced, and the
successors of refresh tokens, which only this user may read.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from channels_assets import config
from channels_assets.accounts import Credential, Platform
from channels_assets.wechat.auth.authorizer import AuthorizerToken, Component
from channels_assets.wechat.auth.external_token import (
    CloudOpenApi,
    CommandToken,
    FileToken,
    cloud_token,
)
from channels_assets.wechat.auth.force_refresh import Forcing
from channels_assets.wechat.auth.refresh_token_store import RefreshToken
from channels_assets.wechat.auth.secret_readers import Reader, command_reader, file_reader
from channels_assets.wechat.auth.stable_token import StableToken, TokenSource
from channels_assets.wechat.transport import RequestsTransport


class TokenSources:
    """The sources of this process: all its runs share one token of each account."""

    def __init__(
        self, api: config.Api, platform: Platform | None, folder: Path, secret_names: frozenset[str]
    ) -> None:
        self._api = api
        self._secret_names = secret_names
        self._platform = platform
        self._folder = folder / "tokens"
        self._transport = RequestsTransport(api.max_in_flight)
        self._lock = threading.Lock()
        self._sources: dict[Credential, TokenSource] = {}
        self._component = self._make_component(platform) if platform else None

    def of(self, credential: Credential) -> TokenSource:
        with self._lock:
            if credential not in self._sources:
                self._sources[credential] = self._make(credential)
            return self._sources[credential]

    def refresh_token(self, credential: Credential) -> RefreshToken:
        """What is kept of an authorised window."""
        appid = credential.appid
        component_appid = self._platform.component_appid if self._platform else ""
        path = self._file("authorizer", component_appid, appid).with_suffix(".json")
        given, where = _given(credential)
        return RefreshToken(path, given, where)

    def _make(self, credential: Credential) -> TokenSource:
        appid, token_file = credential.appid, credential.token_file
        match credential.auth:
            case "authorizer":
                component = cast("Component", self._component)
                return AuthorizerToken(component, appid, self.refresh_token(credential))
            case "cloud_token":
                return cloud_token(Path(token_file).expanduser()) if token_file else cloud_token()
            case "cloud_open_api":
                return CloudOpenApi()
            case "token_file":
                return FileToken(Path(token_file or "").expanduser())
            case "token_command":
                command = credential.token_command or ()
                return CommandToken(
                    command_reader("token_command", command, hidden=self._secret_names)
                )
            case _:
                forcing = Forcing(self._file("forced", self._api.base_url, appid))
                return StableToken(
                    self._transport,
                    self._api.base_url,
                    appid,
                    _secret(credential.secret_env),
                    forcing=forcing,
                )

    def _make_component(self, platform: Platform) -> Component:
        return Component(
            self._transport,
            self._api.base_url,
            platform.component_appid,
            _secret(platform.secret_env),
            _ticket(platform, self._secret_names),
        )

    def _file(self, kind: str, *parts: str) -> Path:
        # An appid is what the user typed: anything may be in it.
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
        return self._folder / f"{kind}-{digest}"


def token_sources(settings: config.Settings, folder: Path) -> TokenSources:
    """The same object for the same settings, however many runs this process has."""
    # Frozen models are hashable, which the checker does not see.
    key: Any = (settings.api, settings.platform, folder, settings.secret_names)
    return _shared(*key)


@lru_cache(maxsize=8)
def _shared(
    api: config.Api, platform: Platform | None, folder: Path, secret_names: frozenset[str]
) -> TokenSources:
    return TokenSources(api, platform, folder, secret_names)


def require_secrets(settings: config.Settings, folder: Path) -> None:
    """Raises ConfigError for the first secret that channels.toml names and nobody has set."""
    accounts = [*settings.window, *([settings.league] if settings.league else [])]
    names = {one.secret_env: None for one in accounts if one.secret_env}
    if settings.platform is not None:
        names[settings.platform.secret_env] = None
    for name in names:
        config.secret(name)
    sources = token_sources(settings, folder)
    for window in settings.window:
        if window.refresh_token_env and not sources.refresh_token(window.credential).is_known():
            config.secret(
                window.refresh_token_env,
                f"the authorizer_refresh_token of {window.appid}",
                f"{window.appid} 的 authorizer_refresh_token",
            )


def _secret(name: str | None) -> Callable[[], str]:
    return lambda: config.secret(name or "")


def _ticket(platform: Platform, secret_names: frozenset[str]) -> Reader:
    if platform.ticket_command is not None:
        return command_reader("ticket_command", platform.ticket_command, hidden=secret_names)
    return file_reader("ticket_file", Path(platform.ticket_file or "").expanduser())


def _given(credential: Credential) -> tuple[Callable[[], str], str]:
    """Reads the refresh token that channels.toml names, "" if it is gone, and says where that is."""
    if credential.refresh_token_env is not None:
        name = credential.refresh_token_env
        return lambda: config.optional_secret(name), f"the environment variable {name}"
    path = Path(credential.refresh_token_file or "").expanduser()
    read = file_reader("refresh_token_file", path)
    return lambda: read() if path.exists() else "", str(path)
