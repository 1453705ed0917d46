"""Third-party tokens: what is wrong with an authorisation, and refresh tokens that must not be lost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from channels_assets.sandbox import Fault, Sandbox, World
from channels_assets.wechat.auth import token_cache
from channels_assets.wechat.auth.authorizer import (
    AUTHORIZER_TOKEN_PATH,
    COMPONENT_TOKEN_PATH,
    AuthorizerToken,
    Component,
)
from channels_assets.wechat.auth.refresh_token_store import RefreshTokenStore
from channels_assets.wechat.auth.secret_readers import file_reader
from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.errors import PermissionDenied
from channels_assets.wechat.league import cooperating_shops
from channels_assets.wechat.paging import fetch_page
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import Reply, RequestsTransport
from channels_assets.wechat.window import WINDOW_PRODUCTS, window_products

SIX_MINUTES = 360.0
PATHS = frozenset({WINDOW_PRODUCTS.path})


class Telling(RequestsTransport):
    """Writes down what the queries are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def post(self, url: str, query: Mapping[str, str], body: bytes, endpoint: str) -> Reply:
        self.names += query
        return super().post(url, query, body, endpoint)


class Bench:
    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.now = 1_760_000_000.0
        self.sandbox = sandbox
        self.platform = sandbox.world.platform
        self.appid = next(iter(sandbox.world.windows))
        self.given = self.platform.authorisations[self.appid].refresh_token
        self.secret = self.platform.secret
        self.ticket = folder / "ticket"
        self.ticket.write_text(self.platform.ticket)
        self.path = folder / "tokens" / "authorizer.json"
        self.transport = Telling()

    def source(self) -> AuthorizerToken:
        """As a process makes it."""
        component = Component(
            self.transport,
            self.sandbox.url,
            self.platform.appid,
            lambda: self.secret,
            file_reader("ticket_file", self.ticket),
        )
        kept = RefreshTokenStore(self.path, lambda: self.given, "REFRESH_TOKEN")
        return AuthorizerToken(component, self.appid, kept, PATHS)

    def read(self, source: AuthorizerToken) -> int:
        retry = RetryPolicy(tries=2, backoff_seconds=0.0)
        client = Client(self.transport, self.sandbox.url, source, retry=retry)
        return len(fetch_page(client, window_products(), "", Calls()).items)

    def calls(self, path: str) -> int:
        return len(self.sandbox.calls_to(path))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    moments: list[Bench] = []
    world = World.generate(seed=91, windows=2, products=9)
    with Sandbox(world, clock=lambda: moments[0].now if moments else 1_760_000_000.0) as sandbox:
        moments.append(Bench(sandbox, tmp_path))
        yield moments[0]


def break_it(bench: Bench, trouble: str) -> None:
    if trouble == "no permission set":
        bench.platform.authorisations[bench.appid].permission_sets = {1}
    elif trouble == "withdrawn":
        del bench.platform.authorisations[bench.appid]
    elif trouble == "refresh token":
        bench.given = "refreshtoken@@@of-long-ago"
    elif trouble == "no refresh token":
        bench.given = ""
    elif trouble == "old ticket":
        bench.platform.expired_tickets.add(bench.platform.ticket)
    elif trouble == "wrong ticket":
        bench.ticket.write_text("ticket@@@other-one")
    elif trouble == "no ticket":
        bench.ticket.unlink()
    elif trouble == "secret":
        bench.secret = "0" * 32
    else:
        bench.sandbox.inject(Fault("ip_not_allowed", path=COMPONENT_TOKEN_PATH, code=61004))


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("no permission set", ("61007", "177", "133", "权限集")),
        ("withdrawn", ("61003", "authorise the platform again", "177 or 133", "(appid wx")),
        ("refresh token", ("61023", "administrator", "管理员重新授权", "177 or 133", "(appid wx")),
        ("no refresh token", ("authorizer_refresh_token in REFRESH_TOKEN",)),
        ("old ticket", ("61005", "component_verify_ticket", "12 hours", "component_appid wx")),
        ("wrong ticket", ("61006", "component_verify_ticket", "component_appid wx")),
        ("no ticket", ("ticket_file", "can't be read")),
        ("secret", ("40125", "secret_env", "component_appid wx")),
        ("ip", ("61004", "whitelist", "component_appid wx")),
    ],
)
def test_what_is_wrong_is_said_once_for_all_threads(
    bench: Bench, trouble: str, words: tuple[str, ...]
) -> None:
    break_it(bench, trouble)
    source = bench.source()

    def one(_: int) -> str:
        with pytest.raises(PermissionDenied) as caught:
            bench.read(source)
        return str(caught.value)

    with ThreadPoolExecutor(8) as pool:
        said = set(pool.map(one, range(16)))
    for text in said:
        assert [word for word in words if word not in text] == []
        assert [secret for secret in bench.sandbox.tokens if secret in text] == []
    assert bench.calls(COMPONENT_TOKEN_PATH) <= 1
    assert bench.calls(AUTHORIZER_TOKEN_PATH) <= 1


