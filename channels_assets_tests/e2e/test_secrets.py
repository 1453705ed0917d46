"""No token and no secret, nor a piece of one, in anything that is written, said or shown."""

from __future__ import annotations

import gzip
import json
import pickle
import shutil
import ssl
import stat
import subprocess
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from channels_assets import config
from channels_assets.clients import token_sources
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.sandbox import Fault, World
from channels_assets.wechat import transport as transport_module
from channels_assets.wechat.auth.authorizer import AuthorizerToken, Component
from channels_assets.wechat.auth.refresh_token_store import RefreshTokenStore
from channels_assets.wechat.auth.stable_token import StableToken
from channels_assets.wechat.auth.token_cache import IssuedToken, TokenCache
from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.errors import Transient, UnexpectedResponse, WeChatError
from channels_assets.wechat.paging import fetch_page
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import WINDOW_PRODUCTS, window_products
from channels_assets_tests.helpers.echo import LOAD_WAYS, WAYS, Echo, Handler, Reply, Way, failed
from channels_assets_tests.helpers.project import Finished, Project
from channels_assets_tests.helpers.search import Needles, written_below

SECRET = "0123456789abcdef5ec3e70123456789"
TOKEN_WAYS: dict[str, Way] = {
    "html": WAYS["html"],
    "busy": WAYS["busy"],
    "wrong_secret": lambda told: failed(40125, f"invalid appsecret {told}"),
    "ip": lambda told: failed(40164, f"invalid ip 1.2.3.4, secret {told[:20]}"),
    "in_rid": WAYS["in_rid"],
    "as_key": lambda told: Reply(f'{{"{told.split()[0]}":1}}'),
    "http_500": WAYS["http_500"],
    "redirect": WAYS["redirect"],
    "no_token": lambda told: Reply(f'{{"access_token":"","expires_in":"{told.split()[0]}"}}'),
}


def leaks(project: Project, done: Finished, secrets: set[str]) -> list[tuple[str, list[bytes]]]:
    needles = Needles(secrets)
    told = [("stdout", done.out.encode()), ("stderr", done.err.encode())]
    found = [
        (where, needles.found_in(text)) for where, text in [*told, *written_below(project.folder)]
    ]
    assert len(found) > 20
    return [(where, pieces[:3]) for where, pieces in found if pieces]


@pytest.mark.slow
def test_an_api_that_echoes_what_it_was_sent_leaves_nothing_behind(
    make_project: Callable[..., Project],
) -> None:
    list_ways = [*WAYS.values(), *LOAD_WAYS.values()]
    world = World.generate(seed=4, windows=len(list_ways) + len(TOKEN_WAYS), products=3)
    project = make_project(world)
    appids = list(world.windows)
    ways = dict(zip(appids, list_ways, strict=False))
    refuse = dict(zip(appids[len(list_ways) :], TOKEN_WAYS.values(), strict=True))
    refuse[world.league.appid] = WAYS["busy"]
    with Echo(ways, refuse) as echo:
        project.settings.append("tries = 1")
        project.write()
        toml = project.folder / "channels.toml"
        toml.write_text(toml.read_text().replace(project.sandbox.url, echo.url))
        done = project.refresh()
        assert done.code == 1, done.err
        failed_windows = done.assets["window_products"]["failed"]
        assert len(failed_windows) == len(appids)
        assert len(echo.issued) >= len(list_ways)
        assert done.out.count("The answer repeats the access token") >= len(LOAD_WAYS)
        # The echo came through, and was removed.
        assert done.out.count("***") >= len(WAYS) // 2
        assert leaks(project, done, {*echo.issued, *world.secrets().values()}) == []


@pytest.mark.slow
def test_faults_of_every_sort_leave_nothing_behind(make_project: Callable[..., Project]) -> None:
    kinds = [
        *("system_busy", "html_200", "redirect", "truncated_json", "unknown_errcode"),
        *("wrong_account", "token_replaced", "duplicate_keys", "http_500", "drop"),
    ]
    world = World.generate(seed=4, windows=len(kinds) + 2, products=3, articles=4)
    project = make_project(world)
    project.settings.append("tries = 2")
    project.write()
    for kind, appid in zip(kinds, world.windows, strict=False):
        project.sandbox.inject(Fault(kind, path=WINDOW_PRODUCTS.path, appid=appid))
    project.sandbox.inject(Fault("ip_not_allowed", appid=list(world.windows)[-1]))
    done = project.refresh()
    assert done.code == 1, done.err
    assert len(done.assets["window_products"]["failed"]) == len(kinds) + 1
    assert done.assets["window_products"]["succeeded"] == 1
    assert len(project.sandbox.tokens) > 2 * len(kinds)
    assert leaks(project, done, project.sandbox.tokens) == []


