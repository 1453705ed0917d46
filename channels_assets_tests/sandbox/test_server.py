"""The sandbox itself: the hook before each answer, latency, starting and stopping."""

import threading
import time

import pytest
import requests

from channels_assets.sandbox import Call, Fault, Sandbox, World
from channels_assets_tests.sandbox.callers import PRODUCTS, Caller


def test_hook_may_change_the_world_before_the_answer(world: World) -> None:
    account = next(iter(world.windows.values()))
    seen: list[Call] = []

    def shrink(call: Call) -> None:
        seen.append(call)
        if call.path == PRODUCTS:
            del account.products[0]

    with Sandbox(world, on_call=shrink) as sandbox:
        caller = Caller(sandbox, account.appid, account.secret).log_in()
        counts = [
            caller.call(PRODUCTS, {"page_size": 1, "need_total_num": True})["total_num"]
            for _ in range(3)
        ]
        assert counts == [449, 448, 447]
        assert [call.rid for call in seen] == [call.rid for call in sandbox.calls]
        assert {call.status for call in seen} == {0}


def test_hook_may_use_the_sandbox(world: World) -> None:
    account = next(iter(world.windows.values()))

    def on_call(call: Call) -> None:
        if call.path == PRODUCTS and len(sandbox.calls_to(PRODUCTS)) == 2:
            sandbox.expire_tokens()
            sandbox.inject(Fault("rate_minute", times=1, after=1))

    with Sandbox(world, on_call=on_call) as sandbox:
        caller = Caller(sandbox, account.appid, account.secret).log_in()
        assert [caller.errcode(PRODUCTS, {"page_size": 1}) for _ in range(3)] == [0, 42001, 45011]


def test_hooks_take_turns(world: World) -> None:
    inside: list[Call] = []
    crowds: list[int] = []

    def linger(call: Call) -> None:
        inside.append(call)
        time.sleep(0.02)
        crowds.append(len(inside))
        inside.remove(call)

    with Sandbox(world, on_call=linger) as sandbox:
        _get_at_once(sandbox.url, clients=8)
    assert crowds == [1] * 8


def test_latency_is_not_shared(world: World) -> None:
    with Sandbox(world, latency=0.2) as sandbox:
        began = time.monotonic()
        _get_at_once(sandbox.url, clients=8)
        assert 0.2 <= time.monotonic() - began < 1.0
        assert len(sandbox.calls) == 8


def _get_at_once(url: str, clients: int) -> None:
    threads = [
        threading.Thread(target=requests.get, args=(url,), kwargs={"timeout": 5})
        for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_url_only_while_it_serves(world: World) -> None:
    sandbox = Sandbox(world)
    with pytest.raises(RuntimeError, match="inside"):
        _ = sandbox.url
    with sandbox:
        url = sandbox.url
        session = requests.Session()
        assert session.get(url, timeout=5).status_code == 200
    with pytest.raises(requests.ConnectionError):
        session.get(url, timeout=5)
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_a_fixed_port_can_be_taken_again_at_once(world: World) -> None:
    with Sandbox(world) as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        requests.get(sandbox.url, timeout=5)
    with Sandbox(world, port=port) as sandbox:
        assert sandbox.url == f"http://127.0.0.1:{port}"
        assert requests.get(sandbox.url, timeout=5).json()["errcode"] == 40066
