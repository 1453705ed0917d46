"""What is wrong in channels.toml, as text for its author: where, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from channels_assets.language import README, Bilingual, BilingualError

_EXAMPLES = {
    "appid": 'appid = "wx..."',
    "component_appid": 'component_appid = "wx..."',
    "secret_env": 'secret_env = "WX_SECRET"',
    "refresh_token_env": 'refresh_token_env = "WX_REFRESH_TOKEN"',
    "windows_cron": 'windows_cron = "0 * * * *"',
    "articles_cron": 'articles_cron = "0 */6 * * *"',
    "namespace": 'namespace = "shop_b"',
}
_SECRETS = {
    **dict.fromkeys(("secret", "appsecret", "appsecretkey", "secretkey", "key"), "secret_env"),
    **dict.fromkeys(("componentappsecret", "componentsecret", "password"), "secret_env"),
    **dict.fromkeys(("refreshtoken", "authorizerrefreshtoken"), "refresh_token_env"),
}
"""Names under which people write a secret into channels.toml, and the setting for its variable."""
_TYPES = {
    "missing": ("is missing: write `{example}`", "缺失：请写 `{example}`"),
    "string_type": ("must be text in quotes: `{example}`", "应为引号内的文本：`{example}`"),
    "string_too_short": ("is empty: write `{example}`", "为空：请写 `{example}`"),
    "too_short": ("is empty: write `{example}`", "为空：请写 `{example}`"),
    "string_too_long": ("is longer than {max_length} characters", "超过 {max_length} 个字符"),
    "string_pattern_mismatch": ("must look like `{example}`", "格式应如 `{example}`"),
    "bool_type": ("must be true or false, without quotes", "应为 true 或 false，不加引号"),
    "int_type": ("must be a whole number, without quotes", "应为整数，不加引号"),
    "int_from_float": ("must be a whole number", "应为整数"),
    "float_type": ("must be a number, without quotes", "应为数字，不加引号"),
    "greater_than": ("must be greater than {gt:g}", "应大于 {gt:g}"),
    "greater_than_equal": ("must be at least {ge:g}", "不能小于 {ge:g}"),
    "less_than_equal": ("must be at most {le:g}", "不能大于 {le:g}"),
    "model_type": ("must be a section of its own", "应单独写成一段"),
    "tuple_type": ("must be a list, or [[window]] sections", "应为列表或 [[window]] 段"),
}


def text_of(error: ValidationError, raw: Mapping[str, Any], settings: type[BaseModel]) -> Bilingual:
    """All that is wrong in one line. `raw` is the content of the file, `settings` its model."""
    texts = list(_texts(error, raw, settings))
    english = "; ".join(text.en for text in texts)
    chinese = "；".join(text.zh for text in texts)
    more = ", and docs/auth.md" if "auth" in english else ""
    more_zh = "，以及 docs/auth.md" if more else ""
    return Bilingual(
        f"{english}. See {README.en}{more}.", f"{chinese}。参见 {README.zh}{more_zh}。"
    )


def _texts(
    error: ValidationError, raw: Mapping[str, Any], settings: type[BaseModel]
) -> Iterator[Bilingual]:
    for detail in error.errors(include_url=False, include_input=False):
        location = detail["loc"]
        section, field = _section(location, raw), _field(location)
        context = detail.get("ctx", {})
        if detail["type"] == "extra_forbidden":
            yield _unknown(section, location, raw, settings)
            continue
        cause = context.get("error")
        if isinstance(cause, BilingualError):
            text = cause.text
        elif (known := _TYPES.get(detail["type"])) is not None:
            example = _EXAMPLES.get(field, f"{field} = ...")
            text = Bilingual(*(each.format(example=example, **context) for each in known))
        else:
            text = Bilingual(detail["msg"], detail["msg"])
        yield Bilingual(
            _joined(section.en, field, text.en, ": "), _joined(section.zh, field, text.zh, "：")
        )


def _joined(section: str, field: str, text: str, colon: str) -> str:
    if not field:
        return f"{section} {text}".strip()
    return f"{section}{colon}`{field}` {text}" if section else f"`{field}` {text}"


def _section(location: tuple[int | str, ...], raw: Mapping[str, Any]) -> Bilingual:
    """The section, and a window by the name or appid that its author knows it by."""
    match location:
        case (str() as name, int() as index, *_):
            entry = raw[name][index]
            for key in ("name", "appid"):
                if isinstance(entry, dict) and isinstance(value := entry.get(key), str) and value:
                    shown = "".join(filter(str.isprintable, value))[:80]
                    return Bilingual(f"[[{name}]] {shown}", f"[[{name}]] {shown}")
            return Bilingual(f"[[{name}]] number {index + 1}", f"第 {index + 1} 个 [[{name}]]")
        case (str() as name, *rest):
            # A key outside of all sections is not one.
            is_section = rest or isinstance(raw.get(name), dict)
            return Bilingual(*[f"[{name}]" if is_section else ""] * 2)
        case _:
            return Bilingual("", "")


def _field(location: tuple[int | str, ...]) -> str:
    names = [part for part in location[1:] if isinstance(part, str)]
    return names[0] if names else ""


def _unknown(
    section: Bilingual,
    location: tuple[int | str, ...],
    raw: Mapping[str, Any],
    settings: type[BaseModel],
) -> Bilingual:
    name, field = str(location[0]), _field(location)
    if not field:
        known = settings.model_fields
        shown = f"[{name}]" if isinstance(raw[name], dict) else f"`{name}`"
        return _with_suggestion(f"unknown section {shown}", f"未知的段 {shown}", name, known)
    known = _model(settings, name).model_fields
    variable = _SECRETS.get(field.lower().replace("_", ""))
    if variable in known:
        value = _EXAMPLES[variable].partition('"')[2].rstrip('"')
        return Bilingual(
            f"{section.en}: `{field}`: secrets don't belong in channels.toml. Write `{_EXAMPLES[variable]}` "
            f"instead, and the secret into .env, as {value}=...",
            f"{section.zh}：`{field}`：密钥不应写在 channels.toml 中。请改写为 `{_EXAMPLES[variable]}`，"
            f"并把密钥写进 .env：{value}=...",
        )
    return _with_suggestion(
        f"{section.en}: unknown setting `{field}`",
        f"{section.zh}：未知的设置 `{field}`",
        field,
        known,
    )


def _with_suggestion(
    english: str, chinese: str, name: str, known: Mapping[str, object]
) -> Bilingual:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return Bilingual(
            f"{english} (did you mean `{close[0]}`?)", f"{chinese}（是否应为 `{close[0]}`？）"
        )
    names = ", ".join(known)
    return Bilingual(f"{english} (known: {names})", f"{chinese}（可用：{names}）")


def _model(settings: type[BaseModel], section: str) -> type[BaseModel]:
    annotation = settings.model_fields[section].annotation
    kinds = get_args(annotation) or (annotation,)
    return next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