def client_of(echo: Echo, tries: int = 1) -> Client:
    transport = RequestsTransport()
    tokens = StableToken(transport, echo.url, "wx1", lambda: SECRET)
    return Client(transport, echo.url, tokens, retry=RetryPolicy(tries, 0.0))


@pytest.mark.parametrize("way", LOAD_WAYS)
def test_an_item_that_repeats_the_token_is_kept_nowhere(way: str) -> None:
    """An odd item is stored as it was sent."""
    with Echo({"wx1": LOAD_WAYS[way]}) as echo:
        with pytest.raises(UnexpectedResponse, match="repeats the access token") as caught:
            fetch_page(client_of(echo), window_products(), "", Calls())
        assert Needles({*echo.issued, SECRET}).found_in(str(caught.value)) == []


@pytest.mark.parametrize("way", WAYS)
def test_no_error_shows_a_secret_however_it_is_looked_at(way: str) -> None:
    with Echo({"wx1": WAYS[way]}) as echo:
        client = client_of(echo)
        with pytest.raises(WeChatError) as caught:
            fetch_page(client, window_products(), "", Calls())
        error = caught.value
        needles = Needles({*echo.issued, SECRET})
        again = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert (type(again), str(again)) == (type(error), str(error))
        for text in (
            str(error),
            repr(error),
            repr(vars(error)),
            repr(error.again()),
            "".join(traceback.format_exception(error)),
            pickle.dumps(error),
            repr(client),
            repr(vars(client)),
        ):
            assert needles.found_in(text) == []


@pytest.mark.parametrize("way", TOKEN_WAYS)
def test_no_error_of_a_token_call_shows_the_secret(way: str) -> None:
    with Echo({}, {"wx1": TOKEN_WAYS[way]}) as echo:
        with pytest.raises(WeChatError) as caught:
            fetch_page(client_of(echo), window_products(), "", Calls())
        needles = Needles({SECRET})
        shown = "".join(traceback.format_exception(caught.value))
        assert needles.found_in(shown + repr(vars(caught.value))) == []
        assert needles.found_in(pickle.dumps(caught.value)) == []


TICKET = "ticket@@@0123456789-TiCkEt-9876543210"
REFRESH = "refreshtoken@@@0123456789-ReFrEsH-9876543210"


def authorizer_of(echo: Echo, folder: Path) -> tuple[Component, AuthorizerToken]:
    transport = RequestsTransport()
    component = Component(transport, echo.url, "wxc", lambda: SECRET, lambda: TICKET)
    kept = RefreshTokenStore(folder / "tokens" / "kept.json", lambda: REFRESH, "REFRESH")
    return component, AuthorizerToken(component, "wx1", kept, frozenset({WINDOW_PRODUCTS.path}))


@pytest.mark.parametrize("refused", ["wxc", "wx1"])
@pytest.mark.parametrize("way", TOKEN_WAYS)
def test_no_error_of_a_third_partys_token_call_shows_a_secret(
    tmp_path: Path, way: str, refused: str
) -> None:
    with Echo({}, {refused: TOKEN_WAYS[way]}) as echo:
        _, source = authorizer_of(echo, tmp_path)
        with pytest.raises(WeChatError) as caught:
            source.token()
        needles = Needles({SECRET, TICKET, REFRESH, *echo.issued})
        shown = "".join(traceback.format_exception(caught.value))
        assert needles.found_in(shown + repr(vars(caught.value))) == []
        assert needles.found_in(pickle.dumps(caught.value)) == []


