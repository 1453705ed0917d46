"""What the doctor finds, in English and Chinese."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from channels_assets.wechat.errcodes import RULES, UNKNOWN
from channels_assets.wechat.errors import WeChatError

Language = Literal["en", "zh"]
Status = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True)
class Said:
    """The same in both languages."""

    en: str
    zh: str

    def in_(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


NOTHING = Said("", "")

# In the order in which they are told.
CHECKS: dict[str, Said] = {
    "configuration": Said("configuration", "配置"),
    "data_folder": Said("data folder", "数据目录"),
    "disk_space": Said("disk space", "磁盘空间"),
    "warehouse": Said("warehouse", "数据库"),
    "lake_files": Said("lake's files", "数据湖文件"),
    "dagster": Said("Dagster", "Dagster"),
    "secrets": Said("secrets", "密钥"),
    "address": Said("address", "接口地址"),
    "token": Said("token", "token"),
    "ip": Said("IP address", "IP 白名单"),
    "account_type": Said("account type", "账号类型"),
    "capability": Said("capability", "接口权限"),
    "quota": Said("quota", "调用额度"),
    "lists": Said("lists", "列表"),
}


@dataclass(frozen=True)
class Finding:
    """One line. `account` is an appid, or "" for what is no account's; `todo` is empty when all is well.

    `rid` is WeChat's number of the call that it is about, where there was one.
    """

    check: str
    status: Status
    what: Said
    todo: Said = NOTHING
    account: str = ""
    rid: str = ""


def language(env: Mapping[str, str] = os.environ) -> Language:
    """That of the locale: Chinese, or else English."""
    names = (env.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next((name for name in names if name), "").startswith("zh") else "en"


def wrong(check: str, what: Said, todo: Said, account: str = "") -> Finding:
    return Finding(check, "wrong", what, todo, account)


def of_error(check: str, error: WeChatError, account: str) -> Finding:
    """What WeChat, or the way there, has against it."""
    if error.errcode is None:
        # Its remedy speaks both languages.
        return wrong(
            check, Said(error.reason, error.reason), Said(error.remedy, error.remedy), account
        )
    rule = RULES.get(error.errcode, UNKNOWN)
    facts = f"errcode {error.errcode}"
    facts += f", {error.errmsg}" if error.errmsg else ""
    return Finding(
        check,
        "wrong",
        Said(f"{rule.meaning} [{facts}]", f"{rule.meaning_zh} [{facts}]"),
        Said(rule.remedy, rule.remedy_zh),
        account,
        error.rid,
    )