def test_both_spellings_of_the_query(bench: Bench) -> None:
    assert bench.read(bench.source()) == 9
    assert bench.transport.names == ["component_access_token", "access_token"]
    # An API that only knows the new one says that there is no token.
    bench.transport.names.clear()
    refusal = Fault("system_busy", path=AUTHORIZER_TOKEN_PATH, code=41001, times=1)
    bench.sandbox.inject(refusal)
    assert bench.read(bench.source()) == 9
    assert bench.transport.names == ["component_access_token", *["access_token"] * 2]


def test_other_apis_are_refused_before_a_call(bench: Bench) -> None:
    client = Client(bench.transport, bench.sandbox.url, bench.source())
    with pytest.raises(PermissionDenied, match="不支持此接口"):
        fetch_page(client, cooperating_shops(), "", Calls())
    assert bench.sandbox.calls == []


def test_the_successor_is_used_from_then_on_and_by_other_processes(bench: Bench) -> None:
    first, second = bench.source(), bench.source()
    for _ in range(3):
        for source in (first, second):
            bench.sandbox.expire_tokens()
            bench.now += SIX_MINUTES
            assert bench.read(source) == 9
    kept = json.loads(bench.path.read_text())
    assert kept["refresh_token"] == bench.platform.authorisations[bench.appid].refresh_token
    # The one that was given is long dead, and need not be there.
    bench.given = ""
    assert bench.read(bench.source()) == 9


def test_a_newly_given_one_counts(bench: Bench) -> None:
    assert bench.read(bench.source()) == 9
    granted = bench.platform.authorisations[bench.appid]
    bench.given = granted.refresh_token = "refreshtoken@@@of-the-new-authorisation"
    assert bench.read(bench.source()) == 9
    bench.now += SIX_MINUTES
    assert bench.read(bench.source()) == 9


def test_an_answer_that_was_lost_is_asked_for_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_cache, "_TRANSIENT_FAILURE_SECONDS", 0.0)
    bench.sandbox.inject(Fault("drop", path=AUTHORIZER_TOKEN_PATH, times=1))
    assert bench.read(bench.source()) == 9
    assert bench.calls(AUTHORIZER_TOKEN_PATH) == 2


def test_a_refresh_token_that_could_not_be_kept_is_not_used_up(bench: Bench) -> None:
    bench.path.parent.write_text("a file where the folder should be")
    with pytest.raises(PermissionDenied, match=r"can't be saved.*无法保存"):
        bench.read(bench.source())
    assert bench.calls(AUTHORIZER_TOKEN_PATH) == 0


@pytest.mark.parametrize("content", ["", "[]", "{", '{"refresh_token": ""}', "null", '"x"'])
def test_a_damaged_file_gives_way_to_what_is_given(bench: Bench, content: str) -> None:
    bench.path.parent.mkdir()
    bench.path.write_text(content)
    assert bench.read(bench.source()) == 9
