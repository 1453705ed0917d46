"""The sandbox: serves a world on a socket, logs the calls, and injects faults."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from channels_assets.sandbox.call_log import Call
from channels_assets.sandbox.faults import Fault, Injected
from channels_assets.sandbox.http_server import HttpServer
from channels_assets.sandbox.lists import WindowEnd
from channels_assets.sandbox.platform import CloudHosting, RefreshTokens
from channels_assets.sandbox.quotas import Quotas
from channels_assets.sandbox.routes import Authenticator, Routes
from channels_assets.sandbox.service import Service
from channels_assets.sandbox.tokens import AccessTokens
from channels_assets.sandbox.world import World


class Sandbox:
    """A stand-in for the WeChat API on 127.0.0.1, a context manager.

    `port` 0 takes a free port. `latency` is the wait before each answer, `token_life` the validity
    of a token, both in seconds. `daily_limit` and `minute_limit` count per account and path.
    `open_api_for` is the account of calls without a token (开放接口服务). `on_call` runs before each
    answer is computed, under the lock of the world, so it may change the world. `clock` gives the
    time for tokens, quotas and rids.
    """

    def __init__(
        self,
        world: World,
        port: int = 0,
        latency: float = 0.0,
        *,
        token_life: float = 7200,
        window_end: WindowEnd = "buffer",
        daily_limit: int | None = None,
        minute_limit: int | None = None,
        open_api_for: str = "",
        on_call: Callable[[Call], object] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.world = world
        self._port = port
        self._tokens = AccessTokens(token_life, clock)
        self._quotas = Quotas(daily_limit, minute_limit, clock)
        self._cloud = CloudHosting(clock, open_api_for)
        self._refresh_tokens = RefreshTokens(clock)
        authenticator = Authenticator(self._tokens, self._cloud, world.platform)
        routes = Routes(
            world, self._tokens, authenticator, self._refresh_tokens, self._quotas, window_end
        )
        self._service = Service(
            world, routes, authenticator, latency=latency, on_call=on_call, clock=clock
        )
        self._server: HttpServer | None = None

    def __enter__(self) -> Self:
        self._server = HttpServer(self._port, self._service.answer)
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def url(self) -> str:
        """The base URL; only inside `with`."""
        if self._server is None:
            raise RuntimeError("the sandbox listens only inside `with`")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def calls(self) -> list[Call]:
        """All requests so far, in order of arrival."""
        return self._service.log.snapshot()

    def calls_to(self, path: str) -> list[Call]:
        """The requests to one path."""
        return [call for call in self.calls if call.path == path]

    def reset_calls(self) -> None:
        """Empty the log of requests."""
        self._service.log.reset()

    @property
    def tokens(self) -> set[str]:
        """All tokens and secrets, valid or not: what must never leak."""
        issued = self._tokens.issued() | self._cloud.issued() | self._refresh_tokens.replaced()
        return issued | set(self.world.secrets().values()) | self.world.platform.secrets()

    def push_cloud_token(self, appid: str) -> str:
        """A token, as cloud hosting (云托管) writes it into a file of the container of this account."""
        return self._cloud.push(appid)

    def expire_tokens(self) -> None:
        """Expire all tokens issued so far: calls with them get 42001."""
        self._tokens.expire_all()
        self._cloud.expire_all()

    def revoke_tokens(self) -> None:
        """Revoke all access tokens issued so far: calls with them get 40001."""
        self._tokens.revoke_all()

    def limit_second(self, appid: str, calls: int | None) -> None:
        """Answer 45011 when this account makes more calls within any second; None removes the limit."""
        self._quotas.limit_second(appid, calls)

    def inject(self, fault: Fault) -> Injected:
        """Put a fault in force from now on."""
        return self._service.faults.inject(fault)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._service.faults.clear()
