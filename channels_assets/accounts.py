"""The accounts in channels.toml: `[[window]]`, `[league]` and `[platform]`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from channels_assets.auth_modes import AUTH_FIELDS, AUTH_MODES, AuthMode
from channels_assets.language import WrongSetting

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Command = Annotated[tuple[Text, ...], Field(min_length=1)]


def _variable(name: str) -> str:
    # Never shown: it may be the secret itself, pasted into the wrong place.
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or re.fullmatch(r"[0-9a-f]{32}", name):
        raise WrongSetting(
            'must be the name of an environment variable, such as "WX_SECRET", not the secret itself: '
            "that belongs into .env, as WX_SECRET=...",
            '应填环境变量名（如 "WX_SECRET"），而不是密钥本身：密钥写进 .env，如 WX_SECRET=...',
        )
    return name


EnvName = Annotated[Text, AfterValidator(_variable)]


def _auth_mode(name: str) -> str:
    if name not in AUTH_MODES:
        names = list(AUTH_MODES)
        raise WrongSetting(f"must be {_alternatives(names)}", f"应为 {_alternatives_zh(names)}")
    return name


Auth = Annotated[str, AfterValidator(_auth_mode)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _command(value: object) -> object:
    """A list, or a line that is split as a shell does it; no shell runs it."""
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            raise WrongSetting(
                f"can't be split into words: {error}", f"无法拆分为单词：{error}"
            ) from None
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Credential:
    """What a token source is made from; equal for all windows of one account."""

    appid: str
    auth: str
    secret_env: str | None = None
    token_file: str | None = None
    token_command: tuple[str, ...] | None = field(default=None, repr=False)
    refresh_token_env: str | None = None
    refresh_token_file: str | None = None


class Account(Section):
    """The fields that windows and the league share. They name the places of secrets, never a secret."""

    appid: Text
    auth: Auth = "stable_token"
    secret_env: EnvName | None = None
    token_file: Text | None = None
    # Its words may hold a secret, which `repr` must not show.
    token_command: Command | None = Field(default=None, repr=False)

    _split: ClassVar[Any] = field_validator("token_command", mode="before")(_command)

    @model_validator(mode="after")
    def _fields_of_the_mode(self) -> Self:
        given = [name for name in AUTH_FIELDS if getattr(self, name, None) is not None]
        needed = [name for name in self.mode.needs if name in type(self).model_fields]
        found = [name for name in needed if name in given]
        if needed and not found:
            raise WrongSetting(
                f'with auth = "{self.auth}" needs `{"` or `".join(needed)}`: write `{needed[0]} = "..."`',
                f'的 auth = "{self.auth}" 需要 `{"` 或 `".join(needed)}`：请写 `{needed[0]} = "..."`',
            )
        if len(found) > 1:
            raise WrongSetting(
                f"takes only one of `{'` and `'.join(found)}`",
                f"只能填 `{'`、`'.join(found)}` 之一",
            )
        for name in given:
            if name not in (*needed, *self.mode.takes):
                other = _mode_with_field(name)
                raise WrongSetting(
                    f'has `{name}`, which auth = "{self.auth}" does not use (did you mean auth = "{other}"?)',
                    f'有 `{name}`，而 auth = "{self.auth}" 不使用它（是否应为 auth = "{other}"？）',
                )
        return self

    @property
    def mode(self) -> AuthMode:
        return AUTH_MODES[self.auth]

    @property
    def credential(self) -> Credential:
        fields = {name: getattr(self, name, None) for name in AUTH_FIELDS}
        return Credential(appid=self.appid, auth=self.auth, **fields)


class Window(Account):
    """[[window]]: one list of window products, of one 视频号助手 account."""

    refresh_token_env: EnvName | None = None
    refresh_token_file: Text | None = None
    name: Text = ""
    shop_appid: Text | None = None
    branch_id: int | None = Field(default=None, ge=0)
    cps_only: bool = False

    @property
    def key(self) -> str:
        """The partition key."""
        return self.name or self.appid


class League(Account):
    """[league]: the 联盟带货机构 account, and the sharers whose links are wanted."""

    sharers: Literal["all"] | tuple[Text, ...] | None = None

    @field_validator("auth")
    @classmethod
    def _not_for_the_league(cls, auth: str) -> str:
        if AUTH_MODES[auth].windows_only:
            names = [name for name, mode in AUTH_MODES.items() if not mode.windows_only]
            raise WrongSetting(
                f'= "{auth}" works for windows only: WeChat opens shops, sharers and articles to the '
                f"agency's own token alone; use {_alternatives(names)}",
                f'= "{auth}" 只支持橱窗接口：小店、推客与文章接口不支持云调用和第三方平台，'
                f"请用 {_alternatives_zh(names)}",
            )
        return auth

    @field_validator("sharers", mode="before")
    @classmethod
    def _list_or_all(cls, value: object) -> object:
        if value == "all" or value is None:
            return value
        if isinstance(value, list) and all(
            isinstance(appid, str) and appid.strip() for appid in value
        ):
            return tuple(value)
        raise WrongSetting(
            'must be a list of appids or "all": `sharers = ["wx..."]`',
            '应为 appid 列表或 "all"：`sharers = ["wx..."]`',
        )


class Platform(Section):
    """[platform]: the third-party platform (第三方平台) for windows with auth = "authorizer"."""

    component_appid: Text
    secret_env: EnvName
    ticket_file: Text | None = None
    ticket_command: Command | None = Field(default=None, repr=False)

    _split: ClassVar[Any] = field_validator("ticket_command", mode="before")(_command)

    @model_validator(mode="after")
    def _one_ticket(self) -> Self:
        if (self.ticket_file is None) == (self.ticket_command is None):
            raise WrongSetting(
                "needs either `ticket_file` or `ticket_command`",
                "需要 `ticket_file` 或 `ticket_command` 之一",
            )
        return self


def contradictions(
    windows: tuple[Window, ...], platform: Platform | None, url_is_open_http: bool
) -> Iterator[WrongSetting]:
    """Contradictions between accounts."""
    authorised = [window for window in windows if window.mode.needs_platform]
    if authorised and platform is None:
        first = authorised[0]
        yield WrongSetting(
            f'the window {first.key!r} has auth = "{first.auth}": add a [platform] section',
            f'橱窗 {first.key!r} 的 auth = "{first.auth}"：请添加 [platform] 段',
        )
    if platform is not None and not authorised:
        modes = _modes_with("needs_platform")
        yield WrongSetting(
            f"there is a [platform], but no [[window]] has auth = {_alternatives(modes)}",
            f"有 [platform]，但没有 [[window]] 的 auth = {_alternatives_zh(modes)}",
        )
    if url_is_open_http and not all(window.mode.plain_http for window in windows):
        modes = _modes_with("plain_http")
        yield WrongSetting(
            "[api] `base_url`: http is allowed to this machine (127.0.0.1), and where every account has "
            f"auth = {_alternatives(modes)}; use https",
            "[api] `base_url`：只有指向本机（127.0.0.1），或所有账号的 "
            f"auth = {_alternatives_zh(modes)} 时才能用 http，请用 https",
        )
    seen: dict[tuple[str, str | None], Window] = {}
    for window in windows:
        if window.mode.is_cloud:
            first = seen.setdefault((window.auth, window.token_file), window)
            if first.appid != window.appid:
                yield WrongSetting(
                    f"the windows {first.key!r} and {window.key!r} make cloud calls as one account, but "
                    "name two appids: a cloud environment belongs to one account",
                    f"橱窗 {first.key!r} 与 {window.key!r} 用同一云托管环境调用，却有两个 appid："
                    "一个云托管环境只属于一个账号",
                )


def _mode_with_field(field_name: str) -> str:
    return next(name for name, mode in AUTH_MODES.items() if field_name in mode.fields)


def _modes_with(property_name: str) -> list[str]:
    return [f'"{name}"' for name, mode in AUTH_MODES.items() if getattr(mode, property_name)]


def _alternatives(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _alternatives_zh(names: Sequence[str]) -> str:
    return " 或 ".join(names)