def test_no_source_of_tokens_shows_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANNELS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WX_SECRET", SECRET)
    monkeypatch.setenv("WX_REFRESH", REFRESH)
    given = "92_" + "GiVeN-tOkEn" * 9
    (tmp_path / "given").write_text(given)
    (tmp_path / "ticket").write_text(TICKET)
    command = f'["echo", "{given}"]'
    lines = [
        *("[platform]", 'component_appid = "wxc"', 'secret_env = "WX_SECRET"'),
        f'ticket_file = "{tmp_path}/ticket"',
        *("[[window]]", 'appid = "wx1"', 'auth = "authorizer"', 'refresh_token_env = "WX_REFRESH"'),
        *("[[window]]", 'appid = "wx2"', 'auth = "token_file"', f'token_file = "{tmp_path}/given"'),
        *("[[window]]", 'appid = "wx3"', 'auth = "token_command"', f"token_command = {command}"),
        *(
            "[[window]]",
            'appid = "wx4"',
            'auth = "cloud_token"',
            f'token_file = "{tmp_path}/given"',
        ),
        *("[[window]]", 'appid = "wx5"', 'auth = "cloud_open_api"'),
        *("[[window]]", 'appid = "wx6"', 'secret_env = "WX_SECRET"'),
    ]
    with Echo({}) as echo:
        path = tmp_path / "channels.toml"
        path.write_text("\n".join([f'[api]\nbase_url = "{echo.url}"', *lines]))
        monkeypatch.setenv("CHANNELS_CONFIG", str(path))
        resource = WeChatResource()
        sources = token_sources(resource.settings, tmp_path / "data")
        clients = [resource.client(window) for window in resource.settings.window]
        held = [sources.source(window.credential) for window in resource.settings.window]
        tokens = [source.token() for source in held]
        assert len(set(tokens)) == 4
        needles = Needles({*echo.issued, SECRET, TICKET, REFRESH, given})
        component, source = authorizer_of(echo, tmp_path)
        made = [
            component,
            source,
            IssuedToken(given, 1.0),
            TokenCache(lambda: IssuedToken(given, 1.0)),
        ]
        kept = sources.refresh_token_store(resource.settings.window[0].credential)
        shown = [*held, *clients, *made, kept, sources, resource, resource.settings]
        shown += [window.credential for window in resource.settings.window]
        for item in shown:
            assert needles.found_in(f"{item!r} {item!s} {[item]!r}") == []
        for item in (*held, component):
            assert needles.found_in(repr(vars(item))) == []


