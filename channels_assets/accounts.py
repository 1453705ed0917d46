"""The accounts in channels.toml, and how the tokens of each are obtained.

Which fields go with which `auth` stands in `_NEEDS` and `_TAKES`; docs/auth.md shows each mode.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
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

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Command = Annotated[tuple[Text, ...], Field(min_length=1)]


def _variable(name: str) -> str:
    # Never shown: it may be the secret itself, pasted into the wrong place.
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or re.fullmatch(r"[0-9a-f]{32}", name):
        raise ValueError(
            "must be the name of an environment variable, not the secret itself. "
            "应填环境变量名，而不是密钥本身"
        )
    return name


EnvName = Annotated[Text, AfterValidator(_variable)]
LeagueAuth = Literal["stable_token", "token_file", "token_command"]
WindowAuth = Literal[LeagueAuth, "authorizer", "cloud_token", "cloud_open_api"]
CLOUD = ("cloud_token", "cloud_open_api")
_WINDOWS_ONLY = ("authorizer", *CLOUD)

# Each mode: the fields of which exactly one is needed, and those that may be there.
_NEEDS: dict[str, tuple[str, ...]] = {
    "stable_token": ("secret_env",),
    "token_file": ("token_file",),
    "token_command": ("token_command",),
    "authorizer": ("refresh_token_env", "refresh_token_file"),
    "cloud_token": (),
    "cloud_open_api": (),
}
_TAKES: dict[str, tuple[str, ...]] = {"cloud_token": ("token_file",)}
_FIELDS = ("secret_env", "token_file", "token_command", "refresh_token_env", "refresh_token_file")


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _command(value: object) -> object:
    """A list, or a line that is split like a shell's; no shell runs it."""

    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"can't be split into words: {error}") from None
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Credential:
    """What a token source is made from: equal for all lists of one account."""

    appid: str
    auth: str
    secret_env: str | None = None
    token_file: str | None = None
    token_command: tuple[str, ...] | None = field(default=None, repr=False)
    refresh_token_env: str | None = None
    refresh_token_file: str | None = None


class Account(Section):
    """What windows and the league have in common. Secrets are never here, but where they are."""

    appid: Text
    auth: WindowAuth = "stable_token"
    secret_env: EnvName | None = None
    token_file: Text | None = None
    # Its words may hold a secret, which `repr` must not show.
    token_command: Command | None = Field(default=None, repr=False)

    _split: ClassVar[Any] = field_validator("token_command", mode="before")(_command)

    @model_validator(mode="after")
    def _fields_of_the_mode(self) -> Self:
        given = [name for name in _FIELDS if getattr(self, name, None) is not None]
        needed = [name for name in _NEEDS[self.auth] if name in type(self).model_fields]
        found = [name for name in needed if name in given]
        if needed and not found:
            raise ValueError(f'with auth = "{self.auth}" needs `{"` or `".join(needed)}`')
        if len(found) > 1:
            raise ValueError(f"takes only one of `{'` and `'.join(found)}`")
        for name in given:
            if name not in (*needed, *_TAKES.get(self.auth, ())):
                raise ValueError(
                    f'has `{name}`, which auth = "{self.auth}" does not use{_meant(name)}'
                )
        return self

    @property
    def credential(self) -> Credential:
        fields = {name: getattr(self, name, None) for name in _FIELDS}
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
    """[league]: the 联盟带货机构 account, and whose share links are wanted."""

    sharers: Literal["all"] | tuple[Text, ...] | None = None

    @field_validator("auth")
    @classmethod
    def _not_for_the_league(cls, auth: str) -> str:
        if auth in _WINDOWS_ONLY:
            raise ValueError(
                f'= "{auth}" works for windows only: WeChat opens shops, sharers and articles to the '
                "agency's own token alone; use stable_token, token_file or token_command. "
                f"{auth} 只支持橱窗接口：小店、推客与文章接口不支持云调用和第三方平台，"
                "请用 stable_token、token_file 或 token_command"
            )
        return auth

    @field_validator("sharers", mode="before")
    @classmethod
    def _list_or_all(cls, value: object) -> object:
        if value == "all" or value is None:
            return value
        if isinstance(value, list) and all(isinstance(one, str) and one.strip() for one in value):
            return tuple(value)
        raise ValueError('must be a list of appids or "all"')


class Platform(Section):
    """[platform]: the third-party platform (第三方平台) that windows with auth = "authorizer" use."""

    component_appid: Text
    secret_env: EnvName
    ticket_file: Text | None = None
    ticket_command: Command | None = Field(default=None, repr=False)

    _split: ClassVar[Any] = field_validator("ticket_command", mode="before")(_command)

    @model_validator(mode="after")
    def _one_ticket(self) -> Self:
        if (self.ticket_file is None) == (self.ticket_command is None):
            raise ValueError("needs either `ticket_file` or `ticket_command`")
        return self


def problems(
    windows: tuple[Window, ...], platform: Platform | None, url_is_open_http: bool
) -> Iterator[str]:
    """What is wrong with the accounts beside each other."""
    authorised = [window.key for window in windows if window.auth == "authorizer"]
    if authorised and platform is None:
        yield f'the window {authorised[0]!r} has auth = "authorizer": add a [platform] section'
    if platform is not None and not authorised:
        yield 'there is a [platform], but no [[window]] has auth = "authorizer"'
    if url_is_open_http and any(window.auth != "cloud_open_api" for window in windows):
        yield (
            "`api.base_url` http is allowed to this machine (127.0.0.1), and where every account has "
            'auth = "cloud_open_api"; use https'
        )
    seen: dict[tuple[str, str | None], Window] = {}
    for window in windows:
        if window.auth in CLOUD:
            first = seen.setdefault((window.auth, window.token_file), window)
            if first.appid != window.appid:
                yield (
                    f"the windows {first.key!r} and {window.key!r} make cloud calls as one account, but "
                    "name two appids: a cloud environment belongs to one account. "
                    "一个云托管环境只属于一个账号，不能用于两个 appid"
                )


def _meant(name: str) -> str:
    modes = [auth for auth in _NEEDS if name in (*_NEEDS[auth], *_TAKES.get(auth, ()))]
    return f' (did you mean auth = "{modes[0]}"?)' if modes else ""
