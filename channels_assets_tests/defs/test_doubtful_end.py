"""Which lists with a doubtful end are loaded, and which keep their rows until the next refresh."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from channels_assets.defs.assets.doubtful_end import confirmed
from channels_assets.defs.events import FailedPartition, warehouse_failure
from channels_assets.extract.page_file import PageFile
from channels_assets.extract.pool import Outcome
from channels_assets.extract.pull import Pulled, PullTask
from channels_assets.warehouse import FileStore, record_failure
from channels_assets.warehouse.tables import WINDOW_PRODUCTS
from channels_assets.wechat.client import Client
from channels_assets.wechat.errors import Transient, UnconfirmedEnd
from channels_assets.wechat.window import window_products
from channels_assets_tests.helpers.loading import load_window
from channels_assets_tests.warehouse.making import ids, load


@pytest.mark.parametrize(
    ("items", "doubtful", "earlier", "loaded"),
    [
        (0, True, [], False),
        (1, True, [], False),
        (2, True, [], True),
        (3, True, [], True),
        (0, False, [], True),
        # Another refresh said the same; one says the same again; one says another number.
        (0, True, [("run 1", 0)], True),
        (0, True, [("run 2", 0)], False),
        (0, True, [("run 1", 1)], False),
        # Another failure in between.
        (0, True, [("run 0", 0), ("run 1", None)], False),
    ],
)
def test_a_doubtful_end(
    tmp_path: Path,
    items: int,
    doubtful: bool,
    earlier: list[tuple[str, int | None]],
    loaded: bool,
) -> None:
    client = cast("Client", None)
    task = PullTask("window_products", "a", client, window_products(), {"window": "w"})
    now = datetime.now(UTC)

    def result_of(run_id: str, items: int) -> Pulled | Exception:
        file = PageFile(tmp_path, "w", {"number": items})
        pulled = Pulled(
            *(file, "list_missing", 1, 1, 0, None, now, now),
            items=items,
            end_is_doubtful=doubtful,
        )
        outcome = Outcome("w", pulled)
        result = confirmed(con, run_id, WINDOW_PRODUCTS, {"w": task}, outcome)
        file.keep()
        return result

    with FileStore(tmp_path / "data").writing() as con:
        load_window(con, window="w", account_appid="a", pages=ids(1, 2), load=load())
        load_window(con, window="other", account_appid="a", pages=ids(1, 2, 3), load=load())
        for run_id, said in earlier:
            error = Transient("busy") if said is None else result_of(run_id, said)
            assert isinstance(error, Exception)
            failed = FailedPartition.of("w", error)
            assert failed.worth_a_retry == (said is None)
            record_failure(con, warehouse_failure("window_products", run_id, failed))
        result = result_of("run 2", items)
    assert isinstance(result, Pulled) == loaded
    assert loaded or isinstance(result, UnconfirmedEnd)
    assert not list(tmp_path.glob("*.pages")) or loaded
