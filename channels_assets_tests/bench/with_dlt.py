"""The same lists through dlt's RESTClient into DuckDB; runs in a .venv of its own, without ours.

Resources are parallelized over 32 workers, as dlt's documentation advises.
"""

# pyright: basic, reportMissingImports=false
from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

os.environ["EXTRACT__WORKERS"] = sys.argv[4]
os.environ["EXTRACT__MAX_PARALLEL_ITEMS"] = sys.argv[4]
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

Pages = Iterator[list[dict[str, Any]]]


def main() -> None:
    url, folder = sys.argv[1], sys.argv[3]
    told = json.loads(sys.argv[2])
    started = time.perf_counter()

    def token(appid: str, secret: str) -> str:
        body = {"grant_type": "client_credential", "appid": appid, "secret": secret}
        answer = RESTClient(url).request("/cgi-bin/stable_token", method="POST", json=body).json()
        return str(answer["access_token"])

    def pages(
        path: str, access: str, body: dict, field: str, cursor_in: str, cursor_out: str
    ) -> Pages:
        client = RESTClient(
            url,
            paginator=JSONResponseCursorPaginator(
                cursor_path=cursor_out, cursor_body_path=cursor_in
            ),
            data_selector=field,
        )
        yield from client.paginate(
            path, method="POST", params={"access_token": access}, json=dict(body)
        )

    def window(appid: str, secret: str) -> Pages:
        access = token(appid, secret)
        body = {"page_size": 200}
        for page in pages(
            "/channels/ec/window/product/list/get",
            access,
            body,
            "products",
            "last_buffer",
            "last_buffer",
        ):
            if not page:
                return
            yield [{"window": appid, **item} for item in page]

    def articles(shop: str, account: str, kind: int, access: str) -> Pages:
        body = {
            "next_key": "",
            "page_size": 10,
            "shop_appid": shop,
            "promoter_id": account,
            "promoter_type": kind,
            "sharer_appid": "wxsharer00000000",
        }
        for page in pages(
            "/channels/ec/promoter/get_shop_mp_article_list",
            access,
            body,
            "article_list",
            "next_key",
            "next_key",
        ):
            yield [{"shop": shop, "account": account, **item} for item in page]

    resources = [
        dlt.resource(
            window(appid, secret),
            name=f"window_{number}",
            table_name="window_products",
            write_disposition="replace",
            parallelized=True,
        )
        for number, (appid, secret) in enumerate(told["windows"].items())
    ]
    if told["lists"]:
        access = token(*told["league"])
        resources += [
            dlt.resource(
                articles(shop, account, kind, access),
                name=f"articles_{number}",
                table_name="shop_articles",
                write_disposition="replace",
                parallelized=True,
            )
            for number, (shop, account, kind) in enumerate(told["lists"])
        ]
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.duckdb(os.path.join(folder, "dlt.duckdb")),
        dataset_name="channels",
        pipelines_dir=os.path.join(folder, "pipelines"),
    )
    pipeline.run(resources)
    counts = {
        table: rows
        for table, rows in pipeline.last_trace.last_normalize_info.row_counts.items()
        if not table.startswith("_dlt")
    }
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"seconds": seconds, "rows": counts}) + "\n")


if __name__ == "__main__":
    main()
