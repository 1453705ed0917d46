"""What a terminal shows: bars while it runs, tables at the end."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import click
from dagster import DagsterInstance
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from channels_assets.cli.context import Surroundings
from channels_assets.cli.refresh import Report, others_told
from channels_assets.defs.names import Names
from channels_assets.defs.partition_sync import own_lists, sync_article_lists
from channels_assets.defs.runner import AssetResult


class Bars:
    """A progress bar for each asset; nothing where the output is no terminal."""

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
            completed=len(result.succeeded) + len(result.failed),
            rows=result.rows,
        )


def print_report(console: Console, report: Report, seconds: float, where: str) -> None:
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
        for one in result.failed.values():
            console.print(
                f"[red]failed[/red] {name} {escape(one.partition)}: {escape(one.error)}",
                soft_wrap=True,
            )
    for problem in report.check_problems:
        console.print(f"[yellow]check[/yellow] {escape(problem)}", soft_wrap=True)
    console.print(f"{seconds:.1f} s. Read it in {where}", soft_wrap=True)


def print_partitions(around: Surroundings, prune: bool) -> None:
    with DagsterInstance.get() as instance:
        if prune and around.settings.league is not None:
            found = sync_article_lists(instance, around.store, around.settings, prune=True)
            around.store.publish()
            click.echo(f"{len(found.removed)} article lists removed.", err=True)
        names = Names.of(around.settings)
        for name in (names.windows, names.article_lists):
            own = own_lists(instance, around.store, name)
            for key in own:
                click.echo(f"{name}\t{key}")
            known = instance.get_dynamic_partitions(name)
            others = [key for key in known if key not in set(own)]
            if others:
                click.echo(others_told(name, others), err=True)
