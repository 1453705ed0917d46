"""The result of a check, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from channels_assets.accounts import Account, League
from channels_assets.language import Bilingual
from channels_assets.wechat.errcodes import RULES, UNKNOWN
from channels_assets.wechat.errors import WeChatError

Status = Literal["ok", "warning", "wrong"]


EMPTY = Bilingual("", "")

# In the order in which they are printed.
CHECKS: dict[str, Bilingual] = {
    "configuration": Bilingual("configuration", "配置"),
    "data_folder": Bilingual("data folder", "数据目录"),
    "disk_space": Bilingual("disk space", "磁盘空间"),
    "warehouse": Bilingual("warehouse", "数据库"),
    "lake_files": Bilingual("lake's files", "数据湖文件"),
    "dagster": Bilingual("Dagster", "Dagster"),
    "secrets": Bilingual("secrets", "密钥"),
    "address": Bilingual("address", "接口地址"),
    "token": Bilingual("token", "token"),
    "ip": Bilingual("IP address", "IP 白名单"),
    "account_type": Bilingual("account type", "账号类型"),
    "capability": Bilingual("capability", "接口权限"),
    "quota": Bilingual("quota", "调用额度"),
    "lists": Bilingual("lists", "列表"),
}


@dataclass(frozen=True)
class Finding:
    """`account` is an appid, or "" when the check is not of an account; `remedy` is empty when nothing is
    wrong. `rid` is WeChat's number of the call that failed.
    """

    check: str
    status: Status
    message: Bilingual
    remedy: Bilingual = EMPTY
    account: str = ""
    rid: str = ""


def wrong_finding(check: str, message: Bilingual, remedy: Bilingual, account: str = "") -> Finding:
    return Finding(check, "wrong", message, remedy, account)


def error_text_finding(check: str, error: Exception, remedy: Bilingual) -> Finding:
    """An error whose one line holds both languages."""
    text = str(error).rstrip(".。")
    return wrong_finding(check, Bilingual(f"{text}.", f"{text}。"), remedy)


def error_finding(check: str, error: WeChatError, account: str) -> Finding:
    """An error of WeChat, or of the network."""
    if error.errcode is None:
        # Its advice holds both languages.
        return wrong_finding(
            check,
            Bilingual(error.reason, error.reason),
            Bilingual(error.remedy, error.remedy),
            account,
        )
    rule = RULES.get(error.errcode, UNKNOWN)
    facts = f"errcode {error.errcode}"
    facts += f", {error.errmsg}" if error.errmsg else ""
    return Finding(
        check,
        "wrong",
        Bilingual(f"{rule.meaning} [{facts}]", f"{rule.meaning_zh} [{facts}]"),
        Bilingual(rule.remedy, rule.remedy_zh),
        account,
        error.rid,
    )


def swapped_accounts_finding(account: Account, error: WeChatError) -> Finding:
    """The account of `[league]` is under `[[window]]`, or the reverse."""
    is_league = isinstance(account, League)
    section, other = ("[league]", "[[window]]") if is_league else ("[[window]]", "[league]")
    found, wanted = ("视频号助手", "联盟带货机构") if is_league else ("联盟带货机构", "视频号助手")
    return wrong_finding(
        "account_type",
        Bilingual(
            f"{account.appid} is a {found} account, but {section} needs a {wanted} account "
            f"[errcode {error.errcode}]",
            f"{account.appid} 是{found}账号，而 {section} 需要{wanted}账号 [errcode {error.errcode}]",
        ),
        Bilingual(
            f"Put it under {other} in channels.toml, and the {wanted} account's appid and secret "
            f"under {section}.",
            f"请在 channels.toml 中把它移到 {other}，并在 {section} 填写{wanted}账号的 appid 和 secret。",
        ),
        account.appid,
    )
