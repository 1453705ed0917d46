"""README.md and its Chinese twin agree, and name what there is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

from channels_assets.auth_modes import AUTH_MODES
from channels_assets.cli.main import main
from channels_assets.config import Automation, Settings, load_settings
from channels_assets.warehouse.tables import TABLES

ROOT = Path(__file__).parent.parent
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
WAREHOUSE = ROOT / "channels_assets" / "warehouse"
NOT_FOR_USERS = {("[api]", "sandbox")}
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

both = pytest.mark.parametrize("readme", [ENGLISH, CHINESE], ids=lambda path: path.name)


def prose_of(readme: Path) -> str:
    return FENCED.sub("", readme.read_text("utf-8"))


def heading_levels(readme: Path) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", prose_of(readme), re.MULTILINE)]


def command_blocks(readme: Path) -> list[list[str]]:
    blocks = [
        [re.sub(r"\s*#.*", "", line) for line in body.splitlines()]
        for _, body in FENCED.findall(readme.read_text("utf-8"))
    ]
    return [
        block for block in blocks if any(line.startswith(("make ", ".venv/bin/")) for line in block)
    ]


def tables(readme: Path) -> list[list[list[str]]]:
    """For each row of each table, the code spans in its first cell."""
    return [
        [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in table.splitlines()[2:]]
        for table in re.findall(r"(?:^\|.*\n)+", prose_of(readme), re.MULTILINE)
    ]


def fields() -> Iterator[tuple[str, str]]:
    """Every field of every section: ("[api]", "base_url"), ("[[window]]", "appid"), ..."""
    for name, info in Settings.model_fields.items():
        section = f"[[{name}]]" if get_origin(info.annotation) is tuple else f"[{name}]"
        for part in (info.annotation, *get_args(info.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from ((section, field) for field in part.model_fields)


def settings_in_tables(readme: Path) -> set[tuple[str, str]]:
    named = set[tuple[str, str]]()
    for table in tables(readme):
        if any(row and row[0].startswith("[") for row in table):
            for first, *others in table:
                section, _, field = first.partition(" ")
                named |= {(section, item) for item in (field, *others)}
    return named


def settings_in_example(readme: Path) -> set[tuple[str, str]]:
    named = set[tuple[str, str]]()
    for language, body in FENCED.findall(readme.read_text("utf-8")):
        for name, value in tomllib.loads(body if language == "toml" else "").items():
            if isinstance(value, list):
                named |= {(f"[[{name}]]", field) for table in value for field in table}
            else:
                named |= {(f"[{name}]", field) for field in value}
    return named


def test_both_have_the_same_headings() -> None:
    assert heading_levels(CHINESE) == heading_levels(ENGLISH)


def test_both_have_the_same_commands() -> None:
    assert command_blocks(ENGLISH)
    assert command_blocks(CHINESE) == command_blocks(ENGLISH)


@both
def test_every_named_setting_exists(readme: Path) -> None:
    assert settings_in_tables(readme) - set(fields()) == set()
    assert settings_in_example(readme) - set(fields()) == set()


@both
def test_every_setting_is_named(readme: Path) -> None:
    named = settings_in_tables(readme) | settings_in_example(readme)
    assert set(fields()) - NOT_FOR_USERS - named == set()


@both
def test_every_table_of_the_warehouse_has_a_row(readme: Path) -> None:
    views = (WAREHOUSE / "views.sql").read_text("utf-8")
    created = re.findall(r"^CREATE\b.*?\b(?:VIEW|MACRO) (\w+)", views, re.MULTILINE)
    created += [table.name for table in TABLES]
    assert {"meta", "article_commissions", "window_as_of"} <= set(created)
    named = {name.partition("(")[0] for table in tables(readme) for row in table for name in row}
    assert set(created) - {"meta"} - named == set()


@both
def test_every_command_is_named(readme: Path) -> None:
    text = readme.read_text("utf-8")
    named = set(re.findall(r"\bchannels-assets ([\w-]+)|\bmake (dev)\b", text))
    assert set(main.commands) - {name for pair in named for name in pair} == set()


@both
def test_the_line_for_cron_goes_to_the_folder_and_keeps_a_log(readme: Path) -> None:
    blocks = [body for _, body in FENCED.findall(readme.read_text("utf-8"))]
    [line] = [body.strip() for body in blocks if " * * * " in body]
    *fields, command = line.split(maxsplit=5)
    assert Automation(windows_cron=" ".join(fields))
    assert re.fullmatch(
        r"cd \S+ && \.venv/bin/channels-assets refresh --json >> \S+\.log 2>&1", command
    )


@both
def test_relative_links_lead_to_files(readme: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)", prose_of(readme))
    paths = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    assert {ENGLISH: CHINESE, CHINESE: ENGLISH}[readme].name in paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_example_in_docs_auth_loads_and_every_auth_has_one(tmp_path: Path) -> None:
    path, modes = tmp_path / "channels.toml", set[str]()
    for language, body in FENCED.findall((ROOT / "docs" / "auth.md").read_text("utf-8")):
        assert language == "toml"
        path.write_text(body, "utf-8")
        settings = load_settings(path)
        modes |= {window.auth for window in settings.window}
        modes |= {settings.league.auth} if settings.league else set()
    assert modes == set(AUTH_MODES)
