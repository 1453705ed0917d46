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
)
from channels_assets.wechat.redaction import redact, scrub

_RID = re.compile(r"\brid:\s*([0-9a-fA-F]+(?:-[0-9a-fA-F]+)+)|\bhint:\s*\[([\w-]+)\]", re.ASCII)
_TAIL = re.compile(r"[,\s]*(?:\brid:\s*\S+|hint:\s*\[[^\]]*\])\s*$")


@dataclass(frozen=True)
class Rule:
    """What an errcode means: its class, and what to do about it in English and Chinese."""

    error: type[WeChatError]
    meaning: str
    meaning_zh: str
    remedy: str
    remedy_zh: str

    @property
    def remedies(self) -> str:
        """The remedy in both languages."""
        return f"{self.remedy} {self.remedy_zh}"


_BUSY = Rule(
    Transient,
    "WeChat is busy.",
    "微信系统繁忙。",
    "It is tried again by itself.",
    "系统繁忙，会自动重试。",
)
_RATE = Rule(
    RateLimited,
    "Too many calls a minute.",
    "每分钟调用次数过多。",
    "Calls slow down by themselves.",
    "调用过于频繁，会自动降速重试。",
)
_BUG = Rule(
    BadRequest,
    "WeChat says that the request is wrong.",
    "微信认为请求有误。",
    "Please report it with the rid.",
    "请求参数有误，请带上 rid 反馈。",
)
_PARAMETER = Rule(
    BadRequest,
    "WeChat says that a parameter of the request is wrong.",
    "微信认为请求参数有误。",
    "Check the ids in channels.toml: `branch_id` and `shop_appid` in [[window]], `sharers` in [league]. If they "
    "are right, please report it with the rid.",
    "请求参数有误：请先检查 channels.toml 中的 [[window]] branch_id、shop_appid 和 [league] sharers；"
    "若都无误，请带上 rid 反馈。",
)
_TOKEN = Rule(
    TokenRejected,
    "The access token was rejected, also after a new one was fetched.",
    "access_token 被拒绝，重新获取后仍无效。",
    "Does another program refresh this account's token with force_refresh or /cgi-bin/token?",
    "access_token 无效：请确认没有其他程序在强制刷新该账号的 token。",
)
_NO_TOKEN = Rule(
    PermissionDenied,
    "The call arrived without a token, or over plain http.",
    "调用未携带 access_token，或使用了 http。",
    'With auth = "cloud_open_api": run it inside 云托管, switch 开放接口服务 on and build the version anew. '
    "Otherwise please report it with the rid.",
    "使用 cloud_open_api 时：须运行在云托管内，开启“开放接口服务”并重新发布版本；其他情况请带上 rid 反馈。",
)
_APPID = Rule(
    PermissionDenied,
    "WeChat does not know this appid.",
    "appid 不存在或有误。",
    "Correct `appid` in channels.toml.",
    "appid 有误，请检查 channels.toml。",
)
_SECRET = Rule(
    PermissionDenied,
    "The secret is wrong for this appid.",
    "AppSecret 与 appid 不符。",
    "Put the right one into the environment variable that `secret_env` names.",
    "AppSecret 有误，请检查 secret_env 指定的环境变量。",
)
_IP = Rule(
    PermissionDenied,
    "WeChat refuses calls from this machine's IP address.",
    "微信拒绝来自本机 IP 的调用。",
    "Add the IP named in errmsg to the account's IP whitelist (window: 视频号助手, league: 联盟带货机构, "
    "platform: 开放平台 console).",
    "请把 errmsg 中的 IP 加入 IP 白名单（视频号助手、联盟带货机构或第三方平台后台）。",
)
_ACCOUNT = Rule(
    PermissionDenied,
    "This account is restricted or not authorised.",
    "账号受限或未授权。",
    "Look into the account's console.",
    "账号受限或未授权，请登录后台查看。",
)
_REAUTHORISE = Rule(
    PermissionDenied,
    "This account has not authorised the third-party platform, or not any more.",
    "该账号未授权第三方平台，或授权已失效。",
    "The account's administrator must authorise the platform again, with permission set 177 or 133; then put "
    "the new authorizer_refresh_token where channels.toml says.",
    "请该账号管理员重新授权第三方平台（权限集 177 或 133），再填入新的 authorizer_refresh_token。",
)
_COMPONENT = Rule(
    PermissionDenied,
    "The third-party platform's appid is wrong, or its token is used for the wrong call.",
    "第三方平台 appid 有误，或其 token 用错了接口。",
    "Check `component_appid` in [platform] of channels.toml.",
    "请检查 channels.toml 中 [platform] 的 component_appid。",
)
_TICKET = Rule(
    PermissionDenied,
    "The third-party platform's component_verify_ticket is expired or wrong.",
    "第三方平台的 component_verify_ticket 已过期或有误。",
    "WeChat pushes a new one every 10 minutes, good for 12 hours: does the program that receives the "
    "pushes still write it where ticket_file or ticket_command reads it?",
    "微信每 10 分钟推送一次（12 小时有效）：请检查接收推送的程序是否仍在更新 ticket。",
)

