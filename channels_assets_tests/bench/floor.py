"""The floor: the same pages, the same number of calls in flight, asyncio, and the bytes thrown away.

Windows side by side by page_index, article lists by their cursor. Nothing is parsed but the cursor.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from channels_assets.sandbox import World
from channels_assets_tests.bench.world import Size, make

_CURSOR = re.compile(rb'"next_key": ?"([^"]*)"')
_MORE = re.compile(rb'"has_more": ?true')


class Line:
    """One connection that stays open."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: Mapping[str, object]) -> bytes:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        sent = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sent)}\r\n\r\n"
        writer.write(head.encode() + sent)
        answer = await reader.readuntil(b"\r\n\r\n")
        match = re.search(rb"Content-Length: (\d+)", answer)
        assert match is not None
        return await reader.readexactly(int(match[1]))


async def fetch_all(url: str, size: Size, world: World, in_flight: int) -> int:
    parts = urlsplit(url)
    lines = asyncio.Queue[Line]()
    for _ in range(in_flight):
        lines.put_nowait(Line(str(parts.hostname), int(parts.port or 80)))
    calls = 0

    async def post(path: str, body: Mapping[str, object]) -> bytes:
        nonlocal calls
        line = await lines.get()
        try:
            calls += 1
            return await line.post(path, body)
        finally:
            lines.put_nowait(line)

    async def token(appid: str, secret: str) -> str:
        body = {"grant_type": "client_credential", "appid": appid, "secret": secret}
        return str(json.loads(await post("/cgi-bin/stable_token", body))["access_token"])

    async def window(appid: str, secret: str) -> None:
        path = f"/channels/ec/window/product/list/get?access_token={await token(appid, secret)}"
        pages = -(-size.products // 200)
        await asyncio.gather(
            *(post(path, {"page_size": 200, "page_index": 1 + page}) for page in range(pages))
        )

    async def articles(path: str, shop: str, account: str, kind: int) -> None:
        cursor, more = "", True
        while more:
            body = {
                "next_key": cursor,
                "page_size": 10,
                "shop_appid": shop,
                "promoter_id": account,
                "promoter_type": kind,
                "sharer_appid": "wxsharer00000000",
            }
            answer = await post(path, body)
            match = _CURSOR.search(answer)
            cursor = match[1].decode() if match else ""
            more = _MORE.search(answer) is not None

    async def league() -> None:
        access = await token(world.league.appid, world.league.secret)
        path = f"/channels/ec/promoter/get_shop_mp_article_list?access_token={access}"
        await asyncio.gather(
            *(
                articles(path, shop, account["promoter_id"], account["promoter_type"])
                for shop, accounts in world.league.promoters.items()
                for account in accounts
            )
        )

    await asyncio.gather(
        *([league()] if size.lists else []),
        *(window(item.appid, item.secret) for item in world.windows.values()),
    )
    return calls


def main() -> None:
    size, in_flight = Size(**json.loads(sys.argv[2])), int(sys.argv[3])
    world = make(size)
    started = time.perf_counter()
    calls = asyncio.run(fetch_all(sys.argv[1], size, world, in_flight))
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"seconds": seconds, "calls": calls}) + "\n")


if __name__ == "__main__":
    main()
