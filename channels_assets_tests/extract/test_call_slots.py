"""How many calls are on the wire at once, and how accounts share the threads that make them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from channels_assets.extract.call_slots import CallSlots, WalkThreads
from channels_assets.extract.pool import pull_all
from channels_assets.extract.pull import PageFolder, Pulled, PullTask
from channels_assets.sandbox import Fault, Sandbox, World
from channels_assets.wechat.auth.stable_token import StableToken
from channels_assets.wechat.client import Calls, Client, Stopped
from channels_assets.wechat.errors import RateLimited
from channels_assets.wechat.rate_limit import RateLimiter, SendTime
from channels_assets.wechat.request import Answer
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import WINDOW_PRODUCTS, window_products

PATH = WINDOW_PRODUCTS.path
WAIT_SECONDS = 20


def threads_named(*names: str) -> list[threading.Thread]:
    return [item for item in threading.enumerate() if item.name.startswith(names)]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not threads_named("walk", "page")


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Meter:
    """Knows how many are inside it at once, and the most that ever were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


def test_walks_and_their_pages_share_the_slots_and_use_them_all() -> None:
    limit, meter, full = 3, Meter(), threading.Barrier(3)
    got: list[list[int]] = []

    def call(number: int) -> int:
        with threads.slots, meter:
            full.wait(WAIT_SECONDS)
        return number

    def walk() -> None:
        call(0)
        got.append(list(threads.side_by_side(call, range(5))))

    with closing(WalkThreads(limit, lists=4, max_walks=4)) as threads:
        threads.start({"a": [walk, walk], "b": [walk, walk]})
        until(lambda: len(got) == 4)
    assert got == [list(range(5))] * 4
    assert meter.most == limit


def test_a_call_that_fails_gives_its_slot_back() -> None:
    slots = CallSlots(1)
    for _ in range(2):
        with suppress(ZeroDivisionError), slots:
            raise ZeroDivisionError
    with slots:
        pass


def test_a_free_slot_goes_to_the_thread_that_waits_longest() -> None:
    """Not back to the one that had it: threads that call on and on would keep all others waiting."""
    slots, stop, calls = CallSlots(2), threading.Event(), Counter[str]()

    def call_on_and_on(name: str, pause: float) -> None:
        while not stop.is_set():
            with slots:
                time.sleep(0.002)
            calls[name] += 1
            if pause:
                time.sleep(pause)

    busy = [threading.Thread(target=call_on_and_on, args=("busy", 0)) for _ in range(4)]
    other = threading.Thread(target=call_on_and_on, args=("other", 0.001))
    for item in [*busy, other]:
        item.start()
    until(lambda: calls["busy"] > 400)
    stop.set()
    for item in [*busy, other]:
        item.join()
    # A fair share is about a fifth.
    assert calls["other"] > 40


def test_an_account_whose_walks_all_wait_holds_up_no_other_account() -> None:
    limit, go_on, done = 4, threading.Event(), Counter[str]()

    def slow() -> None:
        go_on.wait(WAIT_SECONDS)

    with closing(WalkThreads(limit, lists=300, max_walks=8)) as threads:
        threads.start(
            {
                "slow": [slow] * 100,
                "fast": [partial(done.update, ["fast"])] * 100,
                "late": [partial(done.update, ["late"])] * 100,
            }
        )
        until(lambda: done == {"fast": 100, "late": 100})
        go_on.set()


def test_an_account_whose_pages_all_wait_holds_up_no_other_account() -> None:
    go_on, got = threading.Event(), list[int]()

    def walk(fetch: Callable[[int], int]) -> None:
        got.extend(threads.side_by_side(fetch, range(50)))

    def slow(_: int) -> int:
        return int(go_on.wait(WAIT_SECONDS))

    def fast(number: int) -> int:
        return number

    with closing(WalkThreads(4, lists=3, max_walks=8)) as threads:
        threads.start({"slow": [partial(walk, slow)] * 2, "fast": [partial(walk, fast)]})
        until(lambda: got == list(range(50)))
        go_on.set()


def test_many_slow_accounts_hold_up_no_other_even_with_one_slot() -> None:
    go_on, done = threading.Event(), threading.Event()

    def slow() -> None:
        go_on.wait(WAIT_SECONDS)

    with closing(WalkThreads(1, lists=91, max_walks=512)) as threads:
        threads.start({**{f"slow {n}": [slow] * 3 for n in range(30)}, "fast": [done.set]})
        assert done.wait(WAIT_SECONDS)
        go_on.set()


