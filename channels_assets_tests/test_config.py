"""A wrong configuration is one clear line that says what to change, and exit code 2."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from channels_assets.config import ConfigError, load_settings
from channels_assets.language import README
from channels_assets.sandbox import World
from channels_assets_tests.helpers.project import Project

WINDOW = '[[window]]\nappid = "wx1"\nsecret_env = "S"\n'
LEAGUE = '[league]\nappid = "wx2"\nsecret_env = "S"\n'
AUTHORISED = '[[window]]\nappid = "wx1"\nauth = "authorizer"\nrefresh_token_env = "R"\n'
PLATFORM = '[platform]\ncomponent_appid = "wx3"\nsecret_env = "S"\nticket_file = "x"\n'
OPEN_API = '[[window]]\nappid = "wx1"\nauth = "cloud_open_api"\n'
PASTED = "a1b2c3d4e5f60718293a4b5c6d7e8f90"

BAD = {
    "nothing in it": ("", "nothing to refresh"),
    "no TOML": ("[api", "not valid TOML"),
    "unknown key": (
        "[api]\nmax_inflight = 3\n" + WINDOW,
        "[api]: unknown setting `max_inflight` (did you mean `max_in_flight`?)",
    ),
    "unknown table": ("[leauge]\n" + WINDOW, "unknown section [leauge] (did you mean `league`?)"),
    "unknown key of a window": (
        WINDOW + 'name = "main"\nshop_id = "x"\n',
        "[[window]] main: unknown setting `shop_id` (did you mean `shop_appid`?)",
    ),
    "a secret of a window": (
        f'[[window]]\nappid = "wx1"\nsecret = "{PASTED}"\n',
        "[[window]] wx1: `secret`: secrets don't belong in channels.toml. Write `secret_env = ",
    ),
    "a secret under its name at WeChat": (
        f'[league]\nappid = "wx1"\nAppSecret = "{PASTED}"\n',
        "[league]: `AppSecret`: secrets don't belong in channels.toml",
    ),
    "a refresh token": (
        f'[[window]]\nappid = "wx1"\nrefresh_token = "{PASTED}"\n',
        'Write `refresh_token_env = "WX_REFRESH_TOKEN"` instead',
    ),
    "one bracket": ('[window]\nappid = "wx1"\n', "[[window]]"),
    "no appid": (
        '[[window]]\nsecret_env = "S"\n',
        '[[window]] number 1: `appid` is missing: write `appid = "wx..."`',
    ),
    "no secret_env": (
        '[league]\nappid = "wx2"\n',
        '[league] with auth = "stable_token" needs `secret_env`: write `secret_env = "..."`',
    ),
    "a number for text": (
        "[[window]]\nappid = 1\nsecret_env = 'S'\n",
        "[[window]] number 1: `appid` must be text in quotes",
    ),
    "text for a number": (
        '[api]\nmax_in_flight = "many"\n' + WINDOW,
        "[api]: `max_in_flight` must be a whole number",
    ),
    "too many in flight": ("[api]\nmax_in_flight = 1000\n" + WINDOW, "must be at most 256"),
    "http": ('[api]\nbase_url = "http://api.weixin.qq.com"\n' + WINDOW, "use https"),
    "a path": ('[api]\nbase_url = "https://x.example/y"\n' + WINDOW, "scheme and host alone"),
    "a user": ('[api]\nbase_url = "https://u:p@x.example"\n' + WINDOW, "scheme and host alone"),
    "no URL": ('[api]\nbase_url = "weixin"\n' + WINDOW, "must look like"),
    "two of one name": (WINDOW * 2, "two [[window]] tables are named 'wx1'"),
    "two of one given name": (
        (WINDOW + 'name = "a"\n') * 2,
        "two [[window]] tables are named 'a'",
    ),
    "a name that Dagster can't take": (WINDOW + 'name = "a...b"\n', "contains '...'"),
    "a control character": (WINDOW + 'name = "a\\u0007b"\n', "control character"),
    "a long name": (WINDOW + f'name = "{"x" * 201}"\n', "longer than 200"),
    "sharers": (LEAGUE + 'sharers = "some"\n', 'a list of appids or "all"'),
    "auth": (WINDOW + 'auth = "magic"\n', "[[window]] wx1: `auth` must be stable_token, "),
    "auth without its field": (
        '[[window]]\nappid = "wx1"\nauth = "token_file"\n',
        '[[window]] wx1 with auth = "token_file" needs `token_file`',
    ),
    "a field of another auth": (
        WINDOW + 'auth = "cloud_token"\n',
        '`secret_env`, which auth = "cloud_token" does not use (did you mean auth = "stable_token"?)',
    ),
    "two fields of one kind": (
        AUTHORISED + 'refresh_token_file = "x"\n' + PLATFORM,
        "takes only one of `refresh_token_env` and `refresh_token_file`",
    ),
    "authorizer for the agency": (
        LEAGUE + 'auth = "authorizer"\n',
        "works for windows only",
    ),
    "cloud call for the agency": (
        LEAGUE + 'auth = "cloud_open_api"\n',
        "use stable_token, token_file or token_command",
    ),
    "no platform": (AUTHORISED, "add a [platform] section"),
    "a platform for nobody": (WINDOW + PLATFORM, 'no [[window]] has auth = "authorizer"'),
    "no ticket": (
        AUTHORISED + PLATFORM.replace("ticket_file", "secret_env2"),
        "[platform]: unknown setting `secret_env2`",
    ),
    "two tickets": (
        AUTHORISED + PLATFORM + 'ticket_command = "y"\n',
        "[platform] needs either `ticket_file` or `ticket_command`",
    ),
    "an open quote": (
        '[[window]]\nappid = "wx1"\nauth = "token_command"\ntoken_command = "echo \'x"\n',
        "[[window]] wx1: `token_command` can't be split into words",
    ),
    "no word": (
        '[[window]]\nappid = "wx1"\nauth = "token_command"\ntoken_command = []\n',
        "[[window]] wx1: `token_command` is empty",
    ),
    "the secret instead of its name": (
        f'[[window]]\nappid = "wx1"\nsecret_env = "{PASTED}"\n',
        "[[window]] wx1: `secret_env` must be the name of an environment variable",
    ),
    "http and a token": (
        '[api]\nbase_url = "http://api.weixin.qq.com"\n' + OPEN_API + WINDOW,
        'every account has auth = "cloud_open_api"',
    ),
    "http and a league": (
        '[api]\nbase_url = "http://api.weixin.qq.com"\n' + OPEN_API + LEAGUE,
        "would show the [league]'s token",
    ),
    "two accounts of one cloud": (
        OPEN_API + OPEN_API.replace("wx1", "wx2"),
        "a cloud environment belongs to one account",
    ),
    "negative branch": (
        WINDOW + "branch_id = -1\n",
        "[[window]] wx1: `branch_id` must be at least 0",
    ),
}


@pytest.mark.parametrize(("text", "told"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_explained_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "channels.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "channels.toml" in str(caught.value)
    assert PASTED not in str(caught.value)


@pytest.mark.parametrize("text", [text for text, _ in BAD.values()], ids=BAD)
def test_it_is_explained_in_chinese_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = tmp_path / "channels.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    english = str(caught.value)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    chinese = str(caught.value)
    assert re.search("[一-鿿]", chinese)
    assert "\n" not in chinese
    assert str(path) in chinese
    assert PASTED not in chinese
    # Only what Python says of the syntax is English.
    if text != "[api":
        assert (
            re.search("[\\w)`.] (is|are|must|needs?|has|have|does|write|takes?) ", chinese) is None
        )
        assert "“接入自己的账号”" in chinese
        assert 'section "With your own accounts"' in english


def test_settings_are_explained_in_sections_that_exist() -> None:
    root = Path(__file__).parent.parent
    english, title = re.fullmatch('(.*), section "(.*)"', README.en).groups()  # type: ignore[union-attr]
    chinese, title_zh = re.fullmatch("(.*) 的“(.*)”一节", README.zh).groups()  # type: ignore[union-attr]
    assert f"\n## {title}\n" in (root / english).read_text("utf-8")
    assert f"\n## {title_zh}\n" in (root / chinese).read_text("utf-8")
    assert (root / "docs" / "auth.md").exists()


def test_only_cloud_open_api_goes_over_http(tmp_path: Path) -> None:
    path = tmp_path / "channels.toml"
    path.write_text(OPEN_API + WINDOW.replace("wx1", "wx2"), "utf-8")
    api = load_settings(path).api
    assert api.url_for("cloud_open_api") == "http://api.weixin.qq.com"
    assert api.url_for("stable_token") == "https://api.weixin.qq.com"
    path.write_text('[api]\nbase_url = "http://10.0.0.1"\n' + OPEN_API, "utf-8")
    assert load_settings(path).api.url_for("cloud_open_api") == "http://10.0.0.1"


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "channels.toml"
    text = f"""\ufeff[api]
