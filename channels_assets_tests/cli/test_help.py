"""`--help` is in the language of the locale."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from channels_assets.cli.main import main

COMMANDS: dict[str, click.Command] = {"": main, **main.commands}
CHINESE = re.compile("[一-鿿]")


def shown(command: str, locale: str) -> str:
    environment = {"LC_ALL": "", "LC_MESSAGES": "", "LANG": locale, "COLUMNS": "120"}
    done = CliRunner().invoke(main, [*command.split(), "--help"], env=environment)
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_of_it_is_left_in_english(command: str) -> None:
    text = shown(command, "zh_CN.UTF-8")
    options = [option for option in COMMANDS[command].params if isinstance(option, click.Option)]
    explained = [option for option in options if option.help] + [None]
    for option in explained:
        name = option.opts[0] if option else "--help"
        [line] = re.findall(rf"^  {name}\b.*(?:\n {{20,}}.*)*", text, re.MULTILINE)
        assert CHINESE.search(line), line
    for words in ("Usage", "Options", "Commands", "default", "Exit code", "Show", "Print"):
        assert words not in text
    if command == "":
        for name in main.commands:
            assert CHINESE.search(re.findall(rf"^  {name} .*", text, re.MULTILINE)[0])


@pytest.mark.parametrize("command", COMMANDS)
def test_elsewhere_it_is_in_english(command: str) -> None:
    text = shown(command, "de_DE.UTF-8")
    assert "Show this message and exit." in text
    assert "用法" not in text
