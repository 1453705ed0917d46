"""Dagster resources of the assets: the API and the warehouse.

Everybody who reaches Dagster's web server can launch a run with any run config, and settings may name
a command that is executed. So no resource here takes config: the environment alone chooses the
settings and the data folder. Secrets are read from the environment when a token is fetched, and not
kept.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from dagster import (
    ConfigurableResource,
    Failure,
    InitResourceContext,
    InMemoryIOManager,
    IOManagerDefinition,
)
from pydantic import ConfigDict, PrivateAttr

from channels_assets import config, warehouse
from channels_assets.accounts import Account
from channels_assets.clients import ApiClients
from channels_assets.defs.active_runs import lock_run
from channels_assets.defs.postgres_connections import keep_connections
from channels_assets.environment import reload_environment
from channels_assets.extract.pull import PageFolder
from channels_assets.files import ProcessLock
from channels_assets.warehouse import Lake, Store
from channels_assets.wechat.client import Client


class _WithoutConfig(ConfigurableResource):
    # Without it, Dagster ignores unknown arguments.
    model_config = ConfigDict(extra="forbid")


class WeChatResource(_WithoutConfig):
    """The API as channels.toml describes it: that of CHANNELS_CONFIG, or ./channels.toml."""

    @cached_property
    def settings(self) -> config.Settings:
        """Raises Failure, with the line that says what to change: a retry can't help."""
        try:
            settings = config.load_settings(config.config_path())
        except config.ConfigError as error:
            raise Failure(str(error), allow_retries=False) from None
        # A run of `dev` inherits the variables that .env had when `dev` was started.
        reload_environment(settings.secret_names)
        return settings

    @cached_property
    def _clients(self) -> ApiClients:
        return ApiClients(self.settings, config.data_dir())

    def client(self, account: Account) -> Client:
        return self._clients.client(account)

    @property
    def league(self) -> config.League:
        """Raises Failure when there is none."""
        if self.settings.league is None:
            raise Failure(
                "There is no [league] in channels.toml: shops, promoters, sharers and articles need "
                "the 联盟带货机构 account. channels.toml 中没有 [league]（联盟带货机构账号）。",
                allow_retries=False,
            )
        return self.settings.league

    def league_client(self) -> Client:
        return self.client(self.league)


def lake_of(settings: config.Settings) -> Lake | None:
    chosen = settings.warehouse
    if chosen.catalogue_env is None or chosen.data_path is None:
        return None
    return Lake(
        chosen.catalogue_env,
        chosen.data_path,
        keep_days=chosen.keep_snapshots_days,
        maintain_minutes=chosen.maintain_minutes,
    )


def open_store(folder: Path, settings: config.Settings) -> Store:
    return warehouse.open_store(folder, settings.warehouse.publish_every_seconds, lake_of(settings))


class WarehouseResource(_WithoutConfig):
    """The DuckDB files in CHANNELS_DATA, or ./data; or the lake that settings name."""

    _lock: ProcessLock | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: InitResourceContext) -> None:
        if context.instance is not None and context.run is not None:
            try:
                self._lock = lock_run(context.instance, context.run.run_id)
            except OSError as error:
                warehouse.raise_machine_error(error)
                raise
        if context.instance is not None:
            keep_connections(context.instance)

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        if self._lock is not None:
            self._lock.release()

    @cached_property
    def folder(self) -> Path:
        return config.data_dir()

    def open(self, settings: config.Settings) -> Store:
        return open_store(self.folder, settings)

    def page_folder(self, settings: config.Settings) -> PageFolder:
        return PageFolder(self.folder / "staging", settings.staging.resume_minutes * 60)


# Dagster adds an I/O manager to every job, by default one whose folder a run config can choose. None
# of our assets has an output that goes through it.
no_outputs = IOManagerDefinition(lambda _: InMemoryIOManager(), config_schema={})
