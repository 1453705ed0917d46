"""channels.toml and the environment, as frozen and validated settings.

Environment: CHANNELS_CONFIG (default ./channels.toml), CHANNELS_DATA (default ./data), DAGSTER_HOME
(default $CHANNELS_DATA/dagster_home), and one variable per secret, named in channels.toml.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from channels_assets import secret_values
from channels_assets.accounts import League, Platform, Section, Text, Window, contradictions
from channels_assets.auth_modes import AUTH_MODES
from channels_assets.language import README, BilingualError, WrongSetting
from channels_assets.setting_errors import text_of
from channels_assets.toml_file import TomlError, read_toml

WECHAT_URL = "https://api.weixin.qq.com"

Cron = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\S+( +\S+){4}$")]
Namespace = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]


class ConfigError(BilingualError):
    """The configuration is wrong. The text is one line that says what to change."""


class Api(Section):
    """[api]: the address of the API, and how many calls this process may make."""

    base_url: Text = WECHAT_URL
    max_in_flight: int = Field(default=32, ge=1, le=256)
    tries: int = Field(default=5, ge=1, le=20)
    backoff_seconds: float = Field(default=1.0, ge=0, le=60)
    sandbox: bool = False

    @field_validator("base_url")
    @classmethod
    def _safe_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongSetting(f"must look like {WECHAT_URL}", f"应形如 {WECHAT_URL}")
        if parts.query or parts.fragment or parts.username or parts.path.strip("/"):
            raise WrongSetting(
                f"must be scheme and host alone, like {WECHAT_URL}",
                f"只能写协议和主机，如 {WECHAT_URL}",
            )
        return url.rstrip("/")

    @property
    def is_open_http(self) -> bool:
        """Whether others can read the calls on their way."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "http" and not _is_loopback(parts.hostname or "")

    def url_for(self, auth: str) -> str:
        """The address for accounts with this `auth`: plain http where no token is sent."""
        if not AUTH_MODES[auth].plain_http:
            return self.base_url
        return self.base_url.replace("https://", "http://", 1)


class Staging(Section):
    """[staging]: for how many minutes an interrupted walk can be resumed from its staged pages."""

    resume_minutes: float = Field(default=30, ge=0, le=24 * 60)


class Warehouse(Section):
    """[warehouse]: how often a long run publishes for readers; or a lake in place of the files.

    `catalogue_env` names the environment variable with the address of the lake's PostgreSQL
    database, `data_path` the folder of its Parquet files, the same on all machines, or s3://bucket.
    """

    publish_every_seconds: float = Field(default=3, ge=0)
    catalogue_env: Text | None = None
    data_path: Text | None = None
    keep_snapshots_days: float = Field(default=7, gt=0)
    maintain_minutes: float = Field(default=60, ge=0)

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.catalogue_env is None) != (self.data_path is None):
            raise WrongSetting(
                "needs both `catalogue_env` and `data_path` for a lake, or neither",
                "中 `catalogue_env` 与 `data_path` 须同时填写（使用数据湖）或都不填",
            )
        if self.data_path is not None and not _is_shared_path(self.data_path):
            raise WrongSetting(
                "`data_path` must be an absolute folder, the same for all processes, or "
                "s3://bucket/prefix (with AWS_ENDPOINT_URL for other stores that speak S3)",
                "`data_path` 应为所有进程共用的绝对路径，或 s3://bucket/prefix"
                "（其他兼容 S3 的存储请设置 AWS_ENDPOINT_URL）",
            )
        return self


class Automation(Section):
    """[automation]: schedules of refreshes. Cron strings in Asia/Shanghai.

    `max_partitions_per_run` splits a refresh or backfill of more lists into several runs, for several
    workers; without it, one run takes them all.
    """

    windows_cron: Cron = "0 * * * *"
    articles_cron: Cron = "0 */6 * * *"
    discover_minutes: float = Field(default=60, ge=1)
    max_partitions_per_run: int | None = Field(default=None, ge=1)


class Freshness(Section):
    """[freshness]: how old a list may be; older is a warning, twice as old a failure."""

    windows_hours: float = Field(default=2, gt=0)
    articles_hours: float = Field(default=12, gt=0)
    discovery_hours: float = Field(default=24, gt=0)


class Dagster(Section):
    """[dagster]: `namespace` is a prefix of the names of our assets, jobs and partition sets.

    For a second data folder on the same Dagster instance.
    """

    namespace: Namespace | None = None