def test_threads_of_an_account_that_ended_walk_the_lists_of_the_others() -> None:
    limit, meter, go_on = 6, Meter(), threading.Event()

    def walk() -> None:
        with meter:
            go_on.wait(WAIT_SECONDS)

    accounts = {"long": [walk] * 50, **{f"short {n}": [lambda: None] for n in range(11)}}
    with closing(WalkThreads(limit, lists=61, max_walks=limit)) as threads:
        threads.start(accounts)
        until(lambda: meter.now == limit)
        go_on.set()


def test_many_accounts_do_not_have_a_thread_each() -> None:
    walked, most = Counter[str](), Meter()

    def walk(account: str) -> None:
        with most:
            walked[account] += sum(threads.side_by_side(int, [1, 1, 1]))

    accounts = [f"wx{n}" for n in range(2000)]
    with closing(WalkThreads(4, lists=len(accounts), max_walks=512)) as threads:
        threads.start({account: [partial(walk, account)] for account in accounts})
        until(lambda: len(walked) == len(accounts))
        assert len(threads_named("walk")) <= 64
    assert set(walked.values()) == {3}
    assert most.most <= 64


def test_no_more_walks_at_once_than_files_may_be_open() -> None:
    meter, ended = Meter(), Counter[str]()

    def walk() -> None:
        with meter:
            time.sleep(0.001)
        ended["walks"] += 1

    with closing(WalkThreads(32, lists=100, max_walks=5)) as threads:
        threads.start({f"wx{n}": [walk] for n in range(100)})
        until(lambda: ended["walks"] == 100)
    assert meter.most <= 5


def test_a_long_list_among_many_short_lists_can_use_all_slots() -> None:
    limit, got = 4, list[int]()
    all_at_once = threading.Barrier(limit)

    def long_list() -> None:
        got.extend(threads.side_by_side(lambda _: all_at_once.wait(WAIT_SECONDS), range(limit)))

    with closing(WalkThreads(limit, lists=200, max_walks=512)) as threads:
        threads.start({"long": [long_list], "short": [lambda: None] * 199})
        until(lambda: len(got) == limit)


def test_many_long_lists_do_not_have_a_thread_for_each_page() -> None:
    limit, walks, go_on, done = 4, 64, threading.Event(), Counter[str]()

    def walk() -> None:
        done.update(threads.side_by_side(lambda _: str(go_on.wait(WAIT_SECONDS)), range(50)))

    with closing(WalkThreads(limit, lists=walks, max_walks=512)) as threads:
        threads.start({f"wx{n}": [walk] for n in range(walks)})
        until(lambda: len(threads_named("page")) >= walks)
        assert len(threads_named("page")) <= walks + 4 * limit
        go_on.set()
        until(lambda: done["True"] == walks * 50)


def test_closing_it_awaits_the_walks_that_run_and_begins_no_other() -> None:
    begun, ended, go_on = Counter[str](), Counter[str](), threading.Event()

    def walk() -> None:
        begun["walks"] += 1
        go_on.wait(WAIT_SECONDS)
        ended["walks"] += 1

    threads = WalkThreads(2, lists=50, max_walks=8)
    threads.start({"a": [walk] * 25, "b": [walk] * 25})
    until(lambda: begun["walks"] == 4)
    closes = threading.Thread(target=threads.close)
    closes.start()
    until(lambda: not any(threads._waiting))
    go_on.set()
    closes.join(WAIT_SECONDS)
    assert begun == ended == {"walks": 4}


def test_a_page_that_fails_ends_the_pages_that_have_not_begun() -> None:
    begun, go_on = Counter[str](), threading.Event()

    def fetch(number: int) -> None:
        if number == 0:
            raise ZeroDivisionError
        begun["others"] += 1
        go_on.wait(WAIT_SECONDS)

    with closing(WalkThreads(2, lists=1, max_walks=8)) as threads:
        pages = threads.side_by_side(fetch, range(51))
        threading.Timer(0.2, go_on.set).start()
        with pytest.raises(ZeroDivisionError):
            list(pages)
    assert begun["others"] <= 3


class Accounts:
    """A sandbox with windows of several accounts, and clients of them."""

    def __init__(self, sandbox: Sandbox, folder: Path, world: World) -> None:
        self.sandbox, self._world = sandbox, world
        self._transport = RequestsTransport(8)
        self.staging = PageFolder(folder)
        self.appids = list(world.windows)

    def client(self, appid: str, limiter: RateLimiter | None = None) -> Client:
        secret = self._world.windows[appid].secret
        tokens = StableToken(self._transport, self.sandbox.url, appid, lambda: secret)
        retry = RetryPolicy(tries=3, backoff_seconds=0.01)
        return Client(self._transport, self.sandbox.url, tokens, limiter, retry)

    def tasks(self, appid: str, lists: int, client: Client | None = None) -> dict[str, PullTask]:
        client = client or self.client(appid)
        # Each list is one of its own: its fields are.
        return {
            f"{appid} {n}": PullTask("window", appid, client, window_products(page_size=n + 2))
            for n in range(lists)
        }


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Accounts]:
    world = World.generate(seed=8, windows=3, products=30, shops=0)
    with Sandbox(world, latency=0.01) as sandbox:
        yield Accounts(sandbox, tmp_path, world)


