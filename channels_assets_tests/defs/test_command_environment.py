"""What the commands of channels.toml are started with: all but the accounts' secrets."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from channels_assets import config
from channels_assets.clients import token_sources
from channels_assets.sandbox import World
from channels_assets.wechat.errors import WeChatError
from channels_assets_tests.helpers.project import Project

SECRET = {
    name: f"SeCrEt-of-{name}"
    for name in ("WX_WINDOW", "WX_REFRESH", "WX_LEAGUE", "WX_PLATFORM", "LAKE")
}
GIVEN = "92_given-token"
OTHERS = {"MY_VAULT_TOKEN": "needed", "LANG": "zh_CN.UTF-8"}


def dumping(path: Path, token: str = GIVEN) -> str:
    """A command that writes its environment to `path` and prints a token, as TOML."""
    code = (
        f"import json, os; json.dump(dict(os.environ), open({str(path)!r}, 'w')); print({token!r})"
    )
    return json.dumps([sys.executable, "-c", code])


def test_a_command_gets_no_secret_of_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**SECRET, **OTHERS}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "channels.toml").write_text(
        "\n".join(
            [
                *("[api]", 'base_url = "http://127.0.0.1:9"'),
                *("[warehouse]", 'catalogue_env = "LAKE"', 'data_path = "/lake"'),
                *("[platform]", 'component_appid = "wxc"', 'secret_env = "WX_PLATFORM"'),
                f"ticket_command = {dumping(tmp_path / 'ticket')}",
                *("[league]", 'appid = "wxl"', 'secret_env = "WX_LEAGUE"'),
                *("[[window]]", 'appid = "wx1"', 'secret_env = "WX_WINDOW"'),
                *("[[window]]", 'appid = "wx2"', 'auth = "authorizer"'),
                'refresh_token_env = "WX_REFRESH"',
                *("[[window]]", 'appid = "wx3"', 'auth = "token_command"'),
                f"token_command = {dumping(tmp_path / 'token')}",
            ]
        )
    )
    settings = config.load_settings(tmp_path / "channels.toml")
    sources = token_sources(settings, tmp_path / "data")
    assert sources.source(settings.window[2].credential).token() == GIVEN
    with pytest.raises(WeChatError):  # nobody listens there, but the ticket was asked for before
        sources.source(settings.window[1].credential).token()
    for command in ("token", "ticket"):
        given = json.loads((tmp_path / command).read_text())
        missing = {name: value for name, value in os.environ.items() if name not in given}
        assert missing == SECRET
        assert "SeCrEt" not in json.dumps(given)
        assert given["PATH"] == os.environ["PATH"]
        assert given["MY_VAULT_TOKEN"] == "needed"


@pytest.mark.parametrize("command", ["doctor", "refresh"])
def test_nor_does_it_when_the_command_line_asks(
    make_project: Callable[..., Project], command: str
) -> None:
    world = World.generate(seed=62, windows=2, products=2, shops=0)
    project = make_project(world)
    first, second = world.windows
    token = project.sandbox._tokens.stable(second, force=False)[0]
    dumped = project.folder / "dumped"
    for name in [name for name in project.environment if name.startswith("SECRET_")]:
        del project.environment[name]
    project.environment |= {"WX_WINDOW": world.windows[first].secret, **OTHERS}
    project.write_lines(
        *("[[window]]", f'appid = "{first}"', 'secret_env = "WX_WINDOW"'),
        *("[[window]]", f'appid = "{second}"', 'auth = "token_command"'),
        f"token_command = {dumping(dumped, token)}",
    )
    done = project.command(command, "--json")
    assert done.code == 0, done.out + done.err
    given = json.loads(dumped.read_text())
    assert "WX_WINDOW" not in given
    assert world.windows[first].secret not in dumped.read_text()
    assert given["MY_VAULT_TOKEN"] == "needed"
