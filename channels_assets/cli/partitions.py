"""`channels-assets partitions`: the lists that are known. It writes nothing, except with --prune."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
from dagster import DagsterInstance

from channels_assets.cli.context import CommandContext, is_configured
from channels_assets.cli.refresh import others_notice
from channels_assets.config import Settings, config_path, load_settings
from channels_assets.defs.instance import open_existing_instance
from channels_assets.defs.names import Names
from channels_assets.defs.ownership import require_free
from channels_assets.defs.partition_sync import sync_article_lists
from channels_assets.warehouse import connect, is_published, own_partition_keys


def prune_lists(context: CommandContext) -> None:
    if context.settings.league is None:
        return
    with DagsterInstance.get() as instance:
        sync = sync_article_lists(instance, context.store, context.settings, prune=True)
        context.store.publish()
        click.echo(f"{len(sync.removed)} article lists removed.", err=True)


def print_known_lists(data: Path) -> None:
    """One line for each list that this data folder has found; what others have added goes to stderr."""
    settings = load_settings(config_path()) if is_configured() else Settings.model_construct()
    names = Names.of(settings)
    sets = (names.windows, names.article_lists)
    own = _own_keys(data, sets)
    known: Mapping[str, list[str]] = own
    with open_existing_instance(data) as instance:
        if instance is not None:
            require_free(instance, data, settings)
            known = {name: list(instance.get_dynamic_partitions(name)) for name in sets}
    for name in sets:
        ours = set(own[name])
        for key in known[name]:
            if key in ours:
                click.echo(f"{name}\t{key}")
        if others := [key for key in known[name] if key not in ours]:
            click.echo(others_notice(name, others), err=True)
    if not any(own.values()):
        click.echo(
            "no lists known yet: `channels-assets refresh` finds them. "
            "还没有已知的列表：请先运行 channels-assets refresh。",
            err=True,
        )


def _own_keys(data: Path, sets: tuple[str, ...]) -> dict[str, list[str]]:
    if not is_published(data):
        return {name: [] for name in sets}
    with connect(data) as connection:
        return {name: list(own_partition_keys(connection, name)) for name in sets}
