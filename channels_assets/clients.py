"""From settings to API clients: token source, rate limit, transport and retries of each account.

Programs that use the same data folder share its folder `tokens`: the time of the last forced refresh,
and the successors of refresh tokens, which only this user may read.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from channels_assets import config
from channels_assets.accounts import Account, Credential, Platform
from channels_assets.wechat.auth import TokenSource
from channels_assets.wechat.auth.authorizer import AuthorizerToken, Component
from channels_assets.wechat.auth.external_token import (
    CloudOpenApi,
    CommandToken,
    FileToken,
    cloud_token,
)
from channels_assets.wechat.auth.refresh_token_store import RefreshTokenStore
from channels_assets.wechat.auth.secret_readers import Reader, command_reader, file_reader
from channels_assets.wechat.auth.stable_token import ForceRefreshGuard, StableToken
from channels_assets.wechat.certificates import check_certificates
from channels_assets.wechat.client import Client
from channels_assets.wechat.errors import PermissionDenied
from channels_assets.wechat.outage import outage_of
from channels_assets.wechat.quota import QUOTA_PATH
from channels_assets.wechat.rate_limit import RateLimiter
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import WINDOW_PRODUCTS

CLOUD_PATHS = frozenset({WINDOW_PRODUCTS.path})
"""WeChat opens the window list alone to cloud calls."""
AUTHORIZER_PATHS = CLOUD_PATHS | {QUOTA_PATH}

_DESCRIBED_SECRETS = 5
"""Of more secrets that are wrong, the names alone are said."""


class ApiClients:
    """One client for each credential, however many lists it walks; all share one transport.

    `tries`: of each call, where it differs from the settings. Safe for many threads.
    """

    def __init__(
        self,
        settings: config.Settings,
        folder: Path,
        *,
        tries: int | None = None,
    ) -> None:
        self._api = settings.api
        self._folder = folder
        self._retry = RetryPolicy(tries or settings.api.tries, settings.api.backoff_seconds)
        self._transport = RequestsTransport(settings.api.max_in_flight)
        self._sources = token_sources(settings, folder)
        self._lock = threading.Lock()
        self._clients: dict[Credential, Client] = {}

    def client(self, account: Account) -> Client:
        credential = account.credential
        with self._lock:
            if credential not in self._clients:
                url = self._api.url_for(account.auth)
                self._clients[credential] = Client(
                    self._transport,
                    url,
                    self._sources.source(credential),
                    RateLimiter(),
                    self._retry,
                    outage_of(url, self._folder),
                )
            return self._clients[credential]

    def close(self) -> None:
        self._transport.close()


class TokenSources:
    """The token sources of this process: all its runs share one token of each account."""

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

    def source(self, credential: Credential) -> TokenSource:
        with self._lock:
            if credential not in self._sources:
                self._sources[credential] = self._make(credential)
            return self._sources[credential]

    def refresh_token_store(self, credential: Credential) -> RefreshTokenStore:
        component_appid = self._platform.component_appid if self._platform else ""
        path = self._file("authorizer", component_appid, credential.appid).with_suffix(".json")
        return RefreshTokenStore(path, *_configured_refresh_token(credential))

    def _make(self, credential: Credential) -> TokenSource:
        makers: Mapping[str, Callable[[Credential], TokenSource]] = {
            "stable_token": self._stable_token,
            "token_file": _file_token,
            "token_command": self._command_token,
            "authorizer": self._authorizer_token,
            "cloud_token": _cloud_token,
            "cloud_open_api": lambda _: CloudOpenApi(CLOUD_PATHS),
        }
        return makers[credential.auth](credential)

    def _stable_token(self, credential: Credential) -> TokenSource:
        base_url, appid = self._api.base_url, credential.appid
        guard = ForceRefreshGuard(self._file("forced", base_url, appid))
        secret = _reader(_app_secret(credential))
        return StableToken(self._transport, base_url, appid, secret, guard=guard)

    def _command_token(self, credential: Credential) -> TokenSource:
        command = credential.token_command or ()
        return CommandToken(command_reader("token_command", command, hidden=self._secret_names))

    def _authorizer_token(self, credential: Credential) -> TokenSource:
        component = cast("Component", self._component)
        store = self.refresh_token_store(credential)
        return AuthorizerToken(component, credential.appid, store, AUTHORIZER_PATHS)

    def _make_component(self, platform: Platform) -> Component:
        return Component(
            self._transport,
            self._api.base_url,
            platform.component_appid,
            _reader(_platform_secret(platform)),
            _ticket(platform, self._secret_names),
        )

    def _file(self, kind: str, *parts: str) -> Path:
        # A digest: an appid is what the user typed, with any characters in it.
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
        return self._folder / f"{kind}-{digest}"


def token_sources(settings: config.Settings, folder: Path) -> TokenSources:
    """The same object for the same settings, however many runs this process has."""
    # Frozen models are hashable, which the type checker does not see.
    key: Any = (settings.api, settings.platform, folder, settings.secret_names)
    return _shared_token_sources(*key)


@lru_cache(maxsize=8)
def _shared_token_sources(
    api: config.Api, platform: Platform | None, folder: Path, secret_names: frozenset[str]
) -> TokenSources:
    return TokenSources(api, platform, folder, secret_names)


@dataclass(frozen=True)
class RequiredSecret:
    """An environment variable that must hold `what`, a secret of `appid`."""

    env_name: str
    what: str
    appid: str

    def read(self) -> str:
        """Raises ConfigError."""
        english, chinese = f"the {self.what} of {self.appid}", f"{self.appid} 的 {self.what}"
        return config.secret(self.env_name, english, chinese)


def required_secrets(
    account: Account, settings: config.Settings, folder: Path
) -> Iterator[RequiredSecret]:
    """The secrets that channels.toml takes from the environment for this account."""
    credential, platform = account.credential, settings.platform
    if credential.secret_env:
        yield _app_secret(credential)
    if account.mode.needs_platform and platform is not None:
        yield _platform_secret(platform)
    if credential.refresh_token_env:
        store = token_sources(settings, folder).refresh_token_store(credential)
        if not store.has_successor():
            name = credential.refresh_token_env
            yield RequiredSecret(name, "authorizer_refresh_token", account.appid)


def require_secrets(settings: config.Settings, folder: Path) -> None:
    """Raises ConfigError where no account has its secrets; where some have, the others' lists fail."""
    problems: dict[str, config.ConfigError] = {}
    for account in (*settings.window, *([settings.league] if settings.league else [])):
        missing: dict[str, config.ConfigError] = {}
        for secret in required_secrets(account, settings, folder):
            try:
                secret.read()
            except config.ConfigError as error:
                missing[secret.env_name] = error
        if not missing:
            return
        problems |= missing
    texts = [error.text for error in problems.values()][:_DESCRIBED_SECRETS]
    others = ", ".join([*problems][_DESCRIBED_SECRETS:])
    raise config.ConfigError(
        " ".join(text.en for text in texts) + (f" Look at {others}, too." if others else ""),
        "".join(text.zh for text in texts) + (f"另请检查 {others}。" if others else ""),
    )


