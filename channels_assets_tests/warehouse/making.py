"""Pages and loads for the tests of the warehouse."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import duckdb

from channels_assets.warehouse import CHECKS, Evidence, LoadRecord, evidence

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def page(field: str, items: object) -> bytes:
    return json.dumps({"errcode": 0, "errmsg": "ok", field: items}, ensure_ascii=False).encode()


def products(*items: object) -> list[bytes]:
    return [page("products", list(items))]


def ids(*product_ids: object) -> list[bytes]:
    return products(*({"product_id": each} for each in product_ids))


def articles(*items: object) -> list[bytes]:
    return [page("article_list", list(items))]


def article(url: str, *product_list: object, **fields: object) -> dict[str, object]:
    return {"article_info": {"article_url": url}, "product_list": list(product_list), **fields}


def load(
    partition: str | None = None,
    *,
    run_id: str = "run",
    fetched_at: datetime = MOMENT,
    end_reason: str = "empty_page",
    total_num: int | None = None,
) -> LoadRecord:
    return LoadRecord(
        partition=partition,
        run_id=run_id,
        started_at=fetched_at,
        fetched_at=fetched_at,
        pages=2,
        api_calls=3,
        total_num=total_num,
        end_reason=end_reason,
        resumed_pages=1,
    )


def in_pages(field: str, items: Sequence[object], size: int) -> list[bytes]:
    return [page(field, items[start : start + size]) for start in range(0, len(items), size)]


def against(con: duckdb.DuckDBPyConnection, *names: str) -> dict[tuple[str, str], Evidence]:
    """What the checks of these names (default all) have against what is stored."""
    found = {
        (check.asset, check.name): evidence(con, check)
        for check in CHECKS
        if not names or check.name in names
    }
    return {key: item for key, item in found.items() if not item.passed}
