"""How a command ends when it can't go on: one line on stderr, with --json an object on stdout, an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from channels_assets.cli.first_signal import STOPPED
from channels_assets.cli.output import prepare_output, print_json, stdout_error
from channels_assets.config import ConfigError
from channels_assets.machine_errors import MachineError
from channels_assets.warehouse import WarehouseError, machine_error_of

CONFIGURATION, MACHINE, INTERRUPTED = 2, 3, 130
_BROKEN_PIPE = 128 + 13
"""What a shell reports of programs that SIGPIPE has ended."""


class Commands(click.Group):
    """Prints what a person can change in one line, without a traceback."""

    def main(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        # Before --help, which is in Chinese too.
        prepare_output()
        try:
            return super().main(*arguments, **options)
        except OSError as error:
            # Of --help, which does not come through invoke().
            sys.exit(_report(error, as_json=False))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.obj = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except KeyboardInterrupt:
            _say(STOPPED)
            ctx.exit(INTERRUPTED)
        except Exception as error:
            ctx.exit(_report(error, as_json=ctx.obj))


def _report(error: Exception, *, as_json: bool) -> int:
    """Says what happened; returns the exit code. Raises the error again where it is a fault of ours."""
    if (refused := stdout_error()) is not None:
        _discard_stdout()
        if refused.errno == errno.EPIPE:
            return _BROKEN_PIPE
        _say(f"stdout can't be written: {refused.strerror}. 无法写入标准输出。")
        return MACHINE
    code, kind, text, path = _facts(error)
    _say(text)
    if as_json:
        with suppress(OSError):
            print_json({"error": {"class": kind, "message": text, "path": path}})
        if stdout_error() is not None:
            _discard_stdout()
    return code


def _facts(error: Exception) -> tuple[int, str, str, str | None]:
    """Exit code, class, line and path."""
    if isinstance(error, ConfigError):
        return CONFIGURATION, ConfigError.__name__, str(error), None
    if (found := machine_error_of(error)) is not None:
        text = str(found)
        ended = text if text.endswith((".", "。")) else f"{text}."
        return MACHINE, MachineError.__name__, ended, found.path
    if isinstance(error, WarehouseError):
        text = f"{error}. `channels-assets doctor` says more."
        return CONFIGURATION, WarehouseError.__name__, text, None
    raise error


def _say(text: str) -> None:
    click.echo(f"channels-assets: {_in_one_line(text)}", err=True)


def _in_one_line(text: str) -> str:
    lines: Sequence[str] = [line.strip() for line in text.splitlines()]
    return " ".join(line for line in lines if line)


def _discard_stdout() -> None:
    """Python would try once more at its end, and print a traceback."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
