"""Faults of the answer on the wire: its bytes, its headers, its delivery."""

import json
from dataclasses import replace

from channels_assets.sandbox.http_messages import HTML_TYPE, Delivery, Reply, html_reply

# Another host than the one called, and one that refuses at once should a client go there.
_ELSEWHERE = "http://localhost:9/moved"


def bom(reply: Reply) -> Reply:
    """Begin with a byte order mark."""
    return replace(reply, body=b"\xef\xbb\xbf" + reply.body)


def duplicate_keys(reply: Reply) -> Reply:
    """End with a second, empty list: a parser that takes the last one loses the page."""
    answer = json.loads(reply.body)
    lists = [name for name, value in answer.items() if isinstance(value, list)]
    repeated = "".join(f',"{name}":[]' for name in lists)
    return replace(reply, body=reply.body[:-1] + repeated.encode() + b"}")


def latin1(reply: Reply) -> Reply:
    """Begin the errmsg with bytes that are not UTF-8."""
    return replace(reply, body=reply.body.replace(b'"errmsg":"', b'"errmsg":"\xe9t\xe9 ', 1))


def half_json(reply: Reply) -> Reply:
    """Send half of the JSON as if it were all."""
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def text_plain(reply: Reply) -> Reply:
    """Call the JSON plain text."""
    return replace(reply, content_type="text/plain")


def http_500(_: Reply) -> Reply:
    """Answer as a broken server."""
    return html_reply(500, "500 Internal Server Error")


def http_502(_: Reply) -> Reply:
    """Answer as a gateway without a server."""
    return html_reply(502, "502 Bad Gateway")


def html_200(_: Reply) -> Reply:
    """Answer as a login page of some proxy."""
    return html_reply(200, "欢迎使用网络")


def redirect(_: Reply) -> Reply:
    """Send the client to another host."""
    return Reply(b"", status=302, content_type=HTML_TYPE, headers=(("Location", _ELSEWHERE),))


def cut(reply: Reply) -> Reply:
    """Promise the whole body and send half."""
    return replace(reply, delivery=Delivery.CUT)


def drop(reply: Reply) -> Reply:
    """Close the connection."""
    return replace(reply, delivery=Delivery.DROP)


def hang(reply: Reply) -> Reply:
    """Say nothing."""
    return replace(reply, delivery=Delivery.HANG)


def slow(reply: Reply) -> Reply:
    """Send a few bytes at a time."""
    return replace(reply, delivery=Delivery.SLOW)


def huge(reply: Reply) -> Reply:
    """Send far more than any page can hold."""
    return replace(reply, delivery=Delivery.HUGE)