base_url = "http://127.0.0.1:8765/"
max_in_flight = 8
tries = 3
backoff_seconds = 0.5
[staging]
resume_minutes = 5
[warehouse]
publish_every_seconds = 10
{WINDOW}name = "主号"
auth = "stable_token"
shop_appid = "wx3"
branch_id = 7
cps_only = true
{LEAGUE}sharers = ["wx4", "wx5"]
"""
    path.write_text(text, "utf-8")
    settings = load_settings(path)
    assert settings.api.base_url == "http://127.0.0.1:8765"
    assert [window.key for window in settings.window] == ["主号"]
    assert settings.league is not None
    assert settings.league.sharers == ("wx4", "wx5")


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    return make_project(World.generate(seed=2, shops=1))


@pytest.mark.parametrize(
    "case", ["file missing", "file wrong", "secret empty", "no such partition"]
)
def test_the_command_says_it_in_one_line_and_exits_with_2(project: Project, case: str) -> None:
    arguments: list[str] = []
    path = project.folder / "channels.toml"
    if case == "file missing":
        path.unlink()
        told = "does not exist"
    elif case == "file wrong":
        path.write_text("x")
        told = "not valid TOML"
    elif case == "secret empty":
        for name in project.environment:
            if name.startswith("SECRET_"):
                project.environment[name] = " "
        told = "SECRET_LEAGUE"
    else:
        project.environment["SECRET_LEAGUE"] = "x"
        arguments = ["--partition", "no/such/list"]
        told = "There is no partition 'no/such/list'"
    done = project.refresh(*arguments)
    assert done.code == 2
    error = json.loads(done.out)["error"]
    assert (error["class"], error["path"]) == ("ConfigError", None)
    assert error["message"] in done.err
    assert told in done.err
    assert done.err.startswith("channels-assets: ")
    assert done.err.count("\n") == 1


def test_sandbox_rows_give_way_to_real_ones_and_never_the_other_way_round(project: Project) -> None:
    config, aside = project.folder / "channels.toml", project.folder / "aside.toml"
    del project.environment["CHANNELS_CONFIG"]
    config.rename(aside)
    first = project.command("refresh")
    assert first.code == 0
    assert "bundled sandbox" in first.err
    appids = "SELECT DISTINCT account_appid FROM window_products"
    made_up = set(project.rows(appids))

    aside.rename(config)
    second = project.command("refresh")
    assert second.code == 0
    assert "made-up rows were removed" in second.err
    real = set(project.rows(appids))
    assert real
    assert not real & made_up

    config.rename(aside)
    third = project.command("refresh")
    assert third.code == 2
    assert "holds real data" in third.err
    assert set(project.rows(appids)) == real