class NoTurn(RateLimiter):
    """The limiter of an account that may not call now: it waits until it is stopped."""

    def acquire(self, sleep: Callable[[float], None]) -> SendTime:
        while True:
            sleep(0.05)


def test_an_account_that_waits_for_its_rate_limit_holds_no_slot(place: Accounts) -> None:
    slow, fast, other = place.appids
    tasks = {
        **place.tasks(slow, 20, place.client(slow, NoTurn())),
        **place.tasks(fast, 5),
        **place.tasks(other, 5),
    }
    ended: list[str] = []
    stop = threading.Event()
    with closing(pull_all(tasks, place.staging, 1, stop)) as batches:
        while len(ended) < 10:
            for item in next(batches):
                assert isinstance(item.result, Pulled), item.result
                item.result.page_file.discard()
                ended.append(item.key)
        # Those that wait end as well.
    assert {key.split()[0] for key in ended} == {fast, other}


def test_lists_that_wait_for_their_rate_limit_need_few_threads(place: Accounts) -> None:
    limit, stop, threads_before = 4, threading.Event(), threading.active_count()
    asked, limiter = Counter[str](), NoTurn()
    acquire = limiter.acquire

    def counted(sleep: Callable[[float], None]) -> SendTime:
        asked["turns"] += 1
        return acquire(sleep)

    limiter.acquire = counted
    tasks = place.tasks(place.appids[0], 100, place.client(place.appids[0], limiter))
    with closing(pull_all(tasks, place.staging, limit, stop)) as batches:

        def read() -> None:
            with suppress(Stopped):
                next(batches)

        reader = threading.Thread(target=read)
        reader.start()
        until(lambda: asked["turns"] >= limit)
        # Would there be more, they would come now.
        time.sleep(0.5)
        most = threading.active_count() - threads_before
        stop.set()
        reader.join(WAIT_SECONDS)
    assert limit < most <= 2 * limit + 1


def test_a_stop_ends_calls_that_wait_for_a_slot(place: Accounts) -> None:
    calls_before = len(place.sandbox.calls)
    stop, slots, ended = threading.Event(), CallSlots(1), list[BaseException]()
    client = place.client(place.appids[0])
    calls = Calls(stop, slot=slots)

    def call() -> None:
        try:
            client.call(PATH, "list", {"page_size": 1}, lambda answer: answer, calls)
        except Stopped as error:
            ended.append(error)

    client.call(PATH, "list", {"page_size": 1}, lambda answer: answer, Calls())
    waiting = threading.Thread(target=call)
    with slots:
        waiting.start()
        until(lambda: len(slots._waiting) == 1)
        stop.set()
    waiting.join(WAIT_SECONDS)
    assert len(ended) == 1
    # The token's, and the first.
    assert (len(place.sandbox.calls) - calls_before, calls.sent) == (2, 0)


def test_a_call_that_waited_for_a_slot_while_another_was_refused_waits_for_the_rate_limit(
    place: Accounts,
) -> None:
    """Else all that wait for a slot would be sent into an API that refuses just now."""
    slots, seen = CallSlots(1), list[int | None]()
    limiter = RateLimiter()
    client = place.client(place.appids[0], limiter)

    def read(answer: Answer) -> None:
        seen.append(len(answer.raw))

    def call(calls: Calls) -> None:
        with suppress(RateLimited):
            client.call(PATH, "list", {"page_size": 1}, read, calls)

    call(Calls())
    place.sandbox.reset_calls()
    others = [Calls(slot=slots) for _ in range(10)]
    waiting = [threading.Thread(target=call, args=(other,)) for other in others]
    with slots:
        for item in waiting:
            item.start()
        until(lambda: len(slots._waiting) == 10)
        place.sandbox.inject(Fault("rate_minute", path=PATH))
        refused = Calls()
        patient = threading.Thread(target=call, args=(refused,))
        patient.start()
        until(lambda: refused.sent >= 1 and limiter.is_current(SendTime(0, 0)) is False)
    until(lambda: not slots._waiting and slots._free == 1)
    sent = len(place.sandbox.calls_to(PATH))
    place.sandbox.clear_faults()
    for item in [*waiting, patient]:
        item.join(WAIT_SECONDS)
    # The refused one, and at most a few that ask whether the API answers again.
    assert sent <= 4
    assert len(seen) >= 9
