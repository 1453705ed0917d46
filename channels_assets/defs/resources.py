"""What assets need from outside: the API and the warehouse.

Whoever reaches Dagster's web server may launch a run with a run config of his own, and other
settings may name a command that is run. So no resource here takes any config: which settings and
which data folder are used is said by the environment alone. Secrets are read from the environment
where a token is fetched, and kept nowhere.
"""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dagster import (
    ConfigurableResource,
    Failure,
    InitResourceContext,
    InMemoryIOManager,
    IOManagerDefinition,
)
from pydantic import ConfigDict, PrivateAttr

from channels_assets import config
from channels_assets.accounts import Account, Credential
from channels_assets.clients import TokenSources, token_sources
from channels_assets.defs.active_runs import lock_run
from channels_assets.defs.lock_files import HeldFile
from channels_assets.extract.pull import PageFolder
from channels_assets.warehouse import Lake, Store, open_warehouse
from channels_assets.wechat.client import Client, Patience
from channels_assets.wechat.rate_limit import Limiter
from channels_assets.wechat.transport import RequestsTransport


class _WithoutConfig(ConfigurableResource):
    # Else Dagster would swallow an unknown argument in silence.
    model_config = ConfigDict(extra="forbid")


class WeChatResource(_WithoutConfig):
    """The API as channels.toml describes it: that of CHANNELS_CONFIG, or ./channels.toml."""

    @cached_property
    def settings(self) -> config.Settings:
        """Raises Failure, with the line that says what to change: a retry can't help."""
        try:
            return config.load_settings(config.config_path())
        except config.ConfigError as error:
            raise Failure(str(error), allow_retries=False) from None

    @cached_property
    def _transport(self) -> RequestsTransport:
        return RequestsTransport(self.settings.api.max_in_flight)

    @cached_property
    def _sources(self) -> TokenSources:
        return token_sources(self.settings, config.data_dir())

    @cached_property
    def _clients(self) -> dict[Credential, Client]:
        return {}

    def client(self, account: Account) -> Client:
        """The client of one account: one token, one limiter, however many lists it walks."""
        credential = account.credential
        client = self._clients.get(credential)
        if client is None:
            api = self.settings.api
            client = Client(
                self._transport,
                api.url_for(account.auth),
                self._sources.of(credential),
                self._limiter(account.appid),
                patience=Patience(tries=api.tries, base_seconds=api.backoff_seconds),
            )
            self._clients[credential] = client
        return client

    def _limiter(self, appid: str) -> Limiter:
        api = self.settings.api
        if api.limits_env is None:
            return Limiter()
        from channels_assets.cluster.limits import SharedLimiter  # noqa: PLC0415 (if asked for)

        limiter = SharedLimiter(self._leases, appid, api.max_in_flight)
        self._shared.append(limiter)
        return limiter

    @cached_property
    def _shared(self) -> list[Any]:
        return []

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        for limiter in self._shared:
            limiter.give_back()

    @cached_property
    def _leases(self) -> Any:  # noqa: ANN401 (psycopg is there only where it is asked for)
        from channels_assets.cluster.leases import Leases  # noqa: PLC0415

        try:
            return Leases(config.address(self.settings.api.limits_env or ""))
        except config.ConfigError as error:
            raise Failure(str(error), allow_retries=False) from None

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
    return open_warehouse(folder, settings.warehouse.publish_every_seconds, lake_of(settings))


class WarehouseResource(_WithoutConfig):
    """The DuckDB files in CHANNELS_DATA, or ./data; or the lake that settings name."""

    _lock: HeldFile | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: InitResourceContext) -> None:
        if context.instance is not None and context.run is not None:
            self._lock = lock_run(context.instance, context.run.run_id)
        if context.instance is not None and find_spec("dagster_postgres") is not None:
            from channels_assets.cluster.postgres_storage import keep_connections  # noqa: PLC0415

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


# Dagster adds one to every job, by default one whose folder a run config may choose. No output of
# our assets goes through it.
no_outputs = IOManagerDefinition(lambda _: InMemoryIOManager(), config_schema={})
