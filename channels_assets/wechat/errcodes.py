"""What each errcode means and what to do about it: the API's published tables, in our words.

Sources: https://developers.weixin.qq.com/doc/channels/API/basics/commErrCode.html and the endpoints' pages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from channels_assets.wechat.errors import (
    BadRequest,
    PermissionDenied,
    QuotaExhausted,
    RateLimited,
    TokenRejected,
    Transient,
    WeChatError,
    redact,
    strike,
)

_RID = re.compile(r"\brid:\s*([0-9a-fA-F]+(?:-[0-9a-fA-F]+)+)|\bhint:\s*\[([\w-]+)\]", re.ASCII)
_TAIL = re.compile(r"[,\s]*(?:\brid:\s*\S+|hint:\s*\[[^\]]*\])\s*$")


@dataclass(frozen=True)
class Rule:
    """What an errcode means: its class, and what to do about it in English and Chinese."""

    error: type[WeChatError]
    meaning: str
    advice: str = ""
    advice_zh: str = ""

    @property
    def told(self) -> str:
        return " ".join(part for part in (self.advice, self.advice_zh) if part)


_BUSY = Rule(Transient, "WeChat is busy.", "It is tried again by itself.", "系统繁忙，会自动重试。")
_RATE = Rule(
    RateLimited,
    "Too many calls a minute.",
    "Calls slow down by themselves.",
    "调用过于频繁，会自动降速重试。",
)
_BUG = Rule(
    BadRequest,
    "WeChat says that the request is wrong.",
    "Please report it with the rid.",
    "请求参数有误，请带上 rid 反馈。",
)
_TOKEN = Rule(
    TokenRejected,
    "The access token was rejected, also after a new one was fetched.",
    "Does another program refresh this account's token with force_refresh or /cgi-bin/token?",
    "access_token 无效：请确认没有其他程序在强制刷新该账号的 token。",
)
_APPID = Rule(
    PermissionDenied,
    "WeChat does not know this appid.",
    "Correct `appid` in channels.toml.",
    "appid 有误，请检查 channels.toml。",
)
_SECRET = Rule(
    PermissionDenied,
    "The secret is wrong for this appid.",
    "Put the right one into the environment variable that `secret_env` names.",
    "AppSecret 有误，请检查 secret_env 指定的环境变量。",
)
_IP = Rule(
    PermissionDenied,
    "WeChat refuses calls from this machine's IP address.",
    "Add the IP named in errmsg to the account's IP whitelist (window: 视频号助手, league: 联盟带货机构 console).",
    "请把 errmsg 中的 IP 加入 IP 白名单（视频号助手或联盟带货机构后台）。",
)
_ACCOUNT = Rule(
    PermissionDenied,
    "This account is restricted or not authorised.",
    "Look into the account's console.",
    "账号受限或未授权，请登录后台查看。",
)
_REAUTHORISE = Rule(
    PermissionDenied,
    "The merchant's authorisation of the third-party platform is missing or invalid.",
    "The merchant must authorise again, with permission set 133 or 177.",
    "商家需重新授权（权限集 133 或 177）。",
)
_COMPONENT = Rule(
    PermissionDenied,
    "The third-party platform's ticket or appid was refused.",
    "Wait for the next component_verify_ticket, then check the platform's settings.",
    "第三方平台 ticket 或 appid 无效，请等待下一次推送并检查设置。",
)
_RATE_KIN = (45011, 30000, 44990, 300000)

RULES: dict[int, Rule] = {
    -1: _BUSY,
    -604102: _BUSY,
    -604103: _BUSY,
    10071030: Rule(
        Transient,
        "WeChat failed to look up the sharer.",
        "It is tried again by itself.",
        "推客信息查询失败，会自动重试。",
    ),
    **dict.fromkeys(_RATE_KIN, _RATE),
    **dict.fromkeys((40001, 40014, 42001), _TOKEN),
    **dict.fromkeys((40013, 41002), _APPID),
    **dict.fromkeys((40125, 41004), _SECRET),
    **dict.fromkeys((40164, 45035, 61004), _IP),
    **dict.fromkeys((48004, 50001, 50002, 50004, 10080000, 10080001, 10080002), _ACCOUNT),
    **dict.fromkeys((61003, 61007, 61023), _REAUTHORISE),
    **dict.fromkeys((61005, 61006, 61011, 61024), _COMPONENT),
    **dict.fromkeys((40002, 40066, 40097, 41001, 43002, 43003, 44002, 45002, 47001), _BUG),
    **dict.fromkeys((10022006, 10024000, 10071003, 10071048), _BUG),
    40243: Rule(
        PermissionDenied,
        "The secret is frozen.",
        "Unfreeze it in the account's console.",
        "AppSecret 已被冻结，请在后台解冻。",
    ),
    45009: Rule(
        QuotaExhausted,
        "The daily quota of this API is used up.",
        "Refresh again after it is reset, presumably at midnight in Shanghai; other APIs go on.",
        "该接口当日调用额度已用完，请待额度重置后再刷新（通常为北京时间零点）。",
    ),
    48006: Rule(
        QuotaExhausted,
        "No quota resets are left this month.",
        "Wait for the daily reset.",
        "本月清零次数已用完，请等待每日重置。",
    ),
    48001: Rule(
        PermissionDenied,
        "This account may not call this API.",
        "Windows: use the 视频号助手 account and switch on 视频号助手 → 开放能力; "
        "shops and articles: use the 联盟带货机构 account.",
        "该账号无此接口权限：橱窗接口请用视频号助手账号并开通“开放能力”；小店与文章接口请用联盟带货机构账号。",
    ),
    89503: Rule(
        PermissionDenied,
        "The call waits for the administrator's confirmation.",
        "Confirm it in the message that WeChat sent to the administrator.",
        "请管理员在微信中确认本次调用。",
    ),
    10022001: Rule(
        PermissionDenied,
        "This account is no Channels window identity.",
        "Use the appid and secret of the 视频号助手 account.",
        "该账号不是视频号橱窗身份，请使用视频号助手的 appid 和 secret。",
    ),
    10022002: Rule(
        PermissionDenied,
        "This window is banned for violations.",
        "See 带货中心 → 个人中心 → 带货权限.",
        "橱窗因违规被封禁，请到 带货中心 → 个人中心 → 带货权限 处理。",
    ),
    10022008: Rule(
        PermissionDenied,
        "`shop_appid` is not a shop bound to this Channels account.",
        "Correct it in channels.toml, or bind the shop.",
        "shop_appid 不是该视频号绑定的小店，请检查 channels.toml。",
    ),
    10071029: Rule(
        PermissionDenied,
        "The sharer is not bound to this agency.",
        "Bind the sharer again, or take it out of `sharers` in channels.toml.",
        "推客未绑定该机构：请重新绑定，或从 channels.toml 的 sharers 中移除。",
    ),
    10071049: Rule(
        PermissionDenied,
        "The sharer function of this account is closed.",
        "See 联盟带货机构 console → 推客带货.",
        "推客功能已关闭，请到联盟带货机构后台 → 推客带货 查看。",
    ),
    -604100: _BUG,
    -604101: Rule(
        PermissionDenied,
        "The cloud call is not declared.",
        "Declare the API under 云调用 → 微信令牌权限配置; it takes up to 10 minutes.",
        "请在 云调用 → 微信令牌权限配置 中声明该接口（最多 10 分钟生效）。",
    ),
    -604104: _BUG,
}


def error_for(errcode: int, errmsg: str, endpoint: str, secrets: Sequence[str] = ()) -> WeChatError:
    """The error for an errcode other than 0. Unknown codes stop the caller, code and rid shown."""
    rule = RULES.get(errcode) or Rule(
        BadRequest,
        "WeChat answered with an error that is not in the published tables.",
        "Look it up with its rid.",
        "未知错误码，请用 rid 查询。",
    )
    found = _RID.search(errmsg)
    text = errmsg
    while (shorter := _TAIL.sub("", text)) != text:
        text = shorter
    return rule.error(
        rule.meaning,
        endpoint=endpoint,
        errcode=errcode,
        errmsg=redact(strike(text, secrets))[:500],
        rid=(found[1] or found[2]) if found else "",
        advice=rule.told,
    )
