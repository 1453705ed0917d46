"""Faults of bytes, headers and delivery, seen from the client's end of the socket."""

import http.client
import json
import threading
import time

import pytest
import requests

from channels_assets.sandbox import KINDS, Call, Fault, Sandbox, World
from channels_assets_tests.sandbox.callers import PRODUCTS, STABLE, Caller

TEN_ITEMS = {"page_size": 10}


def _last(caller: Caller) -> Call:
    return caller.sandbox.calls_to(PRODUCTS)[-1]


@pytest.mark.parametrize(
    ("kind", "status"), [("http_500", 500), ("http_502", 502), ("html_200", 200)]
)
def test_html(window: Caller, kind: str, status: int) -> None:
    window.sandbox.inject(Fault(kind))
    answer = window.send(PRODUCTS, {})
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<html>")
    assert (_last(window).status, _last(window).errcode) == (status, 0)


def test_html_on_a_token_call(window: Caller) -> None:
    window.sandbox.inject(Fault("http_502", path=STABLE))
    with pytest.raises(requests.JSONDecodeError):
        window.stable()


def test_text_plain(window: Caller) -> None:
    window.sandbox.inject(Fault("text_plain"))
    answer = window.send(PRODUCTS, TEN_ITEMS)
    assert answer.headers["Content-Type"] == "text/plain"
    assert len(answer.json()["products"]) == 10


def test_redirect(window: Caller) -> None:
    window.sandbox.inject(Fault("redirect"))
    answer = window.send(PRODUCTS, TEN_ITEMS, allow_redirects=False)
    assert answer.status_code == 302
    assert "127.0.0.1" not in answer.headers["Location"]
    assert window.token not in answer.headers["Location"]


def test_bom(window: Caller) -> None:
    window.sandbox.inject(Fault("bom"))
    body = window.send(PRODUCTS, TEN_ITEMS).content
    assert body.startswith(b"\xef\xbb\xbf{")
    assert json.loads(body.decode("utf-8-sig"))["errcode"] == 0


def test_latin1(window: Caller) -> None:
    window.sandbox.inject(Fault("latin1"))
    body = window.send(PRODUCTS, TEN_ITEMS).content
    with pytest.raises(UnicodeDecodeError):
        body.decode("utf-8")
    assert json.loads(body.decode("latin-1"))["errmsg"] == "été ok"


def test_duplicate_keys(window: Caller) -> None:
    window.sandbox.inject(Fault("duplicate_keys"))
    pairs = json.loads(window.send(PRODUCTS, TEN_ITEMS).content, object_pairs_hook=list)
    products = [value for name, value in pairs if name == "products"]
    assert [len(value) for value in products] == [10, 0]


def test_truncated_json(window: Caller) -> None:
    window.sandbox.inject(Fault("truncated_json"))
    answer = window.send(PRODUCTS, TEN_ITEMS)
    assert len(answer.content) == int(answer.headers["Content-Length"])
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_truncated(window: Caller) -> None:
    window.sandbox.inject(Fault("truncated", times=1))
    connection = http.client.HTTPConnection(window.sandbox.url.removeprefix("http://"), timeout=5)
    connection.request("POST", f"{PRODUCTS}?access_token={window.token}", json.dumps(TEN_ITEMS))
    with pytest.raises(http.client.IncompleteRead) as cut:
        connection.getresponse().read()
    assert cut.value.partial.startswith(b'{"errcode":0')
    assert cut.value.expected
    connection.close()
    assert window.errcode(PRODUCTS, TEN_ITEMS) == 0


def test_drop(window: Caller) -> None:
    window.sandbox.inject(Fault("drop", times=1))
    with pytest.raises(requests.ConnectionError):
        window.send(PRODUCTS, TEN_ITEMS)
    assert _last(window).status == 0
    assert window.errcode(PRODUCTS, TEN_ITEMS) == 0


def test_hang(window: Caller) -> None:
    window.sandbox.inject(Fault("hang", times=1))
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            window.sandbox.url + PRODUCTS,
            params={"access_token": window.token},
            json=TEN_ITEMS,
            timeout=0.2,
        )
    assert _last(window).status == 0
    assert window.errcode(PRODUCTS, TEN_ITEMS) == 0


def test_hang_ends_when_the_sandbox_stops(world: World) -> None:
    account = next(iter(world.windows.values()))
    failures: list[Exception] = []

    def wait_for_nothing(caller: Caller) -> None:
        try:
            caller.send(PRODUCTS, TEN_ITEMS)
        except requests.ConnectionError as error:
            failures.append(error)

    with Sandbox(world) as sandbox:
        caller = Caller(sandbox, account.appid, account.secret).log_in()
        sandbox.inject(Fault("hang"))
        client = threading.Thread(target=wait_for_nothing, args=(caller,))
        client.start()
        while not sandbox.calls_to(PRODUCTS):
            time.sleep(0.01)
    client.join(timeout=2)
    assert len(failures) == 1


def test_slow(window: Caller) -> None:
    window.sandbox.inject(Fault("slow", seconds=0.4))
    began = time.monotonic()
    answer = window.send(PRODUCTS, TEN_ITEMS, stream=True)
    headers_after = time.monotonic() - began
    pieces = list(answer.raw.stream(16))
    assert headers_after < 0.2
    assert 0.4 <= time.monotonic() - began < 2
    assert len(pieces) > 10
    assert len(json.loads(b"".join(pieces))["products"]) == 10


def test_huge(window: Caller) -> None:
    window.sandbox.inject(Fault("huge", times=1))
    with window.send(PRODUCTS, TEN_ITEMS, stream=True) as answer:
        assert int(answer.headers["Content-Length"]) > 64 * 2**20
        start = answer.raw.read(100_000)
        assert len(json.loads(start)["products"]) == 10
    assert window.errcode(PRODUCTS, TEN_ITEMS) == 0


def test_huge_is_sent_whole_to_those_who_want_it(window: Caller) -> None:
    window.sandbox.inject(Fault("huge"))
    assert len(window.send(PRODUCTS, TEN_ITEMS).content) > 64 * 2**20


def test_every_kind_is_documented_and_does_something(window: Caller) -> None:
    for name, kind in KINDS.items():
        assert kind.doc, name
        assert kind.paths, name
        refuses = kind.code is not None or kind.bad_parameter
        assert refuses or kind.page or kind.answer or kind.reply, name


def test_no_request_breaks_the_server(window: Caller, capfd: pytest.CaptureFixture[str]) -> None:
    """Each kind on each sort of answer: a page, an error, a token."""
    for kind in sorted(set(KINDS) - {"hang", "slow", "huge"}):
        calls = [(PRODUCTS, TEN_ITEMS), (PRODUCTS, {}), (STABLE, {})]
        for path, body in calls[:2] if KINDS[kind].for_lists else calls:
            handle = window.sandbox.inject(Fault(kind, path=path))
            try:
                window.send(path, body, allow_redirects=False)
            except requests.RequestException:
                assert kind in ("drop", "truncated"), kind
            handle.remove()
    assert capfd.readouterr().err == ""