class Settings(Section):
    """All of channels.toml."""

    api: Api = Api()
    window: tuple[Window, ...] = ()
    league: League | None = None
    platform: Platform | None = None
    staging: Staging = Staging()
    warehouse: Warehouse = Warehouse()
    automation: Automation = Automation()
    freshness: Freshness = Freshness()
    dagster: Dagster = Dagster()

    @field_validator("window", mode="before")
    @classmethod
    def _tables(cls, value: object) -> object:
        if isinstance(value, dict):
            raise WrongSetting(
                "must have two brackets on each side: write [[window]]",
                "两侧应各有两个方括号：请写 [[window]]",
            )
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.window and self.league is None:
            raise WrongSetting(
                "there is neither a [[window]] nor a [league] in it: nothing to refresh",
                "其中既没有 [[window]] 也没有 [league]：没有可刷新的内容",
            )
        open_http = self.api.is_open_http
        if open_http and self.league is not None:
            raise WrongSetting(
                "[api] `base_url`: http would show the [league]'s token; use https",
                "[api] `base_url`：http 会泄露 [league] 的 token，请用 https",
            )
        for contradiction in contradictions(self.window, self.platform, open_http):
            raise contradiction
        keys = [window.key for window in self.window]
        for key, count in Counter(keys).items():
            if count > 1:
                raise WrongSetting(
                    f"two [[window]] tables are named {key!r}: give each its own `name` "
                    "(without one it is the appid)",
                    f"有两个 [[window]] 都叫 {key!r}：请各写一个 `name`（不写则为 appid）",
                )
            if reason := key_problem(key):
                raise WrongSetting(
                    f"the window name {key[:80]!r} {reason}",
                    f"橱窗名 {key[:80]!r} 不可用：{_KEY_PROBLEMS_ZH[reason]}",
                )
        return self

    def window_named(self, key: str) -> Window | None:
        return self._windows.get(key)

    @property
    def secret_names(self) -> frozenset[str]:
        """The environment variables that hold something secret."""
        names = {self.warehouse.catalogue_env}
        for account in (*self.window, *([self.league] if self.league else [])):
            names |= {account.secret_env, account.credential.refresh_token_env}
        if self.platform is not None:
            names.add(self.platform.secret_env)
        return frozenset(name for name in names if name)

    @cached_property
    def _windows(self) -> Mapping[str, Window]:
        return {window.key: window for window in self.window}


_KEY_PROBLEMS_ZH = {
    "is empty": "为空",
    "is longer than 200 characters": "超过 200 个字符",
    "has a control character": "含有控制字符",
    "contains '...', which Dagster reads as a range": "含有 '...'（Dagster 会当作范围）",
}


def key_problem(key: str) -> str | None:
    """Why `key` can't be a partition key, or None. Dagster itself takes anything."""
    if not key.strip():
        return "is empty"
    if len(key) > 200:
        return "is longer than 200 characters"
    if any(ord(character) < 32 or ord(character) == 127 for character in key):
        return "has a control character"
    return "contains '...', which Dagster reads as a range" if "..." in key else None


def config_path(env: Mapping[str, str] = os.environ) -> Path:
    return _expanded(env.get("CHANNELS_CONFIG") or "channels.toml")


def data_dir(env: Mapping[str, str] = os.environ) -> Path:
    return _expanded(env.get("CHANNELS_DATA") or "data").absolute()


def load_settings(path: Path) -> Settings:
    """Reads and validates channels.toml. Raises ConfigError."""
    try:
        raw = read_toml(path)
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist: create it ({README.en}), or point CHANNELS_CONFIG to it.",
            f"{path} 不存在：请新建（{README.zh}），或用 CHANNELS_CONFIG 指定。",
        ) from None
    except TomlError as error:
        raise ConfigError(error.text.en, error.text.zh) from None
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        text = text_of(error, raw, Settings)
        raise ConfigError(f"{path}: {text.en}", f"{path}：{text.zh}") from None


def secret(
    env_name: str,
    what: str = "the account's AppSecret",
    what_zh: str = "AppSecret",
    env: Mapping[str, str] = os.environ,
) -> str:
    """The secret in that variable. Raises ConfigError where there is none, or none can be like it."""
    if (problem := secret_values.problem_of(env_name, env)) is not None:
        raise ConfigError(problem.en, problem.zh)
    value = optional_secret(env_name, env)
    if not value:
        raise ConfigError(
            f"The environment variable {env_name} is empty: put {what} into it "
            f"(export {env_name}=..., or a line in .env).",
            f"环境变量 {env_name} 未设置：请填入 {what_zh}（export {env_name}=...，或写进 .env）。",
        )
    return value


def optional_secret(env_name: str, env: Mapping[str, str] = os.environ) -> str:
    """The secret in that environment variable, or ""."""
    return env.get(env_name, "").strip()


def _expanded(path: str) -> Path:
    # .env keeps the "~" that a shell would replace. Path.expanduser raises where there is no home.
    return Path(os.path.expanduser(path))


def _is_shared_path(data_path: str) -> bool:
    if "://" not in data_path:
        return Path(data_path).is_absolute()
    return re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/[^?#\s]*)?", data_path) is not None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
