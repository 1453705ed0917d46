"""`channels-assets doctor` names the right cause of each broken set-up, and nothing else as the cause."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import duckdb
import pytest

from channels_assets.sandbox import Fault, World
from channels_assets.warehouse import Warehouse, set_meta
from channels_assets_tests.helpers.broken import Breaks, Case
from channels_assets_tests.helpers.project import Project
from channels_assets_tests.helpers.search import Needles

PRODUCTS = "/channels/ec/window/product/list/get"
STABLE = "/cgi-bin/stable_token"


def first(project: Project) -> str:
    return next(iter(project.world.windows))


def environment(**values: str) -> Breaks:
    def breaks(project: Project) -> None:
        for name, value in values.items():
            project.environment[name.replace("FIRST", first(project))] = value

    return breaks


def inject(kind: str, **more: Any) -> Breaks:  # noqa: ANN401
    return lambda project: project.sandbox.inject(Fault(kind, appid=first(project), **more))


def toml(old: str, new: str) -> Breaks:
    def breaks(project: Project) -> None:
        path = project.folder / "channels.toml"
        text = path.read_text("utf-8").replace("URL", project.sandbox.url)
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    return breaks


def write(*lines: str) -> Breaks:
    def breaks(project: Project) -> None:
        project.write_lines(*(line.replace("FIRST", first(project)) for line in lines))

    return breaks


def swapped(project: Project) -> None:
    """The agency's appid and secret where the window's should be."""
    league = project.world.league
    project.environment["SECRET_LEAGUE"] = league.secret
    project.write_lines(
        *("[[window]]", f'appid = "{league.appid}"', 'secret_env = "SECRET_LEAGUE"')
    )


def swapped_league(project: Project) -> None:
    window = project.world.windows[first(project)]
    project.write_lines(
        *("[league]", f'appid = "{window.appid}"', f'secret_env = "SECRET_{window.appid}"')
    )


def no_folder(project: Project) -> None:
    # Not by chmod: root may write everywhere.
    project.data.write_text("a file where the folder should be")


def an_api_elsewhere(project: Project) -> None:
    project.sandbox.inject(Fault("html_200", path="/cgi-bin/openapi/quota/get"))


def damaged(project: Project) -> None:
    project.data.mkdir()
    (project.data / "warehouse.duckdb").write_bytes(b"this is no database" * 1000)


def published(project: Project) -> None:
    with Warehouse(project.data).writing() as connection:
        set_meta(connection, "origin", "x")
    Warehouse(project.data).publish()


def damaged_beside_a_copy(project: Project) -> None:
    published(project)
    (project.data / "warehouse.duckdb").write_bytes(b"this is no database" * 1000)


def missing_beside_a_copy(project: Project) -> None:
    published(project)
    (project.data / "warehouse.duckdb").unlink()


def damaged_copy(project: Project) -> None:
    published(project)
    (project.data / "channels.duckdb").write_bytes(b"this is no database" * 1000)


def written_into(project: Project) -> None:
    """A program opened the published file for writing, and was killed."""
    published(project)
    script = (
        "import os, sys, duckdb; con = duckdb.connect(sys.argv[1])\n"
        "con.execute('CREATE TABLE mine AS SELECT 1'); os.kill(os.getpid(), 9)\n"
    )
    path = project.data / "channels.duckdb"
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)


def two_warehouses(project: Project) -> None:
    published(project)
    (project.data / "warehouse.duckdb").unlink()
    (project.data / "channels.duckdb").rename(project.data / "kept")
    published(project)
    (project.data / "kept").rename(project.data / "channels.duckdb")


def lock_of_another(project: Project) -> None:
    """It can't be opened, though the data is whole. Not by chmod: root may open everything."""
    published(project)
    (project.data / "warehouse.lock").unlink()
    (project.data / "warehouse.lock").mkdir()


def newer(project: Project) -> None:
    with Warehouse(project.data).writing() as connection:
        set_meta(connection, "schema_version", "999")


@contextmanager
def open_elsewhere(project: Project) -> Iterator[None]:
    with Warehouse(project.data).writing():
        pass
    with duckdb.connect(str(project.data / "warehouse.duckdb")):
        yield


