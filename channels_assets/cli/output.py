"""What a terminal shows: progress bars during a refresh, tables at its end."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from channels_assets.cli.refresh import Report
from channels_assets.defs.runner import AssetResult

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


class ReportConsole(Console):
    """Stdout, for a command's output."""

    def __init__(self) -> None:
        super().__init__(highlight=False)

    def on_broken_pipe(self) -> NoReturn:
        """Rich would end the program here, with exit code 1."""
        raise BrokenPipeError


class _Stdout(io.FileIO):
    """Stdout's descriptor. It keeps the error of a write: Python drops what was not written, and a later
    flush has no error."""

    error: OSError | None = None

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            _Stdout.error = error
            raise


def prepare_output() -> None:
    """What the terminal or log has no signs for, such as Chinese in latin-1, is shown as an escape, and
    `stdout_error` knows of writes that failed."""
    for stream in (sys.stdout, sys.stderr):
        # It may be closed, or a file that Python believes it can seek in.
        with suppress(OSError, ValueError):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
    with suppress(OSError, ValueError):
        if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.fileno() == 1:
            sys.stdout = io.TextIOWrapper(
                io.BufferedWriter(_Stdout(1, "wb", closefd=False)),
                encoding=sys.stdout.encoding,
                errors="backslashreplace",
                line_buffering=sys.stdout.line_buffering,
            )


def stdout_error() -> OSError | None:
    """Why stdout could not be written, now or before."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return error
    return _Stdout.error


def print_json(value: Any) -> None:  # noqa: ANN401
    """One object on stdout, in ASCII where stdout is not in an encoding of Unicode."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    click.echo(json.dumps(value, ensure_ascii=not encoding.startswith("utf")))


class ProgressBars:
    """A bar for each asset; nothing where the output is no terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rows]:,} rows"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def update(self, asset: str, result: AssetResult) -> None:
        if asset not in self._tasks:
            self._tasks[asset] = self._progress.add_task(asset, rows=0)
        self._progress.update(
            self._tasks[asset],
            total=len(result.planned),
            completed=result.ended,
            rows=result.rows,
        )


class _ConsoleHandler(logging.Handler):
    """Prints each record as a line, above the progress bars."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(record.getMessage(), soft_wrap=True, markup=False)


@contextmanager
def warnings_on(console: Console) -> Generator[None]:
    """Prints what the project logs as a warning, such as that a call waits for the API."""
    log, handler = logging.getLogger("channels_assets"), _ConsoleHandler(console)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


def print_report(
    console: Console, report: Report, seconds: float, location: str, *, made_up: bool
) -> None:
    """`location` is where the loaded rows can be read."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("asset")
    for column in ("lists", "failed", "rows", "pages", "api calls"):
        table.add_column(column, justify="right")
    for name, result in report.assets.items():
        failed = f"[red]{len(result.failed)}[/red]" if result.failed else "0"
        numbers = (result.rows, result.pages, result.api_calls)
        lists = str(len(result.planned))
        table.add_row(name, lists, failed, *(f"{number:,}" for number in numbers))
    console.print(table)
    for name, result in report.assets.items():
        for failure in result.failed.values():
            console.print(
                f"[red]failed[/red] {name} {escape(failure.partition)}: {escape(failure.error)}",
                soft_wrap=True,
            )
    for failed in report.failed_checks:
        line = f"{failed.asset} {failed.check}: {failed.description}"
        console.print(f"[yellow]check[/yellow] {escape(line)}", soft_wrap=True)
    if made_up:
        console.print(
            "[yellow]made-up data[/yellow]: there is no channels.toml here, so the bundled sandbox was read. "
            "没有 channels.toml：以上为内置沙盒的虚构数据。",
            soft_wrap=True,
        )
    console.print(f"{seconds:.1f} s. Read it in {location}", soft_wrap=True)
