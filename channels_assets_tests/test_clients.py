"""From settings to clients: every auth mode has a token source, and what it may call."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels_assets.auth_modes import AUTH_MODES
from channels_assets.clients import ApiClients, required_secrets, token_sources
from channels_assets.config import Settings, load_settings
from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.errors import PermissionDenied, Transient
from channels_assets.wechat.quota import QUOTA_PATH
from channels_assets.wechat.window import WINDOW_PRODUCTS

WINDOW_LIST, EVERYTHING = {WINDOW_PRODUCTS.path}, None
FIELDS = {
    "stable_token": 'secret_env = "WX_SECRET"',
    "token_file": 'token_file = "token"',
    "token_command": 'token_command = "echo token"',
    "authorizer": 'refresh_token_env = "WX_REFRESH"',
    "cloud_token": "",
    "cloud_open_api": "",
}
PATHS = {
    **dict.fromkeys(("stable_token", "token_file", "token_command"), EVERYTHING),
    "authorizer": WINDOW_LIST | {QUOTA_PATH},
    **dict.fromkeys(("cloud_token", "cloud_open_api"), WINDOW_LIST),
}
PLATFORM = (
    '[platform]\ncomponent_appid = "wxc"\nsecret_env = "WX_PLATFORM"\nticket_file = "ticket"\n'
)


def settings_of(folder: Path, auth: str, api: str = "") -> Settings:
    platform = PLATFORM if AUTH_MODES[auth].needs_platform else ""
    windows = [
        f'[[window]]\nappid = "wx1"\nname = "{name}"\nauth = "{auth}"\n{FIELDS[auth]}\n'
        for name in ("first", "second")
    ]
    path = folder / "channels.toml"
    path.write_text(f"[api]\n{api}\n{platform}{''.join(windows)}")
    return load_settings(path)


@pytest.mark.parametrize("auth", AUTH_MODES)
def test_every_auth_mode_has_a_token_source_with_its_paths(tmp_path: Path, auth: str) -> None:
    settings = settings_of(tmp_path, auth)
    source = token_sources(settings, tmp_path).source(settings.window[0].credential)
    assert source.paths == PATHS[auth]


def test_one_client_for_all_lists_of_an_account(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "stable_token")
    clients = ApiClients(settings, tmp_path)
    first, second = settings.window
    assert clients.client(first) is clients.client(second)


@pytest.mark.parametrize(("tries", "sent"), [(None, 3), (2, 2)])
def test_a_call_is_tried_as_often_as_the_settings_or_the_caller_say(
    tmp_path: Path, tries: int | None, sent: int
) -> None:
    api = 'base_url = "http://127.0.0.1:9"\ntries = 3\nbackoff_seconds = 0'
    settings = settings_of(tmp_path, "cloud_open_api", api)
    calls = Calls()
    with pytest.raises(Transient):
        call(ApiClients(settings, tmp_path, tries=tries).client(settings.window[0]), calls)
    assert calls.sent == sent


def test_a_path_that_is_closed_to_the_auth_mode_is_not_called(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "cloud_open_api")
    calls = Calls()
    with pytest.raises(PermissionDenied, match="不支持此接口"):
        call(ApiClients(settings, tmp_path).client(settings.window[0]), calls, "/other")
    assert calls.sent == 0


def call(client: Client, calls: Calls, path: str = WINDOW_PRODUCTS.path) -> None:
    client.call(path, "endpoint", {}, lambda answer: answer, calls)


def test_the_secrets_of_an_account_that_a_platform_serves(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "authorizer")
    [window, _] = settings.window
    secrets = list(required_secrets(window, settings, tmp_path))
    assert [(secret.env_name, secret.what) for secret in secrets] == [
        ("WX_PLATFORM", "component_appsecret"),
        ("WX_REFRESH", "authorizer_refresh_token"),
    ]
    store = token_sources(settings, tmp_path).refresh_token_store(window.credential)
    with store.lock():
        store.replace("successor")
    secrets = list(required_secrets(window, settings, tmp_path))
    assert [secret.env_name for secret in secrets] == ["WX_PLATFORM"]
