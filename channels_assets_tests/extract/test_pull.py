"""One list pulled over a real socket: whole, resumed, walked again, or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_assets.extract.pool import Outcome, pull_all
from channels_assets.extract.pull import PageFolder, Pulled, PullTask, pull
from channels_assets.sandbox import Call, Fault, Sandbox, World
from channels_assets.wechat.auth.stable_token import StableToken
from channels_assets.wechat.client import Client, Stopped
from channels_assets.wechat.errors import BadRequest, Transient, UnprovenEnd
from channels_assets.wechat.paging import ListRequest
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import WINDOW_PRODUCTS, window_products


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(World.generate(seed=3, windows=1, products=30)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    before = list(window(shared).products)
    shared.reset_calls()
    yield shared
    shared.clear_faults()
    window(shared).products[:] = before


def window(sandbox: Sandbox) -> Any:  # noqa: ANN401
    return next(iter(sandbox.world.windows.values()))


def task(sandbox: Sandbox, request: ListRequest[Any] | None = None) -> PullTask:
    transport = RequestsTransport()
    account = window(sandbox)
    client = Client(
        transport,
        sandbox.url,
        StableToken(transport, sandbox.url, account.appid, lambda: account.secret),
        retry=RetryPolicy(tries=2, backoff_seconds=0.0),
    )
    asked = request or window_products(page_size=5)
    return PullTask("window_products", account.appid, client, asked)


def pull_now(sandbox: Sandbox, folder: Path, request: ListRequest[Any] | None = None) -> Pulled:
    return pull(task(sandbox, request), PageFolder(folder), threading.Event())


def ids(pulled: Pulled) -> list[str]:
    items = [item for page in pulled.page_file for item in json.loads(page).get("products", [])]
    return [str(item["product_id"]) for item in items]


def truth(sandbox: Sandbox) -> list[str]:
    return [str(item["product_id"]) for item in window(sandbox).products]


def data_calls(sandbox: Sandbox) -> int:
    return len(sandbox.calls_to(WINDOW_PRODUCTS.path))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(size=st.integers(1, 40), count=st.integers(0, 30), page_end=st.booleans())
def test_any_list_is_staged_whole_and_in_order(
    sandbox: Sandbox,
    tmp_path_factory: pytest.TempPathFactory,
    size: int,
    count: int,
    page_end: bool,
) -> None:
    everything = list(window(sandbox).products)
    try:
        window(sandbox).products[:] = everything[: count - count % size if page_end else count]
        pulled = pull_now(
            sandbox, tmp_path_factory.mktemp("staging"), window_products(page_size=size)
        )
        assert ids(pulled) == truth(sandbox)
        assert pulled.total_num == len(truth(sandbox))
        pulled.page_file.discard()
    finally:
        window(sandbox).products[:] = everything


@pytest.mark.parametrize("pages_before", [1, 3, 5])
def test_a_broken_pull_goes_on_after_its_last_page(
    sandbox: Sandbox, tmp_path: Path, pages_before: int
) -> None:
    fault = sandbox.inject(Fault("http_502", path=WINDOW_PRODUCTS.path, after=pages_before))
    with pytest.raises(Transient) as caught:
        pull_now(sandbox, tmp_path)
    assert caught.value.api_calls == pages_before + 2
    fault.remove()
    sandbox.reset_calls()
    pulled = pull_now(sandbox, tmp_path)
    assert ids(pulled) == truth(sandbox)
    assert pulled.resumed_pages == pages_before
    assert data_calls(sandbox) == pulled.pages - pages_before
    assert (pulled.api_calls, pulled.resumed_calls) == (data_calls(sandbox), pages_before + 2)


def test_a_pull_that_ended_but_was_not_loaded_costs_no_call(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    pull_now(sandbox, tmp_path).page_file.keep()
    sandbox.reset_calls()
    pulled = pull_now(sandbox, tmp_path)
    assert ids(pulled) == truth(sandbox)
    assert (pulled.api_calls, data_calls(sandbox)) == (0, 0)
    assert pulled.resumed_calls == pulled.pages


def test_a_rejected_cursor_restarts_the_walk_once(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.inject(Fault("cursor_rejected", path=WINDOW_PRODUCTS.path, after=2, times=1))
    pulled = pull_now(sandbox, tmp_path)
    assert ids(pulled) == truth(sandbox)
    pulled.page_file.discard()
    sandbox.clear_faults()
    sandbox.inject(Fault("cursor_rejected", path=WINDOW_PRODUCTS.path))
    sandbox.reset_calls()
    with pytest.raises(BadRequest):
        pull_now(sandbox, tmp_path)
    assert data_calls(sandbox) == 4


def test_a_list_that_changes_under_the_walk_is_walked_again(tmp_path: Path) -> None:
    world = World.generate(seed=3, windows=1, products=30)
    removed: list[Any] = []

    def on_call(call: Call) -> None:
        if call.path == WINDOW_PRODUCTS.path and call.body and call.body.get("last_buffer"):
            products = next(iter(world.windows.values())).products
            if not removed:
                removed.append(products.pop(0))

    with Sandbox(world, on_call=on_call) as sandbox:
        pulled = pull_now(sandbox, tmp_path)
        assert removed
        assert ids(pulled) == truth(sandbox)
        assert pulled.end_reason != "count_disagrees"


def test_two_walks_that_agree_against_total_num_are_taken_with_a_note(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.inject(Fault("total_off_by_one"))
    pulled = pull_now(sandbox, tmp_path)
    assert ids(pulled) == truth(sandbox)
    assert pulled.end_reason == "count_disagrees"
    assert pulled.total_num == len(truth(sandbox)) + 1


@pytest.mark.parametrize("kind", ["missing_cursor", "missing_list", "cycling_cursor"])
def test_an_unproven_end_stages_nothing_for_the_retry(
    sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    sandbox.inject(Fault(kind, path=WINDOW_PRODUCTS.path))
    with pytest.raises(UnprovenEnd) as caught:
        pull_now(sandbox, tmp_path)
    assert caught.value.api_calls == data_calls(sandbox)
    sandbox.clear_faults()
    pulled = pull_now(sandbox, tmp_path)
    assert ids(pulled) == truth(sandbox)
    assert pulled.resumed_pages == 0


def test_stop_ends_between_two_pages_and_keeps_what_is_staged(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        pull(task(sandbox), PageFolder(tmp_path), stop)
    assert data_calls(sandbox) == 0


def test_many_lists_at_once_each_end_for_itself(tmp_path: Path) -> None:
    world = World.generate(seed=5, windows=12, products=20)
    with Sandbox(world) as sandbox:
        bad = list(world.windows)[3]
        sandbox.inject(Fault("window_banned", appid=bad))
        transport = RequestsTransport(4)
        tasks = {}
        for appid, account in world.windows.items():
            tokens = StableToken(transport, sandbox.url, appid, lambda a=account: a.secret)
            client = Client(transport, sandbox.url, tokens)
            tasks[appid] = PullTask("window_products", appid, client, window_products(page_size=5))
        seen: dict[str, list[str] | str] = {}
        for outcome in chain.from_iterable(
            pull_all(tasks, PageFolder(tmp_path), 4, threading.Event())
        ):
            if isinstance(outcome.result, Pulled):
                seen[outcome.key] = ids(outcome.result)
                outcome.result.page_file.discard()
            else:
                seen[outcome.key] = type(outcome.result).__name__
        for appid in world.windows:
            truth_ids = [str(item["product_id"]) for item in world.products_for(appid)]
            assert seen[appid] == ("PermissionDenied" if appid == bad else truth_ids)
        assert list(tmp_path.glob("*.pages")) == [
            path for path in tmp_path.glob("*.pages") if path.stat().st_size < 400
        ]


def test_a_reader_that_leaves_ends_the_walks(tmp_path: Path) -> None:
    world = World.generate(seed=5, windows=30, products=20)
    with Sandbox(world, latency=0.02) as sandbox:
        transport = RequestsTransport(2)
        account = next(iter(world.windows.values()))
        tokens = StableToken(transport, sandbox.url, account.appid, lambda: account.secret)
        client = Client(transport, sandbox.url, tokens)
        tasks = {
            number: PullTask(f"n{number}", account.appid, client, window_products(page_size=1))
            for number in range(30)
        }
        outcomes = pull_all(tasks, PageFolder(tmp_path), 2, threading.Event())
        next(outcomes)
        outcomes.close()
        calls = len(sandbox.calls)
        assert calls < 30 * 20
        assert threading.active_count() < 40


def test_lists_that_were_stopped_are_not_failed_lists(tmp_path: Path) -> None:
    world = World.generate(seed=5, windows=1, products=20)
    stop = threading.Event()
    with Sandbox(world, on_call=lambda call: stop.set() if is_a_page(call) else None) as sandbox:
        tasks = dict.fromkeys(range(40), task(sandbox, window_products(page_size=1)))
        outcomes = pull_all(tasks, PageFolder(tmp_path), 2, stop)
        ended: list[Outcome[int]] = []
        with pytest.raises(Stopped):
            ended.extend(chain.from_iterable(outcomes))
    assert ended == []


def is_a_page(call: Call) -> bool:
    return call.path == WINDOW_PRODUCTS.path


@pytest.mark.parametrize("damage", ["cut off", "a byte changed"])
def test_pages_that_were_damaged_after_the_proof_are_not_a_shorter_list(
    sandbox: Sandbox, tmp_path: Path, damage: str
) -> None:
    pulled = pull_now(sandbox, tmp_path)
    assert list(pulled) == list(pulled)
    [path] = tmp_path.glob("*.pages")
    content = path.read_bytes()
    if damage == "cut off":
        path.write_bytes(content[:-20])
    else:
        path.write_bytes(content[:-20] + b"?" + content[-19:])
    with pytest.raises(OSError, match="page file was damaged"):
        list(pulled)