# Codes that callers tell apart beyond the class of their error.
IP_CODES = (40164, 45035, 61004)
"""The caller's IP address is not allowed."""
NO_TOKEN_CODES = (41001, 43003)
"""The call arrived without a token."""
NOT_ALLOWED_CODE = 48001
"""The account may not call this API: it is of another type, or lacks the capability."""
ACCOUNT_TYPE_CODES = (10022001, 76022)
"""The account is of another type than the API is for."""
GRANT_CODES = (48001, 61003, 61007, -604101)
"""A capability is not switched on, or not granted to the third-party platform."""
STALE_CURSOR_CODES = (10022006, 10024000, 10071003, 10071048)
"""A wrong parameter: in the middle of a walk, a cursor that is not valid any more."""
_RATE_CODES = (45011, 30000, 44990, 300000)

RULES: dict[int, Rule] = {
    -1: _BUSY,
    -604102: _BUSY,
    -604103: _BUSY,
    10071030: Rule(
        Transient,
        "WeChat failed to look up the sharer.",
        "推客信息查询失败。",
        "It is tried again by itself.",
        "推客信息查询失败，会自动重试。",
    ),
    **dict.fromkeys(_RATE_CODES, _RATE),
    **dict.fromkeys((40001, 40014, 42001), _TOKEN),
    **dict.fromkeys((40013, 41002), _APPID),
    **dict.fromkeys((40125, 41004), _SECRET),
    **dict.fromkeys(IP_CODES, _IP),
    **dict.fromkeys((48004, 50001, 50002, 50004, 10080000, 10080001, 10080002), _ACCOUNT),
    **dict.fromkeys((61005, 61006), _TICKET),
    **dict.fromkeys((61011, 61024), _COMPONENT),
    **dict.fromkeys(NO_TOKEN_CODES, _NO_TOKEN),
    **dict.fromkeys((40002, 40066, 40097, 43002, 44002, 45002, 47001), _BUG),
    **dict.fromkeys(STALE_CURSOR_CODES, _PARAMETER),
    61003: _REAUTHORISE,
    61007: Rule(
        PermissionDenied,
        "This account has not granted the third-party platform permission set 177 (视频号商品橱窗管理) or 133.",
        "该账号未向第三方平台授予权限集 177（视频号商品橱窗管理）或 133。",
        "The platform must have the set among its own, and then the account's administrator must authorise it again "
        "and leave the set ticked.",
        "请先为平台申请该权限集，再由该账号管理员重新授权并勾选。",
    ),
    61023: Rule(
        PermissionDenied,
        "The authorizer_refresh_token does not work any more.",
        "authorizer_refresh_token 已失效。",
        _REAUTHORISE.remedy,
        _REAUTHORISE.remedy_zh,
    ),
    40243: Rule(
        PermissionDenied,
        "The secret is frozen.",
        "AppSecret 已被冻结。",
        "Unfreeze it in the account's console.",
        "AppSecret 已被冻结，请在后台解冻。",
    ),
    45009: Rule(
        QuotaExhausted,
        "The daily quota of this API is used up.",
        "该接口当日调用额度已用完。",
        "Refresh again after it is reset, presumably at midnight in Shanghai; other APIs go on.",
        "该接口当日调用额度已用完，请待额度重置后再刷新（通常为北京时间零点）。",
    ),
    48006: Rule(
        QuotaExhausted,
        "No quota resets are left this month.",
        "本月清零次数已用完。",
        "Wait for the daily reset.",
        "本月清零次数已用完，请等待每日重置。",
    ),
    48001: Rule(
        PermissionDenied,
        "This account may not call this API.",
        "该账号无此接口权限。",
        "Windows: use the 视频号助手 account, and switch the API on there under 开放能力 → 开放场景 "
        "(newer consoles: 直播 → 直播管理 → 开放能力); shops and articles: use the 联盟带货机构 account.",
        "该账号无此接口权限：橱窗接口请用视频号助手账号，并在其后台的 开放能力 → 开放场景 中开通"
        "（新版后台：直播 → 直播管理 → 开放能力）；小店与文章接口请用联盟带货机构账号。",
    ),
    89503: Rule(
        PermissionDenied,
        "The call waits for the administrator's confirmation.",
        "本次调用需管理员确认。",
        "Confirm it in the message that WeChat sent to the administrator.",
        "请管理员在微信中确认本次调用。",
    ),
    10022001: Rule(
        PermissionDenied,
        "This account is no Channels window identity.",
        "该账号不是视频号橱窗身份。",
        "Use the appid and secret of the 视频号助手 account.",
        "该账号不是视频号橱窗身份，请使用视频号助手的 appid 和 secret。",
    ),
    10022002: Rule(
        PermissionDenied,
        "This window is banned for violations.",
        "橱窗因违规被封禁。",
        "See 带货中心 → 个人中心 → 带货权限.",
        "橱窗因违规被封禁，请到 带货中心 → 个人中心 → 带货权限 处理。",
    ),
    10022008: Rule(
        PermissionDenied,
        "`shop_appid` is not a shop bound to this Channels account.",
        "shop_appid 不是该视频号绑定的小店。",
        "Correct it in channels.toml, or bind the shop.",
        "shop_appid 不是该视频号绑定的小店，请检查 channels.toml。",
    ),
    10071029: Rule(
        PermissionDenied,
        "The sharer is not bound to this agency.",
        "推客未绑定该机构。",
        "Bind the sharer again, or take it out of `sharers` in channels.toml.",
        "推客未绑定该机构：请重新绑定，或从 channels.toml 的 sharers 中移除。",
    ),
    10071049: Rule(
        PermissionDenied,
        "The sharer function of this account is closed.",
        "该账号的推客功能已关闭。",
        "See 联盟带货机构 console → 推客带货.",
        "推客功能已关闭，请到联盟带货机构后台 → 推客带货 查看。",
    ),
    -604100: _BUG,
    -604101: Rule(
        PermissionDenied,
        "The cloud call is not declared.",
        "云调用未声明该接口。",
        "Declare the API under 云调用 → 微信令牌权限配置; it takes up to 10 minutes.",
        "请在 云调用 → 微信令牌权限配置 中声明该接口（最多 10 分钟生效）。",
    ),
    -604104: _BUG,
}
UNKNOWN = Rule(
    BadRequest,
    "WeChat answered with an error that is not in the published tables.",
    "公开文档中没有的错误码。",
    "Look it up with its rid.",
    "未知错误码，请用 rid 查询。",
)


def error_for(errcode: int, errmsg: str, endpoint: str, secrets: Sequence[str] = ()) -> WeChatError:
    """The error for an errcode other than 0. Unknown codes stop the caller, code and rid shown."""
    rule = RULES.get(errcode) or UNKNOWN
    found = _RID.search(errmsg)
    text = errmsg
    while (shorter := _TAIL.sub("", text)) != text:
        text = shorter
    return rule.error(
        rule.meaning,
        endpoint=endpoint,
        errcode=errcode,
        errmsg=redact(scrub(text, secrets))[:500],
        rid=(found[1] or found[2]) if found else "",
        remedy=rule.remedies,
    )
