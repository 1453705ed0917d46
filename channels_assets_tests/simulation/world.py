"""The server of one world: lists that change while they are read, tokens, and what goes wrong.

It keeps a record of every state that a list was in and of every page that it sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from urllib.parse import quote

from channels_assets.wechat.errors import Transient
from channels_assets.wechat.transport import Reply
from channels_assets_tests.simulation.crash import Clock, Killed, Life
from channels_assets_tests.simulation.faults import Script
from channels_assets_tests.simulation.kinds import BROKEN, HOSTILE, Kind, Sent

State = tuple[Sent, ...]
TOKEN_PATH = "/cgi-bin/stable_token"
MOST_CALLS = 3000


@dataclass(frozen=True)
class Asked:
    """One data call: what was asked, and what was sent if the answer was good."""

    cursor: str
    done_at: float
    good: bool
    rows: State = ()
    next_cursor: str | None = None
    version: int = 0
    last: bool = False
    total: int | None = None
    spoiled: str = ""
    lied: str = ""


@dataclass
class SimList:
    """One list of the server, its past states, and the calls for it."""

    kind: Kind
    number: int
    partition: str | None
    scope: dict[str, str]
    asks: dict[str, Any]
    account: str
    page_size: int
    anchored: bool
    late_end: bool
    lie: str
    total_off: int
    items: list[Sent] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    cursors: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    calls: int = 0

    def keep_state(self) -> None:
        self.states.append(tuple(self.items))

    def identity(self, sent: Sent) -> Any:  # noqa: ANN401
        return self.kind.tables[0].rows(sent)[0][0]


@dataclass
class Account:
    secret: str
    token: str = ""
    ends_at: float = 0.0
    refused: set[str] = field(default_factory=set)


class World:
    """A transport for the client. Single-threaded; everything is drawn from `rng`."""

    def __init__(self, rng: Random, clock: Clock) -> None:
        self.rng, self.clock = rng, clock
        self.lists: list[SimList] = []
        self.accounts: dict[str, Account] = {}
        self.script = Script()
        self.life = Life()
        self.secrets: list[str] = []
        self.owners: dict[str, str] = {}
        self.token_calls = self.calls = 0
        self.forced_at: list[tuple[str, float]] = []
        self.token_trouble = 0
        self.answered: SimList | None = None

    def begin(self, script: Script) -> None:
        self.script = script
        self.token_calls = self.calls = 0
        for item in self.lists:
            item.calls = 0
            for _ in range(script.changes_between.get(item.number, 0)):
                self.change(item)

    def post(self, url: str, query: Mapping[str, str], body: bytes, endpoint: str) -> Reply:
        self.life.step("call")
        self.clock.now += self.script.slow * self.rng.random()
        self.calls += 1
        if self.calls > MOST_CALLS:
            raise RuntimeError(f"more than {MOST_CALLS} calls in one refresh")
        self.answered = None
        path = url.removeprefix("https://sim")
        asked = json.loads(body)
        if path == TOKEN_PATH:
            reply = self._token_call(asked, endpoint)
        else:
            reply = self._data_call(path, query["access_token"], asked, endpoint)
        try:
            self.life.step("answer")
        except Killed:
            self._was_not_received()
            raise
        return reply

    def _was_not_received(self) -> None:
        if self.answered is not None:
            asked = self.answered.asked
            asked[-1] = replace(asked[-1], good=False, spoiled="killed")

    # Tokens

    def _new_secret(self) -> str:
        letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/+="
        self.secrets.append("".join(self.rng.choice(letters) for _ in range(32)))
        return self.secrets[-1]

    def add_account(self, appid: str) -> None:
        self.accounts[appid] = Account(self._new_secret())

    def _token_call(self, asked: Mapping[str, Any], endpoint: str) -> Reply:
        account = self.accounts[asked["appid"]]
        assert asked["secret"] == account.secret
        number = self.token_calls
        self.token_calls += 1
        for fault in self.script.faults.get(-1, []):
            if fault.spoils(number):
                self.token_trouble += 1
                if fault.kind == "lost_token":
                    return _json({"expires_in": 7200, "echo": account.secret})
                return self._spoiled(fault.kind, account.secret, endpoint)
        forced = asked["force_refresh"]
        if forced:
            self.forced_at.append((asked["appid"], self.clock.now))
        if forced or self.clock.now > account.ends_at - 300:
            account.token = self._new_secret()
            self.owners[account.token] = asked["appid"]
            account.ends_at = self.clock.now + self.rng.choice([600, 7200])
        life = int(account.ends_at - self.clock.now)
        return _json({"access_token": account.token, "expires_in": life})

    # Lists

    def _data_call(self, path: str, token: str, asked: Mapping[str, Any], endpoint: str) -> Reply:
        one = self._list_of(path, asked, token)
        self.answered = one
        number = one.calls
        one.calls += 1
        for at in self.script.changes.get(one.number, []):
            if at == number:
                self.change(one)
        cursor = asked.get(one.kind.cursor_field, "")
        account = self.accounts[one.account]
        spoiled = next(
            (f.kind for f in self.script.faults.get(one.number, []) if f.spoils(number)), ""
        )
        if spoiled == "token_expired":
            account.ends_at = 0.0
        elif spoiled == "token_replaced":
            account.refused.add(token)
        if token != account.token or self.clock.now >= account.ends_at:
            spoiled = spoiled if spoiled == "token_expired" else "old_token"
        elif token in account.refused:
            spoiled = "token_replaced"
        lie = self.script.lies.get(one.number)
        lied = lie.kind if lie and lie.spoils(number) else ""
        if not spoiled and lied == "rejected_cursor" and cursor:
            spoiled = "rejected_cursor"
        if spoiled:
            one.asked.append(Asked(cursor, self.clock.now, False, spoiled=spoiled, lied=lied))
            return self._spoiled(spoiled, token, endpoint, one)
        return self._page(one, cursor, lied)

    def _list_of(self, path: str, asked: Mapping[str, Any], token: str) -> SimList:
        for item in self.lists:
            fields = {name: asked.get(name) for name in item.asks}
            same = (path, self.owners[token], asked["page_size"], fields)
            if same == (item.kind.path, item.account, item.page_size, item.asks):
                return item
        raise AssertionError(f"the client asked for something that is not there: {path} {asked}")

    def _page(self, item: SimList, cursor: str, lied: str) -> Reply:
        kind, rng = item.kind, self.rng
        position = self._position(item, cursor)
        rows = item.items[position : position + item.page_size]
        if lied == "short_pages" and len(rows) > 1:
            rows = rows[: rng.randrange(1, len(rows))]
        end = position + len(rows)
        last = end >= len(item.items)
        shown = list(rows)
        if lied == "repeated_rows" and position and position <= len(item.items):
            shown = item.items[max(0, position - rng.randrange(1, 3)) : position] + shown
        more = not last or (item.late_end and len(rows) >= item.page_size)
        next_cursor: str | None = self._cursor(item, end) if more else rng.choice(["", None])
        if not kind.tells_has_more and kind.cursor_field == "next_key" and not more:
            next_cursor = ""
        if lied == "frozen_cursor" and more and cursor:
            next_cursor = cursor
        elif lied == "cycling_cursor" and more and cursor:
            next_cursor = rng.choice([*self._walked(item), cursor])
        elif lied == "cycling_fresh" and more:
            next_cursor = self._cursor(item, rng.randrange(max(1, end)))
        answer: dict[str, Any] = {kind.list_field: shown}
        if rng.random() < 0.9:
            answer["errcode"], answer["errmsg"] = rng.choice([0, "0"]), "ok"
        total = None
        if kind.tells_total and lied != "lost_total":
            total = len(item.items) + (item.total_off if lied == "total_off" else 0)
            told: list[object] = [total, str(total)]
            if lied == "total_by_cursor" and cursor:
                told = [0, len(item.items) - position, len(rows), None]
            answer["total_num"] = rng.choice(told)
        if kind.tells_has_more and lied != "lost_has_more":
            answer["has_more"] = rng.choice([more, int(more)])
        if lied == "lost_cursor":
            next_cursor = None
        if next_cursor is not None:
            answer[kind.cursor_field] = next_cursor
        answer = _left_out(answer, lied, kind.list_field)
        sent = tuple(shown) if kind.list_field in answer else ()
        item.asked.append(
            Asked(
                cursor,
                self.clock.now,
                True,
                sent,
                next_cursor,
                len(item.states) - 1,
                last,
                total,
                lied=lied,
            )
        )
        return _json(answer, rng)

    def _walked(self, item: SimList) -> list[str]:
        """The cursors that were asked for since the last first page."""
        asked = [each.cursor for each in item.asked]
        start = len(asked) - asked[::-1].index("") if "" in asked else 0
        return asked[start:]

    def _position(self, entry: SimList, cursor: str) -> int:
        if not cursor:
            return 0
        offset, anchor = entry.cursors[cursor]
        if entry.anchored:
            keys = [entry.identity(item) for item in entry.items]
            if anchor in keys:
                return keys.index(anchor) + 1
        return offset

    def _cursor(self, item: SimList, end: int) -> str:
        cursor = f"{self.rng.getrandbits(60):x}/+{len(item.cursors)}=="
        anchor = item.identity(item.items[end - 1]) if 0 < end <= len(item.items) else None
        item.cursors[cursor] = (end, anchor)
        return cursor

    def change(self, item: SimList) -> None:
        rng, items = self.rng, item.items
        kind = rng.choice(["add", "remove", "move", "value", "swap", "turn_over", "clear"])
        if kind == "clear" and rng.random() < 0.8:
            kind = "add"
        if kind in ("remove", "swap", "turn_over", "move") and items:
            taken = items.pop(rng.choice([0, len(items) - 1, rng.randrange(len(items))]))
            if kind == "move":
                items.insert(rng.randrange(len(items) + 1), taken)
        if kind in ("add", "swap"):
            items.insert(rng.choice([0, len(items), len(items) // 2]), self.new_item(item))
        if kind == "turn_over":
            items.append(self.new_item(item))
        if kind == "value" and items:
            place = rng.randrange(len(items))
            key = items[place]
            for name in ("article_info", "article_url", *item.kind.tables[0].key):
                key = key[name] if isinstance(key, dict) and name in key else key
            items[place] = item.kind.item(rng, key)
        if kind == "clear":
            items.clear()
        item.keep_state()

    def new_item(self, entry: SimList) -> Sent:
        rng = self.rng
        taken = {entry.identity(item) for state in (entry.items,) for item in state}
        while True:
            number = rng.choice([2**53, 2**53 + 1, 2**64 - 1, rng.randrange(30), rng.randrange(99)])
            key: object = rng.choice([number, str(number)])
            if entry.kind.name == "shop_articles":
                key = f"https://mp.weixin.qq.com/s/{number}{rng.choice(['', *HOSTILE])}"
            elif rng.random() < 0.1:
                key = rng.choice(HOSTILE) + str(number % 3)
            item = entry.kind.item(rng, key)
            if entry.identity(item) not in taken:
                return item

    # Spoiled answers. Servers and proxies like to repeat what they were asked.

    def _spoiled(self, kind: str, secret: str, endpoint: str, item: SimList | None = None) -> Reply:
        rng = self.rng
        echo = rng.choice(["", secret, quote(secret, safe=""), f"access_token={secret}"])
        if kind in ("dropped", "lost_answer"):
            if kind == "lost_answer":
                self.clock.now += 30.0
            raise Transient("The connection failed or was lost.", endpoint=endpoint)
        statuses = {"redirect": 302, "http_403": 403, "http_412": 412, "http_429": 429}
        statuses |= {"http_502": 502, "http_503": 503}
        if kind in statuses:
            asked = rng.choice([0.0, 1.0, 9.0]) if kind in ("http_429", "http_503") else 0.0
            return Reply(statuses[kind], f"<html>{echo}</html>".encode(), asked)
        if kind in ("gateway_json", "gateway_json_502"):
            told = {"code": 502, "message": f"upstream {echo}", "data": rng.choice([None, [], {}])}
            return Reply(200 if kind == "gateway_json" else 502, json.dumps(told).encode())
        codes = {
            "busy": -1,
            "rate_limited": 45011,
            "quota": 45009,
            "forbidden": 48001,
            "wrong_secret": 40001,
            "unknown_code": 987654,
            "token_expired": rng.choice([42001, 40014]),
            "token_replaced": 40001,
            "old_token": 42001,
            "rejected_cursor": item.kind.stale_code if item else 0,
        }
        if kind in codes:
            errmsg = f"no {echo} rid: 617682e0-0a0a0a0a-{rng.getrandbits(32):08x}"
            code = codes[kind]
            return _json({"errcode": rng.choice([code, str(code)]), "errmsg": errmsg})
        field_name = item.kind.list_field if item else "access_token"
        bodies: dict[str, bytes] = {
            "html": f"<html>{'x' * rng.randrange(150)} {echo} upstream</html>".encode(),
            "cut": json.dumps({"errcode": 0, field_name: [{"a": "b" * 9}]}).encode()[:-2],
            "wrong_type": json.dumps({"errcode": 0, field_name: {"a": echo}}).encode(),
            "not_a_list": json.dumps({"errcode": 0, field_name: 5, "echo": echo}).encode(),
            "key_twice": f'{{"a": 1, "a": 2, "{field_name}": ["{echo}"]}}'.encode(),
            "utf16": json.dumps({"errcode": 0, "echo": echo}).encode("utf-16"),
        }
        return Reply(200, bodies[kind])


def _left_out(answer: dict[str, Any], lied: str, list_field: str) -> dict[str, Any]:
    """The answer of a server that leaves fields out, or sends an empty list as something else."""
    if lied == "lost_list":
        return {name: value for name, value in answer.items() if name != list_field}
    if lied == "no_defaults":
        return {name: value for name, value in answer.items() if value}
    if lied == "nothing_but_ok":
        return {name: value for name, value in answer.items() if name in ("errcode", "errmsg")}
    if lied in ("empty_as_object", "empty_as_text"):
        empty: object = {} if lied == "empty_as_object" else ""
        return {name: empty if value == [] else value for name, value in answer.items()}
    return answer


def _json(value: object, rng: Random | None = None) -> Reply:
    if rng is None:
        return Reply(200, json.dumps(value).encode())
    indent = rng.choice([None, None, 1])
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5, indent=indent)
    body = text.encode("utf-8", "surrogatepass")
    # Two of the four bytes, as where a title was cut.
    body = body.replace(BROKEN.encode("utf-8", "surrogatepass"), "😀".encode()[:2])
    if rng.random() < 0.3:
        # WeChat has sent control characters as they are.
        body = body.replace(rb"\u0000", b"\0")
    return Reply(200, rng.choice([b"", b"", b"", b"\xef\xbb\xbf"]) + body)
