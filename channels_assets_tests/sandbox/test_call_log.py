"""The log of calls, and rid/get."""

import requests

from channels_assets.sandbox import Call, Sandbox
from channels_assets_tests.sandbox.callers import PRODUCTS, SHOPS, STABLE, Caller
from channels_assets_tests.sandbox.conftest import Clock

RID = "/cgi-bin/openapi/rid/get"


def test_one_entry_per_request(window: Caller, clock: Clock) -> None:
    window.call(PRODUCTS, {"page_size": 1})
    window.call(SHOPS, {"page_size": 1})
    token, good, bad = window.sandbox.calls
    assert (token.path, token.appid, token.errcode) == (STABLE, window.appid, 0)
    assert good == Call(PRODUCTS, window.appid, {"page_size": 1}, 0, 200, good.rid, clock.now)
    assert (bad.path, bad.errcode, bad.status) == (SHOPS, 48001, 200)
    assert window.sandbox.calls_to(PRODUCTS) == [good]
    window.sandbox.reset_calls()
    assert window.sandbox.calls == []


def test_entries_of_odd_requests(sandbox: Sandbox) -> None:
    requests.post(sandbox.url + PRODUCTS, data=b"{", timeout=5)
    requests.post(sandbox.url + "/nowhere", data=iter([b"x"]), timeout=5)
    assert [
        (call.path, call.appid, call.body, call.errcode, call.status) for call in sandbox.calls
    ] == [
        (PRODUCTS, "", None, 41001, 200),
        ("/nowhere", "", None, 0, 412),
    ]


def test_rid_get(window: Caller, league: Caller, clock: Clock) -> None:
    refused = window.call(PRODUCTS, {"page_size": 0})
    rid = refused["errmsg"].partition(" rid: ")[2]
    trace = window.call(RID, {"rid": rid})["request"]
    assert trace["invoke_time"] == clock.now
    assert trace["request_body"] == '{"page_size": 0}'
    assert "10022006" in trace["response_body"]
    assert trace["client_ip"] == "127.0.0.1"
    assert window.token not in str(trace)
    assert league.errcode(RID, {"rid": rid}) == 76003
    assert window.errcode(RID, {"rid": "00000000-00000000-00000000"}) == 76001
    assert window.errcode(RID, {"rid": "x"}) == 76002