def test_every_way_to_a_token_leaves_nothing_behind(
    make_project: Callable[..., Project], tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World.generate(seed=6, windows=6, products=3, shops=1, articles=3)
    project = make_project(world)
    project.settings.append("tries = 1")
    # What others keep lies outside of the folder that is searched.
    others = tmp_path_factory.mktemp("others")
    by_file, by_command, by_cloud, refused, *authorised = world.windows
    desk = project.sandbox._tokens
    for name, appid in {"file": by_file, "command": by_command, "refused": refused}.items():
        (others / name).write_text(desk.stable(appid, force=False)[0])
    (others / "cloud").write_text(project.sandbox.push_cloud_token(by_cloud))
    (others / "ticket").write_text(world.platform.ticket)
    project.environment["WX_PLATFORM"] = world.platform.secret
    project.environment["WX_LEAGUE"] = world.league.secret
    project.environment["PASSWORD"] = "SeCrEt-SeCrEt-SeCrEt"
    lines = [
        *("[platform]", f'component_appid = "{world.platform.appid}"'),
        *('secret_env = "WX_PLATFORM"', f'ticket_file = "{others}/ticket"'),
        *("[league]", f'appid = "{world.league.appid}"', 'secret_env = "WX_LEAGUE"'),
        'sharers = "all"',
        *("[[window]]", f'appid = "{by_file}"', 'auth = "token_file"'),
        f'token_file = "{others}/file"',
        *("[[window]]", f'appid = "{by_command}"', 'auth = "token_command"'),
        f'token_command = ["cat", "{others}/command"]',
        *("[[window]]", f'appid = "{by_cloud}"', 'auth = "cloud_token"'),
        f'token_file = "{others}/cloud"',
        *("[[window]]", f'appid = "{refused}"', 'auth = "token_command"'),
        f"token_command = ['sh', '-c', 'cat {others}/refused; echo $PASSWORD; exit 1']",
    ]
    for appid in authorised:
        granted = world.platform.authorisations[appid]
        project.environment[f"REFRESH_{appid}"] = granted.refresh_token
        lines += ["[[window]]", f'appid = "{appid}"', 'auth = "authorizer"']
        lines += [f'refresh_token_env = "REFRESH_{appid}"']
    world.platform.authorisations[authorised[-1]].permission_sets.clear()
    project.write_lines(*lines)
    done = project.refresh()
    assert done.code == 1, done.err
    failed = {item["partition"] for item in done.assets["window_products"]["failed"]}
    assert failed == {refused, authorised[-1]}
    doctor = project.command("doctor", "--json")

    kept = sorted((project.data / "tokens").rglob("*.json"))
    assert len(kept) == len(authorised)
    of_refresh = {json.loads(path.read_text())["refresh_token"] for path in kept}
    assert of_refresh == {
        world.platform.authorisations[appid].refresh_token for appid in authorised
    }
    for path in (project.data / "tokens").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in kept:
        # The one place where they may be: nothing but the newest, and no access token.
        others_of_it = project.sandbox.tokens - of_refresh
        assert Needles(others_of_it).found_in(path.read_bytes()) == []
        path.unlink()
    everything = {*project.sandbox.tokens, "SeCrEt-SeCrEt-SeCrEt"}
    assert leaks(project, done, everything) == []
    assert Needles(everything).found_in(doctor.out + doctor.err) == []


def test_no_object_that_holds_a_secret_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WX_SECRET", SECRET)
    monkeypatch.setenv("CHANNELS_CONFIG", str(tmp_path / "channels.toml"))
    with Echo({"wx1": WAYS["busy"]}) as echo:
        (tmp_path / "channels.toml").write_text(
            f'[api]\nbase_url = "{echo.url}"\ntries = 1\n'
            '[[window]]\nappid = "wx1"\nsecret_env = "WX_SECRET"\n'
        )
        resource = WeChatResource()
        client = resource.client(resource.settings.window[0])
        with pytest.raises(Transient):
            fetch_page(client, window_products(), "", Calls())
        transport = RequestsTransport()
        tokens = StableToken(transport, echo.url, "wx1", lambda: SECRET)
        assert tokens.token() in echo.issued
        needles = Needles({*echo.issued, SECRET})
        holders = (resource, client, transport, tokens, resource.settings, WarehouseResource())
        for holder in holders:
            assert needles.found_in(f"{holder!r} {holder!s} {[holder]!r}") == []
        assert needles.found_in(resource.settings.model_dump_json()) == []
        assert needles.found_in(resource.model_dump_json()) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(status: int) -> None:
    with (
        Echo({}) as elsewhere,
        Echo(
            {"wx1": lambda told: Reply("", status, Location=f"{elsewhere.url}/?{told[:9]}")}
        ) as api,
        Echo({}, {"wx1": lambda _: Reply("", status, Location=elsewhere.url)}) as of_token,
    ):
        for echo in (api, of_token):
            with pytest.raises(UnexpectedResponse, match="not followed"):
                fetch_page(client_of(echo, tries=3), window_products(), "", Calls())
        assert elsewhere.hits == 0
        assert api.hits == 1 + 3


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    monkeypatch.setattr(transport_module, "MAX_BYTES", 2**20)
    plain = b'{"products":[]}' + b" " * (40 * 2**20)
    body = gzip.compress(plain) if packed else plain
    headers = {"Content-Encoding": "gzip"} if packed else {}
    assert len(body) < 2**20 or not packed
    with (
        Echo({"wx1": lambda _: Reply(body, 200, **headers)}) as echo,
        pytest.raises(UnexpectedResponse, match="larger than 1 MB"),
    ):
        fetch_page(client_of(echo), window_products(), "", Calls())


def models_in(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from models_in(inner)


def test_no_setting_touches_tls(tmp_path: Path) -> None:
    models = set(models_in(config.Settings))
    assert {config.Api, config.Window, config.League} <= models
    names = {name for model in models for name in model.model_fields}
    suspects = ("verify", "insecure", "tls", "ssl", "cert", "ca_", "trust", "proxy")
    assert [name for name in names if any(word in name for word in suspects)] == []
    for line in ("verify = false", "insecure = true", "tls_verify = false"):
        path = tmp_path / "channels.toml"
        path.write_text(f'[api]\n{line}\n[[window]]\nappid="a"\nsecret_env="S"\n')
        with pytest.raises(config.ConfigError, match="unknown setting"):
            config.load_settings(path)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command")
def test_a_certificate_that_nobody_signed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    handler: Any = Handler
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        serving: Any = server
        serving.hits, serving.reply = 0, lambda *_: Reply("{}")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"https://localhost:{server.server_port}/cgi-bin/stable_token"
        try:
            with pytest.raises(Transient, match="TLS certificate could not be verified") as caught:
                RequestsTransport().post(url, {"access_token": SECRET}, b"{}", "endpoint")
            assert SECRET not in repr(caught.value)
            assert serving.hits == 0
            # The same server is reached by one who trusts its certificate: so it was the certificate.
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
            assert RequestsTransport().post(url, {}, b"{}", "endpoint").status == 200
        finally:
            server.shutdown()