def require_certificates(settings: config.Settings) -> None:
    """Raises MachineError where the certificates that https needs are not there, before any call."""
    if settings.api.base_url.startswith("https"):
        check_certificates()


def _file_token(credential: Credential) -> TokenSource:
    return FileToken(_path(credential.token_file))


def _cloud_token(credential: Credential) -> TokenSource:
    if credential.token_file is None:
        return cloud_token(CLOUD_PATHS)
    return cloud_token(CLOUD_PATHS, _path(credential.token_file))


def _app_secret(credential: Credential) -> RequiredSecret:
    return RequiredSecret(credential.secret_env or "", "AppSecret", credential.appid)


def _platform_secret(platform: Platform) -> RequiredSecret:
    return RequiredSecret(platform.secret_env, "component_appsecret", platform.component_appid)


def _reader(secret: RequiredSecret) -> Reader:
    """A list whose secret is missing fails as a list whose secret is wrong does."""

    def read() -> str:
        try:
            return secret.read()
        except config.ConfigError as error:
            raise PermissionDenied(error.in_both, endpoint="secret_env") from None

    return read


def _path(setting: str | None) -> Path:
    # Path.expanduser raises where there is no home folder.
    return Path(os.path.expanduser(setting or ""))


def _ticket(platform: Platform, secret_names: frozenset[str]) -> Reader:
    if platform.ticket_command is not None:
        return command_reader("ticket_command", platform.ticket_command, hidden=secret_names)
    return file_reader("ticket_file", _path(platform.ticket_file))


def _configured_refresh_token(credential: Credential) -> tuple[Reader, str]:
    """A reader of the refresh token that channels.toml names ("" if it is gone), and its place."""
    if credential.refresh_token_env is not None:
        name = credential.refresh_token_env
        return lambda: config.optional_secret(name), f"the environment variable {name}"
    path = _path(credential.refresh_token_file)
    read = file_reader("refresh_token_file", path)
    return lambda: read() if path.exists() else "", str(path)
