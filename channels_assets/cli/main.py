"""channels-assets refresh | dev | notebook | export-links | partitions | doctor | sandbox"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from channels_assets.cli.context import command_context, quota_context
from channels_assets.cli.dev import run_dev
from channels_assets.cli.doctor import as_json as diagnosis_as_json
from channels_assets.cli.doctor import diagnose, print_diagnosis, print_quota
from channels_assets.cli.errors import Commands
from channels_assets.cli.help import HelpFormatter
from channels_assets.cli.notebook import open_notebooks, update_views
from channels_assets.cli.output import (
    ProgressBars,
    ReportConsole,
    print_json,
    print_report,
    warnings_on,
)
from channels_assets.cli.partitions import print_known_lists, prune_lists
from channels_assets.cli.refresh import Report, run_refresh
from channels_assets.config import ConfigError, data_dir
from channels_assets.defs.names import ASSETS
from channels_assets.environment import load_environment
from channels_assets.machine_errors import MachineError
from channels_assets.warehouse import WarehouseError, export_share_links

click.Context.formatter_class = HelpFormatter


@click.group(cls=Commands)
@click.version_option(package_name="channels-assets")
def main() -> None:
    """WeChat Channels windows and shop articles (视频号橱窗与小店文章) into DuckDB, through Dagster."""


@main.command()
@click.option(
    "--asset", "assets", multiple=True, type=click.Choice(ASSETS), help="Only this asset."
)
@click.option("--partition", "partitions", multiple=True, help="Only this list (see `partitions`).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def refresh(assets: tuple[str, ...], partitions: tuple[str, ...], as_json: bool) -> None:
    """Find the lists, pull them all, load them into data/channels.duckdb.

    Exit code 0: all good; 1: some list failed, or nothing could be asked for that was asked; 2: the
    configuration is wrong; 3: this machine lacks something; 130: stopped.
    """
    console = Console(stderr=True, highlight=False)
    with command_context(next_day=True) as context:
        if context.notice:
            console.print(context.notice, soft_wrap=True)
        started = time.monotonic()
        with ProgressBars(console) as bars, warnings_on(console):
            report: Report = run_refresh(
                context,
                assets,
                partitions,
                bars.update,
                lambda text: console.print(text, soft_wrap=True, markup=False),
            )
        seconds = time.monotonic() - started
        made_up = context.settings.api.sandbox
        if as_json:
            print_json({**report.as_json(seconds), "made_up": made_up})
        else:
            location = context.store.location
            print_report(ReportConsole(), report, seconds, location, made_up=made_up)
    sys.exit(0 if report.good else 1)


@main.command()
@click.option("--prune", is_flag=True, help="Remove article lists that the API no longer lists.")
def partitions(prune: bool) -> None:
    """Show the lists that are known, one partition each."""
    load_environment()
    if prune:
        with command_context() as context:
            prune_lists(context)
    print_known_lists(data_dir())


@main.command()
@click.option("--quota", is_flag=True, help="Calls left today, and what a refresh costs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def doctor(quota: bool, as_json: bool) -> None:
    """Check all that a refresh needs, and say what to do where something is wrong.

    Settings, secrets, address, tokens, account types, capabilities, IP address, quota, lists, disk and
    database. In Chinese where the locale is (LC_ALL, LC_MESSAGES, LANG).

    Exit code 0: nothing is wrong; 1: something is; 2: the configuration can't be used.
    """
    if quota:
        if as_json:
            raise click.UsageError("--quota has no --json")
        with quota_context() as (settings, costs):
            sys.exit(0 if print_quota(settings, costs, ReportConsole()) else 1)
    diagnosis = diagnose()
    if as_json:
        print_json(diagnosis_as_json(diagnosis))
    else:
        print_diagnosis(diagnosis, ReportConsole())
    sys.exit(diagnosis.exit_code)


@main.command()
@click.option(
    "--port",
    default=3000,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port of the Dagster UI.",
)
def dev(port: int) -> None:
    """Open the Dagster UI at http://127.0.0.1:3000, on the same instance as `refresh`.

    Once per instance. It ends, with all that it started, with its terminal, at Ctrl-C, or when it is
    killed. Exit code 2: it runs already, or the port is taken.
    """
    with command_context() as context:
        if context.notice:
            click.echo(context.notice, err=True)
        sys.exit(run_dev(port))


@main.command()
@click.option("--port", default=8888, show_default=True, help="Port of JupyterLab.")
@click.option("--browser/--no-browser", default=True, help="Whether to open a browser.")
def notebook(port: int, browser: bool) -> None:
    """Open JupyterLab on your copies of the notebooks, in data/notebooks."""
    load_environment()
    open_notebooks(data_dir(), port, browser)


@main.command()
@click.argument("sharer", required=False)
@click.option(
    "--to",
    default=Path("."),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write into.",
)
def export_links(sharer: str | None, to: Path) -> None:
    """Write the share links of SHARER (a sharer_appid) as JSON and CSV.

    The JSON has what wx.openOfficialAccountArticle takes, the CSV is for people. SHARER may be left
    out when there is only one.
    """
    load_environment()
    update_views(data_dir())
    try:
        exported = export_share_links(sharer, to, data_dir())
    except MachineError:
        raise
    except WarehouseError as error:
        raise ConfigError(f"{error}.") from None
    click.echo(f"{exported.links:,} links: {exported.json}, {exported.csv}")
    if exported.without_link:
        click.echo(f"{exported.without_link:,} articles have no share link and are left out.")
    if exported.hidden:
        click.echo(
            f"{exported.hidden:,} links begin like a formula: they are in the JSON alone, where a "
            "spreadsheet can't run them."
        )


@main.command()
@click.option("--port", default=8765, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--latency", default=0.0, show_default=True, help="Seconds that each answer takes.")
def sandbox(port: int, seed: int, latency: float) -> None:
    """Serve the stand-in WeChat API on its own."""
    module = [sys.executable, "-m", "channels_assets.sandbox"]
    options = ["--port", str(port), "--seed", str(seed), "--latency", str(latency)]
    os.execv(sys.executable, [*module, *options])  # noqa: S606
