"""What doctor says of secrets, the way to WeChat, accounts and their lists."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable

import pytest

from channels_assets.sandbox import Fault, World
from channels_assets_tests.cli.doctor_cases import (
    check_case,
    environment,
    first_window,
    inject,
    toml,
    write,
)
from channels_assets_tests.helpers.broken import Breaks, Case
from channels_assets_tests.helpers.project import Project

PRODUCTS = "/channels/ec/window/product/list/get"
TOKEN_COMMAND = shlex.join([sys.executable, "-c", "import sys; sys.exit('SeCrEt')"])


def swapped(project: Project) -> None:
    """The agency's appid and secret where the window's should be."""
    league = project.world.league
    project.environment["SECRET_LEAGUE"] = league.secret
    project.write_lines(
        *("[[window]]", f'appid = "{league.appid}"', 'secret_env = "SECRET_LEAGUE"')
    )


def swapped_league(project: Project) -> None:
    window = project.world.windows[first_window(project)]
    project.write_lines(
        *("[league]", f'appid = "{window.appid}"', f'secret_env = "SECRET_{window.appid}"')
    )


def an_api_elsewhere(project: Project) -> None:
    project.sandbox.inject(Fault("html_200", path="/cgi-bin/openapi/quota/get"))


def authorised(break_it: Callable[[Project], object] | None = None) -> Breaks:
    def breaks(project: Project) -> None:
        platform = project.world.platform
        (project.folder / "ticket").write_text(platform.ticket)
        project.environment["WX_PLATFORM"] = platform.secret
        project.environment["REFRESH"] = platform.authorisations[
            first_window(project)
        ].refresh_token
        project.write_lines(
            *("[platform]", f'component_appid = "{platform.appid}"'),
            *('secret_env = "WX_PLATFORM"', 'ticket_file = "ticket"'),
            *("[[window]]", f'appid = "{first_window(project)}"', 'auth = "authorizer"'),
            'refresh_token_env = "REFRESH"',
        )
        if break_it is not None:
            break_it(project)

    return breaks


def no_permission_set(project: Project) -> None:
    project.world.platform.authorisations[first_window(project)].permission_sets = {1}


def old_ticket(project: Project) -> None:
    platform = project.world.platform
    platform.expired_tickets.add(platform.ticket)


def stale_cloud_token(project: Project) -> None:
    token = project.sandbox.push_cloud_token(first_window(project))
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


CASES = {
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
        inject("capability_off"),
        "capability",
        ("48001", "switch the API on", "开放能力 → 开放场景"),
        "开放能力 → 开放场景",
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
            f"token_command = {json.dumps(TOKEN_COMMAND)}",
        ),
        *("token", ("exit code 1", "by hand"), "手动运行 token_command"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_doctor_names_the_cause(make_project: Callable[..., Project], case: Case) -> None:
    check_case(make_project(World.generate(seed=71, windows=2, products=9, articles=3)), case)