@contextmanager
def locked(project: Project) -> Iterator[None]:
    with Warehouse(project.data).writing():
        pass
    with (project.data / "warehouse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def a_lake(project: Project) -> None:
    with (project.folder / "channels.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'[warehouse]\ncatalogue_env = "LAKE"\ndata_path = "{project.folder}"\n')


def broken_instance(project: Project) -> None:
    (project.data / "dagster_home").mkdir(parents=True)
    (project.data / "dagster_home" / "dagster.yaml").write_text("run_coordinator: 7\n")


def authorised(break_it: Callable[[Project], object] | None = None) -> Breaks:
    def breaks(project: Project) -> None:
        platform = project.world.platform
        (project.folder / "ticket").write_text(platform.ticket)
        project.environment["WX_PLATFORM"] = platform.secret
        project.environment["REFRESH"] = platform.authorisations[first(project)].refresh_token
        project.write_lines(
            *("[platform]", f'component_appid = "{platform.appid}"'),
            *('secret_env = "WX_PLATFORM"', 'ticket_file = "ticket"'),
            *("[[window]]", f'appid = "{first(project)}"', 'auth = "authorizer"'),
            'refresh_token_env = "REFRESH"',
        )
        if break_it is not None:
            break_it(project)

    return breaks


def no_permission_set(project: Project) -> None:
    project.world.platform.authorisations[first(project)].permission_sets = {1}


def old_ticket(project: Project) -> None:
    platform = project.world.platform
    platform.expired_tickets.add(platform.ticket)


def stale_cloud_token(project: Project) -> None:
    token = project.sandbox.push_cloud_token(first(project))
    project.sandbox.expire_tokens()
    (project.folder / "cloud").write_text(token)
    write("[[window]]", 'appid = "FIRST"', 'auth = "cloud_token"', 'token_file = "cloud"')(project)


def sharers(choice: str) -> Breaks:
    def breaks(project: Project) -> None:
        project.sharers = choice
        project.write()

    return breaks


def no_choice(project: Project) -> None:
    toml('sharers = "all"\n', "")(project)


def no_shops(project: Project) -> None:
    project.world.league.shops.clear()


def real_data(project: Project) -> None:
    assert project.refresh("--asset", "window_products").code == 0
    (project.folder / "channels.toml").unlink()
    del project.environment["CHANNELS_CONFIG"]


COMMAND = f"{sys.executable} -c 'import sys; sys.exit(\"SeCrEt\")'"

CASES = {
    # The configuration can't be used.
    "file missing": Case(
        lambda project: (project.folder / "channels.toml").unlink(),
        *("configuration", ("does not exist", "CHANNELS_CONFIG"), "channels.toml"),
        code=2,
    ),
    "unknown key": Case(
        toml("[league]\n", "[league]\nsharer = 1\n"),
        *("configuration", ("`league.sharer`", "did you mean `sharers`"), "did you mean"),
        code=2,
    ),
    "cloud call for the agency": Case(
        toml("[league]\n", '[league]\nauth = "cloud_token"\n'),
        *("configuration", ("works for windows only",), "只支持橱窗接口"),
        code=2,
    ),
    # This machine.
    "no data folder": Case(
        no_folder, "data_folder", ("can't be written", "CHANNELS_DATA"), "无法写入"
    ),
    "damaged warehouse": Case(
        damaged, "warehouse", ("is damaged", "no channels.duckdb", "backup"), "请按提示处理"
    ),
    "damaged beside a copy": Case(
        damaged_beside_a_copy,
        *(
            "warehouse",
            ("is damaged", "restores it from channels.duckdb"),
            "从 channels.duckdb 恢复",
        ),
        status="warning",
        code=0,
    ),
    "missing beside a copy": Case(
        missing_beside_a_copy,
        *("warehouse", ("is missing", "do not remove channels.duckdb"), "从 channels.duckdb 恢复"),
        status="warning",
        code=0,
    ),
    "damaged copy": Case(
        damaged_copy, "warehouse", ("channels.duckdb is damaged", "anew"), "重新生成", "warning", 0
    ),
    "written into the copy": Case(
        written_into, "warehouse", ("open for writing", "read-only"), "以只读方式", "warning", 0
    ),
    "two warehouses": Case(
        two_warehouses, "warehouse", ("two different warehouses", "move one"), "请按提示处理"
    ),
    "lock of another user": Case(
        lock_of_another,
        *("warehouse", ("warehouse.lock can't be used", "move nothing away"), "请勿移走文件"),
    ),
    "newer warehouse": Case(newer, "warehouse", ("schema version 999", "upgrade"), "999"),
    "open elsewhere": Case(
        open_elsewhere, "warehouse", ("open in another program", "Close"), "关闭占用"
    ),
    "locked for long": Case(
        locked, "warehouse", ("has been writing for", "Wait"), "请等待", status="warning", code=0
    ),
    "real data, no file": Case(real_data, "warehouse", ("holds real data",), "已有真实数据"),
    "broken Dagster": Case(
        broken_instance, "dagster", ("dagster.yaml",), "修正其中的 dagster.yaml"
    ),
    # What many machines need is not installed here.
    "no psycopg": Case(
        a_lake, "warehouse", ("psycopg", 'pip install "channels-assets[lake]"'), "make cluster"
    ),
    # Secrets and the way to WeChat.
    "no secret": Case(
        environment(SECRET_FIRST=""), "secrets", ("SECRET_", "is empty", "AppSecret"), "未设置"
    ),
    "unreachable": Case(
        toml("http://127.0.0.1", "http://127.0.0.2"),
        *("address", ("can't be reached", "firewall", "base_url"), "无法连接"),
    ),
    "a login page between": Case(
        an_api_elsewhere, "address", ("Something else than WeChat", "login page"), "登录页"
    ),
    # Accounts.
    "wrong secret": Case(
        environment(SECRET_FIRST="0" * 32),
        *("token", ("40125", "secret is wrong", "secret_env"), "AppSecret 与 appid 不符"),
    ),
    "unknown appid": Case(
        write("[[window]]", 'appid = "wx0"', 'secret_env = "SECRET_FIRST"'),
        *("token", ("40013", "does not know this appid"), "appid 有误"),
    ),
    "frozen secret": Case(
        inject("secret_frozen"), "token", ("40243", "Unfreeze"), "AppSecret 已被冻结"
    ),
    "IP not allowed": Case(
        inject("ip_not_allowed"), "ip", ("40164", "127.0.0.1", "whitelist"), "IP 白名单"
    ),
    "agency as window": Case(
        swapped, "account_type", ("联盟带货机构 account", "[[window]]", "48001"), "移到 [league]"
    ),
    "window as agency": Case(
        swapped_league, "account_type", ("视频号助手 account", "[league]"), "移到 [[window]]"
    ),
    "capability off": Case(
        inject("capability_off"), "capability", ("48001", "switch on", "开放能力"), "开通“开放能力”"
    ),
    "banned": Case(inject("window_banned"), "lists", ("10022002", "带货中心"), "橱窗因违规被封禁"),
    "quota used up": Case(
        inject("quota_day", path=PRODUCTS), "quota", ("45009", "midnight"), "额度已用完"
    ),
    "token always rejected": Case(
        inject("token_replaced", path=PRODUCTS), "token", ("40001", "another program"), "强制刷新"
    ),
    # Lists.
    "no sharer chosen": Case(
        no_choice, "lists", ("none is chosen", "sharers = ["), "未指定使用哪个"
    ),
    "sharer not bound": Case(
        sharers('["wx0000000000000000"]'), "lists", ("is not bound",), "未绑定该机构"
    ),
    "no shop": Case(
        no_shops, "lists", ("No shop cooperates", "内容合作"), "没有合作小店", "warning", 0
    ),
    # The other ways to a token.
    "refresh token dead": Case(
        authorised(environment(REFRESH="refreshtoken@@@of-long-ago")),
        *("token", ("61023", "administrator", "177 or 133"), "管理员重新授权"),
    ),
    "no permission set": Case(
        authorised(no_permission_set), "capability", ("61007", "177", "133"), "权限集 177"
    ),
    "old ticket": Case(
        authorised(old_ticket), "token", ("61005", "every 10 minutes"), "每 10 分钟推送"
    ),
    "no ticket": Case(
        authorised(lambda project: (project.folder / "ticket").unlink()),
        *("token", ("`ticket_file` ticket can't be read",), "无法读取 ticket_file"),
    ),
    "no refresh token": Case(
        authorised(environment(REFRESH="")),
        *("secrets", ("REFRESH", "authorizer_refresh_token"), "未设置"),
    ),
    "cloud token stale": Case(
        stale_cloud_token, "token", ("still holds it",), "文件中的 access_token 无效"
    ),
    "outside the cloud": Case(
        write("[[window]]", 'appid = "FIRST"', 'auth = "cloud_open_api"'),
        *("token", ("41001", "inside 云托管"), "须运行在云托管内"),
    ),
    "token file missing": Case(
        write("[[window]]", 'appid = "FIRST"', 'auth = "token_file"', 'token_file = "nowhere"'),
        *("token", ("`token_file` nowhere can't be read",), "无法读取 token_file"),
    ),
    "token command fails": Case(
        write(
            *("[[window]]", 'appid = "FIRST"', 'auth = "token_command"'),
            f"token_command = {json.dumps(COMMAND)}",
        ),
        *("token", ("exit code 1", "by hand"), "手动运行 token_command"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_doctor_names_the_cause(make_project: Callable[..., Project], case: Case) -> None:
    project = make_project(World.generate(seed=71, windows=2, products=9, articles=3))
    project.environment["LANG"] = "en_US.UTF-8"
    project.settings.append("tries = 1")
    project.write()
    broken = case.breaks(project)
    with broken if hasattr(broken, "__enter__") else nullcontext():
        told = project.command("doctor", "--json")
        project.environment["LC_ALL"] = "zh_CN.UTF-8"
        shown = project.command("doctor")
    assert told.code == shown.code == case.code, told.err + shown.err
    assert told.err == shown.err == ""
    found = [one for one in json.loads(told.out)["findings"] if one["status"] != "ok"]
    assert {(one["check"], one["status"]) for one in found} == {(case.check, case.status)}, told.out
    said = f"{found[0]['message']} {found[0]['todo']}"
    assert [word for word in case.words if word not in said] == []
    lines = [line for line in shown.out.splitlines() if not line.startswith("正常")]
    assert len(lines) == 1, shown.out
    assert case.zh in lines[0]
    secrets = {one for one in project.sandbox.tokens if len(one) >= 16}
    assert Needles(secrets).found_in(told.out + shown.out) == []
    assert "SeCrEt" not in told.out + shown.out


def test_nothing_broken_is_all_ok(make_project: Callable[..., Project]) -> None:
    project = make_project(World.generate(seed=71), daily_limit=1000)
    for refreshed in (False, True):
        if refreshed:
            assert project.refresh().code == 0
        done = project.command("doctor")
        assert done.code == 0, done.out
        assert {line.split()[0] for line in done.out.splitlines()} == {"ok"}
        assert refreshed != ("none yet" in done.out)
    assert "calls left today" in done.out
    # It looks, and leaves nothing behind that a refresh does not.
    assert project.refresh().code == 0


def test_without_a_file_it_looks_at_the_bundled_sandbox(tmp_path: Path) -> None:
    project = object.__new__(Project)
    project.folder, project.data = tmp_path, tmp_path / "data"
    project.environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "zh_CN.UTF-8"}
    done = project.command("doctor")
    assert done.code == 0, done.out + done.err
    assert {line.split()[0] for line in done.out.splitlines()} == {"正常"}
    assert "内置沙盒" in done.out
    told = project.command("doctor", "--json")
    assert json.loads(told.out)["sandbox"].startswith("http://127.0.0.1:")
    assert sorted(path.name for path in project.data.iterdir()) == ["dagster_home"]


def test_the_same_trouble_of_many_accounts_is_one_line(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(World.generate(seed=72, windows=40, products=2))
    project.write(league=False)
    project.sandbox.inject(Fault("capability_off", text="api unauthorized"))
    project.environment["COLUMNS"] = "300"
    done = project.command("doctor")
    assert done.code == 1
    wrong = [line for line in done.out.splitlines() if line.startswith("wrong")]
    assert len(wrong) == 1
    assert "(+37)" in wrong[0]
