"""What people write first: requests, one call at a time, pandas, DuckDB. Prints its seconds as JSON.

`fetching` is the part that asks the API.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import requests

from channels_assets_tests.bench.world import Size, make


def main() -> None:
    url, size, folder = sys.argv[1], Size(**json.loads(sys.argv[2])), Path(sys.argv[3])
    world = make(size)
    started = time.perf_counter()
    session = requests.Session()

    def post(path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
        answer = session.post(url + path, params={"access_token": token}, json=body, timeout=30)
        return answer.json()

    def token(appid: str, secret: str) -> str:
        body = {"grant_type": "client_credential", "appid": appid, "secret": secret}
        return str(post("/cgi-bin/stable_token", body)["access_token"])

    products: list[dict[str, Any]] = []
    for window in world.windows.values():
        access = token(window.appid, window.secret)
        cursor = ""
        while True:
            body = {"page_size": 200, **({"last_buffer": cursor} if cursor else {})}
            answer = post("/channels/ec/window/product/list/get", body, access)
            products += [{"window": window.appid, **product} for product in answer["products"]]
            cursor = answer.get("last_buffer", "")
            if not cursor or not answer["products"]:
                break
    articles: list[dict[str, Any]] = []
    access = token(world.league.appid, world.league.secret) if size.lists else ""
    for shop, accounts in world.league.promoters.items():
        for account in accounts:
            answer = {"has_more": True, "next_key": ""}
            while answer["has_more"]:
                body = {
                    "next_key": answer["next_key"],
                    "page_size": 10,
                    "shop_appid": shop,
                    "promoter_id": account["promoter_id"],
                    "promoter_type": account["promoter_type"],
                    "sharer_appid": "wxsharer00000000",
                }
                answer = post("/channels/ec/promoter/get_shop_mp_article_list", body, access)
                articles += [{"shop": shop, **each} for each in answer["article_list"]]
    fetching = time.perf_counter() - started
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(folder / "loop.duckdb")) as con:
        con.from_df(pd.DataFrame(products)).create("window_products")
        if articles:
            flat = pd.json_normalize(articles).drop(columns="product_list")
            con.from_df(flat).create("shop_articles")
            con.from_df(pd.json_normalize(articles, "product_list")).create("article_products")
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"seconds": seconds, "fetching": fetching}) + "\n")


if __name__ == "__main__":
    main()
