"""Every way to obtain a token, end to end: the real command, a real socket, the rows in DuckDB."""

from __future__ import annotations

import json
import shlex
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from channels_assets.sandbox import Call, World
from channels_assets_tests.helpers.project import Finished, Project

PRODUCTS = "/channels/ec/window/product/list/get"
STABLE = "/cgi-bin/stable_token"
COMPONENT = "/cgi-bin/component/api_component_token"
AUTHORIZER = "/cgi-bin/component/api_authorizer_token"
SIX_MINUTES = 360.0


class Stage:
    """A project whose sandbox has a clock and a hook that the test moves."""

    def __init__(self, make_project: Callable[..., Project], world: World, **options: Any) -> None:  # noqa: ANN401
        self.now = 1_760_000_000.0
        self.on_call: Callable[[Call], object] | None = None
        self.world = world
        self.project = make_project(
            world,
            clock=lambda: self.now,
            on_call=lambda call: self.on_call and self.on_call(call),
            **options,
        )

    def refresh(self, *more: str) -> Finished:
        self.project.sandbox.reset_calls()
        return self.project.refresh("--asset", "window_products", *more)

    def calls(self, path: str) -> int:
        return len(self.project.sandbox.calls_to(path))

    def loaded(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        sql = "SELECT account_appid, product_id FROM window_products ORDER BY 1, position"
        for appid, product_id in self.project.rows(sql):
            found.setdefault(appid, []).append(product_id)
        return found

    def truth(self, *appids: str) -> dict[str, list[str]]:
        wanted = appids or tuple(self.world.windows)
        lists = {appid: self.world.products_for(appid) for appid in wanted}
        return {
            appid: [str(item["product_id"]) for item in items]
            for appid, items in lists.items()
            if items
        }


def authorizer_lines(stage: Stage, ticket: str = 'ticket_file = "ticket"') -> list[str]:
    platform, project = stage.world.platform, stage.project
    (project.folder / "ticket").write_text(platform.ticket + "\n")
    project.environment["WX_PLATFORM"] = platform.secret
    lines = ["[platform]", f'component_appid = "{platform.appid}"']
    lines += ['secret_env = "WX_PLATFORM"', ticket]
    for appid, granted in platform.authorisations.items():
        project.environment[f"REFRESH_{appid}"] = granted.refresh_token
        lines += ["[[window]]", f'appid = "{appid}"', 'auth = "authorizer"']
        lines += [f'refresh_token_env = "REFRESH_{appid}"']
    return lines


@pytest.fixture
def authorizer(make_project: Callable[..., Project]) -> Stage:
    stage = Stage(make_project, World.generate(seed=61, windows=3, products=30))
    stage.project.write_lines(*authorizer_lines(stage))
    return stage


def saved_tokens(project: Project) -> list[Path]:
    return sorted((project.data / "tokens").glob("*.json"))


def test_authorizer_by_one_platform(authorizer: Stage) -> None:
    done = authorizer.refresh()
    assert done.code == 0, done.err
    assert authorizer.loaded() == authorizer.truth()
    assert authorizer.calls(COMPONENT) == 1
    assert authorizer.calls(AUTHORIZER) == 3
    assert authorizer.calls(STABLE) == 0
    for path in saved_tokens(authorizer.project):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(saved_tokens(authorizer.project)) == 3

    # The successors were saved: the first ones have long been worthless.
    authorizer.now += SIX_MINUTES
    assert authorizer.refresh().code == 0
    # And the first ones need not even be there any more.
    for appid in authorizer.world.windows:
        del authorizer.project.environment[f"REFRESH_{appid}"]
    authorizer.now += SIX_MINUTES
    assert authorizer.refresh().code == 0


def test_authorizer_for_two_hundred_windows_in_one_run(
    make_project: Callable[..., Project],
) -> None:
    stage = Stage(make_project, World.generate(seed=62, windows=200, products=3))
    stage.project.write_lines(*authorizer_lines(stage))
    done = stage.refresh()
    assert done.code == 0, done.err
    assert stage.loaded() == stage.truth()
    assert stage.calls(COMPONENT) == 1
    assert stage.calls(AUTHORIZER) == 200


def test_authorizer_whose_tokens_end_in_mid_run(authorizer: Stage) -> None:
    ended: list[Call] = []

    def on_call(call: Call) -> None:
        if call.path == PRODUCTS and not ended:
            ended.append(call)
            authorizer.project.sandbox.expire_tokens()

    authorizer.on_call = on_call
    done = authorizer.refresh()
    assert done.code == 0, done.err
    assert authorizer.loaded() == authorizer.truth()
    # The platform's own token had ended, too.
    assert authorizer.calls(COMPONENT) == 2


@pytest.mark.parametrize("moment", ["before it is saved", "after it is saved"])
def test_a_refresh_token_survives_a_crash(
    make_project: Callable[..., Project], moment: str
) -> None:
    """Before: WeChat has replaced it, and the answer finds nobody. After: nobody has used the token."""
    # One window: of several, some would be killed before and some after.
    authorizer = Stage(make_project, World.generate(seed=61, windows=1, products=30))
    authorizer.project.write_lines(*authorizer_lines(authorizer))
    first = {
        appid: granted.refresh_token
        for appid, granted in authorizer.world.platform.authorisations.items()
    }
    processes: list[subprocess.Popen[str]] = []
    path = AUTHORIZER if moment.startswith("before") else PRODUCTS

    def kill(call: Call) -> None:
        if call.path == path:
            processes[0].kill()
            processes[0].wait()

    authorizer.on_call = kill
    processes.append(authorizer.project.start("refresh", "--asset", "window_products"))
    processes[0].communicate(timeout=60)
    assert processes[0].returncode == -9
    # The sandbox goes on to answer the call during which the process was killed.
    pause = threading.Event()
    while not all(call.status for call in authorizer.project.sandbox.calls_to(path)):
        pause.wait(0.01)
    authorizer.on_call = None
    replaced = [
        appid
        for appid, granted in authorizer.world.platform.authorisations.items()
        if granted.refresh_token != first[appid]
    ]
    assert replaced
    if moment.startswith("after"):
        authorizer.now += SIX_MINUTES
    else:
        authorizer.now += SIX_MINUTES - 120
    done = authorizer.refresh()
    assert done.code == 0, done.err
    assert authorizer.loaded() == authorizer.truth()


def test_a_refresh_token_that_was_lost_says_who_must_act(authorizer: Stage) -> None:
    appid, granted = next(iter(authorizer.world.platform.authorisations.items()))
    granted.refresh_token = "refreshtoken@@@that-nobody-here-knows"
    done = authorizer.refresh()
    assert done.code == 1
    (failed,) = done.assets["window_products"]["failed"]
    assert failed["class"] == "PermissionDenied"
    for word in (appid, "61023", "administrator", "177 or 133", "管理员重新授权", "rid "):
        assert word in failed["error"]

    # A human re-authorises: the new one counts, not what was kept of the old one.
    authorizer.project.environment[f"REFRESH_{appid}"] = granted.refresh_token
    assert authorizer.refresh().code == 0


def test_a_ticket_by_command_is_asked_for_each_time(authorizer: Stage) -> None:
    script = authorizer.project.folder / "ticket.py"
    script.write_text("print(open('ticket').read())")
    ticket = f"ticket_command = {json.dumps(shlex.join([sys.executable, str(script)]))}"
    authorizer.project.write_lines(*authorizer_lines(authorizer, ticket))
    assert authorizer.refresh().code == 0
    platform = authorizer.world.platform
    platform.expired_tickets.add(platform.ticket)
    platform.ticket = "ticket@@@the-next-one"
    (authorizer.project.folder / "ticket").write_text(platform.ticket)
    assert authorizer.refresh().code == 0


def test_a_refresh_token_in_a_file(authorizer: Stage) -> None:
    lines = authorizer_lines(authorizer)
    for appid, granted in authorizer.world.platform.authorisations.items():
        (authorizer.project.folder / f"refresh-{appid}").write_text(granted.refresh_token + "\n")
        del authorizer.project.environment[f"REFRESH_{appid}"]
    changed = [
        line.replace('refresh_token_env = "REFRESH_', 'refresh_token_file = "refresh-')
        for line in lines
    ]
    authorizer.project.write_lines(*changed)
    for _ in range(2):
        assert authorizer.refresh().code == 0
        authorizer.now += SIX_MINUTES


def test_cloud_token_is_read_for_each_call(make_project: Callable[..., Project]) -> None:
    stage = Stage(make_project, World.generate(seed=63, windows=2, products=450))
    appid = next(iter(stage.world.windows))
    mounted = stage.project.folder / "cloudbase_access_token"
    mounted.write_text(stage.project.sandbox.push_cloud_token(appid) + "\n")

    def push(call: Call) -> None:
        # The one that was just used ends at once: the next call must carry the new one.
        if call.path == PRODUCTS and call.appid:
            stage.now += 1799
            mounted.write_text(stage.project.sandbox.push_cloud_token(appid) + "\n")

    stage.on_call = push
    stage.project.settings.append("max_in_flight = 1")
    stage.project.write_lines(
        "[[window]]", f'appid = "{appid}"', 'auth = "cloud_token"', f'token_file = "{mounted}"'
    )
    done = stage.refresh()
    assert done.code == 0, done.err
    assert stage.loaded() == stage.truth(appid)
    assert stage.calls(PRODUCTS) > 2
    assert {call.errcode for call in stage.project.sandbox.calls} == {0}
    assert {call.path for call in stage.project.sandbox.calls} == {PRODUCTS}


def test_cloud_open_api_sends_no_token(make_project: Callable[..., Project]) -> None:
    world = World.generate(seed=64, windows=2, products=450)
    appid = next(iter(world.windows))
    stage = Stage(make_project, world, open_api_for=appid)
    stage.project.write_lines("[[window]]", f'appid = "{appid}"', 'auth = "cloud_open_api"')
    done = stage.refresh()
    assert done.code == 0, done.err
    assert stage.loaded() == stage.truth(appid)
    assert {call.path for call in stage.project.sandbox.calls} == {PRODUCTS}


class Central:
    """A central token service (中控): keeps the token of each account in a file."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.renewals = 0

    def path(self, appid: str) -> Path:
        return self._stage.project.folder / f"token-{appid}"

    def renew(self) -> None:
        desk = self._stage.project.sandbox._tokens
        self.renewals += 1
        for appid in self._stage.world.secrets():
            token, _ = desk.stable(appid, force=False)
            self.path(appid).write_text(token + "\n")

    def lines(self, auth: str) -> list[str]:
        if auth == "token_file":
            return [*self._lines("token_file", lambda appid: json.dumps(str(self.path(appid))))]
        return [
            *self._lines("token_command", lambda appid: json.dumps(["cat", str(self.path(appid))]))
        ]

    def _lines(self, auth: str, value: Callable[[str], str]) -> list[str]:
        lines: list[str] = []
        for appid in self._stage.world.windows:
            lines += ["[[window]]", f'appid = "{appid}"', f'auth = "{auth}"']
            lines += [f"{auth} = {value(appid)}"]
        appid = self._stage.world.league.appid
        lines += ["[league]", f'appid = "{appid}"', f'auth = "{auth}"', f"{auth} = {value(appid)}"]
        return [*lines, 'sharers = "all"']


@pytest.mark.parametrize("auth", ["token_file", "token_command"])
def test_a_central_token_service_that_renews_in_mid_run(
    make_project: Callable[..., Project], auth: str
) -> None:
    stage = Stage(make_project, World.generate(seed=65, windows=2, products=450, articles=11))
    central = Central(stage)
    central.renew()
    seen: list[Call] = []

    def on_call(call: Call) -> None:
        seen.append(call)
        if len(seen) in (3, 9):
            stage.project.sandbox.revoke_tokens()
            central.renew()

    stage.on_call = on_call
    stage.project.write_lines(*central.lines(auth))
    done = stage.project.refresh()
    assert done.code == 0, done.err
    assert stage.loaded() == stage.truth()
    assert done.assets["shop_articles"]["succeeded"] > 0
    assert central.renewals == 3
    assert stage.calls(STABLE) == 0
