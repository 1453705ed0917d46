"""Share links handed over: what the API sent, byte for byte, and nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_assets.warehouse import FileStore, WarehouseError, export_share_links
from channels_assets_tests.helpers.loading import load_articles, load_promoters, load_shops
from channels_assets_tests.warehouse.making import articles, load, page

FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
)
HOSTILE = st.sampled_from((*FORMULAS, 'a"b', "a,b", "a;b", "a\r\nb", "\u2028", "\0", "😀", "'x"))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
SENT = st.lists(
    st.tuples(TEXT, HOSTILE | TEXT | st.just(""), HOSTILE | TEXT | st.just("") | st.none()),
    max_size=5,
    unique_by=lambda entry: entry[0],
)


def item(url: str, title: str | None, link: str | None, yuan: float = 0) -> dict[str, Any]:
    info = {"article_url": url, "article_title": title, "promoter_share_link": link}
    product = {"product_id": 1, "predict_commission_amount": round(yuan * 100)}
    return {"article_info": info, "product_list": [product]}


def put(folder: Path, *items: object, sharer: str = "wxsharer") -> None:
    warehouse = FileStore(folder)
    with warehouse.writing() as con:
        load_articles(
            con,
            partition=f"s/p/{sharer}",
            shop_appid="s",
            promoter_id="p",
            sharer_appid=sharer,
            promoter_type=4,
            pages=articles(*items),
            load=load(),
        )
    warehouse.publish()


def in_csv(path: Path) -> list[dict[str, str]]:
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        # A cell without quotes would be a number here: spreadsheets guess what such cells are.
        return list(csv.DictReader(file, quoting=csv.QUOTE_NONNUMERIC))


def test_what_it_writes(tmp_path: Path) -> None:
    warehouse = FileStore(tmp_path)
    with warehouse.writing() as con:
        load_shops(
            con,
            pages=[page("shop_list", [{"shop_appid": "s", "shop_nickname": "小铺"}])],
            load=load(),
        )
        account = {"promoter_id": "p", "promoter_name": "=cmd()", "promoter_type": 4}
        load_promoters(con, shop_appid="s", pages=[page("promoter_list", [account])], load=load())
    put(
        tmp_path,
        item("https://a/1", "一", "v1=A_-==", yuan=1),
        item("https://a/2", '=HYPERLINK("x")', "v1=\"'é,", yuan=20.5),
        item("https://a/3", "no link", ""),
        item("https://a/4", "none at all", None),
        item("https://a/5", "a link like a formula", "=v1"),
    )
    put(tmp_path, item("https://b", "another's", "v1=other"), sharer="../x")

    done = export_share_links("wxsharer", tmp_path / "out", tmp_path)

    assert (done.links, done.without_link, done.hidden) == (3, 2, 1)
    assert done.json == tmp_path / "out" / "share_links_wxsharer.json"
    assert json.loads(done.json.read_text("utf-8")) == [
        {"url": "https://a/2", "promoterShareLink": "v1=\"'é,"},
        {"url": "https://a/1", "promoterShareLink": "v1=A_-=="},
        {"url": "https://a/5", "promoterShareLink": "=v1"},
    ]
    first, second, third = in_csv(done.csv)
    assert first == {
        "article_title": '\'=HYPERLINK("x")',
        "shop": "小铺",
        "account": "'=cmd()",
        "best_commission_yuan": "20.50",
        "url": "https://a/2",
        "promoterShareLink": "v1=\"'é,",
    }
    assert second["promoterShareLink"] == "v1=A_-=="
    assert "JSON" in third["promoterShareLink"]
    assert sorted(path.name for path in done.csv.parent.iterdir()) == [
        done.csv.name,
        done.json.name,
    ]
    other = export_share_links("../x", tmp_path / "out", tmp_path)
    assert (other.links, other.json.parent) == (1, tmp_path / "out")


def test_which_sharer(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="channels-assets refresh"):
        export_share_links("x", tmp_path, tmp_path)
    put(tmp_path, item("u", "t", "v1"))
    assert export_share_links(None, tmp_path, tmp_path).links == 1
    with pytest.raises(WarehouseError, match=r"sharer 'nobody'; there are articles of wxsharer"):
        export_share_links("nobody", tmp_path, tmp_path)
    put(tmp_path, item("u", "t", "v1"), sharer="second")
    with pytest.raises(WarehouseError, match=r"name one sharer; .* second, wxsharer"):
        export_share_links(None, tmp_path, tmp_path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SENT)
def test_any_text(sent: list[tuple[str, str, str | None]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        put(
            folder, item("last", "t", "v1"), *(item(*entry) for entry in sent if entry[0] != "last")
        )
        done = export_share_links("wxsharer", folder, folder)
        want = [("last", "v1"), *((url, link) for url, _, link in sent if link and url != "last")]
        got = [tuple(entry.values()) for entry in json.loads(done.json.read_text("utf-8"))]
        assert sorted(got) == sorted(want)
        rows = in_csv(done.csv)
        assert len(rows) == len(got)
        for row, (url, link) in zip(rows, got, strict=True):
            for text in row.values():
                assert not text.lstrip().startswith(tuple("=+-@＝＋－＠"))
                assert not text.startswith(("\t", "\r", "\n"))
            for shown, whole in ((row["url"], url), (row["promoterShareLink"], link)):
                assert shown == whole or shown.startswith("not shown")
