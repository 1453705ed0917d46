"""A wrong configuration is one clear line that says what to change, and exit code 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from channels_assets.config import ConfigError, load_settings
from channels_assets.sandbox import World
from channels_assets_tests.support import Project

WINDOW = '[[window]]\nappid = "wx1"\nsecret_env = "S"\n'
LEAGUE = '[league]\nappid = "wx2"\nsecret_env = "S"\n'

BAD = {
    "nothing in it": ("", "nothing to refresh"),
    "no TOML": ("[api", "not valid TOML"),
    "unknown key": ("[api]\nmax_inflight = 3\n" + WINDOW, "did you mean `max_in_flight`"),
    "unknown table": ("[leauge]\n" + WINDOW, "unknown key `leauge` (did you mean `league`?)"),
    "unknown key of a window": (WINDOW + "secret = 'x'\n", "unknown key `window[0].secret`"),
    "one bracket": ('[window]\nappid = "wx1"\n', "[[window]]"),
    "no appid": ('[[window]]\nsecret_env = "S"\n', "`window[0].appid` field required"),
    "no secret_env": (
        '[league]\nappid = "wx2"\n',
        '`league` with auth = "stable_token" needs `secret_env`',
    ),
    "a number for text": ("[[window]]\nappid = 1\nsecret_env = 'S'\n", "valid string"),
    "text for a number": ('[api]\nmax_in_flight = "many"\n' + WINDOW, "`api.max_in_flight`"),
    "too many in flight": ("[api]\nmax_in_flight = 1000\n" + WINDOW, "less than or equal to 256"),
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
    "auth": (WINDOW + 'auth = "magic"\n', "`window[0].auth`"),
    "negative branch": (WINDOW + "branch_id = -1\n", "`window[0].branch_id`"),
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
        project.environment["SECRET_LEAGUE"] = " "
        told = "The environment variable SECRET_LEAGUE is empty"
    else:
        project.environment["SECRET_LEAGUE"] = "x"
        arguments = ["--partition", "no/such/list"]
        told = "There is no partition 'no/such/list'"
    done = project.refresh(*arguments)
    assert done.code == 2
    assert done.out == ""
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
