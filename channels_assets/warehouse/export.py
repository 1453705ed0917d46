"""Export the share links of one sharer, for a mini program (JSON) and for people (CSV)."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from channels_assets.files import replace_file
from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.read import connect

_COLUMNS = ("article_title", "shop", "account", "best_commission_yuan", "url", "promoterShareLink")
_LINK_COLUMNS = ("url", "promoterShareLink")
_SEE_JSON = "not shown: a spreadsheet would take it for a formula. It is in the JSON file"
# Chinese and Japanese spreadsheets take text after a full-width sign for a formula as well.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")


@dataclass(frozen=True)
class ExportedLinks:
    """The files, and how many articles are in them.

    `without_link` counts the articles left out because the API sent no link; `hidden` those whose
    address or link is in the JSON only, because a spreadsheet would run it.
    """

    csv: Path
    json: Path
    links: int
    without_link: int
    hidden: int


def export_share_links(
    sharer: str | None = None, to: Path | str = ".", data: Path | str | None = None
) -> ExportedLinks:
    """Write share_links_<sharer>.json and .csv into the folder `to`, best-paid articles first.

    `sharer` is a sharer_appid; it may be left out when there are links of one sharer only. The JSON is
    a list of {"url": ..., "promoterShareLink": ...}: each is what wx.openOfficialAccountArticle takes,
    with exactly the text that the API sent. The CSV (UTF-8 with BOM, for Excel) has the same articles in
    the same order, with title, shop, account and the best commission per sale in yuan; texts that a
    spreadsheet would run as a formula get an apostrophe in front. Links are never changed: in place of
    a link that begins like a formula, the CSV says that it is in the JSON.

    Raises WarehouseError before the first refresh and for a sharer who has no articles.
    """
    with connect(data) as con:
        sharer = _chosen_sharer([str(row[0]) for row in con.execute(_SHARERS).fetchall()], sharer)
        articles = con.execute(_ARTICLES, {"sharer": sharer}).fetchall()
    rows: list[dict[str, str | None]] = [
        dict(zip(_COLUMNS, row, strict=True)) for row in articles if all(row[-2:])
    ]
    folder = Path(to)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"share_links_{quote(sharer, safe='')}"
    exported = ExportedLinks(
        csv=folder / f"{stem}.csv",
        json=folder / f"{stem}.json",
        links=len(rows),
        without_link=len(articles) - len(rows),
        hidden=sum(any(_is_formula(row[name] or "") for name in _LINK_COLUMNS) for row in rows),
    )
    links = [{name: row[name] for name in _LINK_COLUMNS} for row in rows]
    _write(exported.json, json.dumps(links, ensure_ascii=False, indent=1) + "\n")
    _write(exported.csv, "\ufeff" + _csv(rows))
    return exported


_SHARERS = "SELECT DISTINCT sharer_appid FROM shop_articles ORDER BY ALL"
_ARTICLES = """
    SELECT a.article_title, b.shop_nickname, b.promoter_name, b.best_commission_yuan::VARCHAR,
        a.article_url, a.promoter_share_link
    FROM shop_articles a JOIN best_articles b USING (shop_appid, promoter_id, article_url)
    WHERE a.sharer_appid = $sharer
    ORDER BY b.best_commission_yuan DESC NULLS LAST, a.shop_appid, a.promoter_id, a.position
"""


def _chosen_sharer(sharers: list[str], sharer: str | None) -> str:
    if sharer is None and len(sharers) == 1:
        return sharers[0]
    if sharer in sharers:
        return sharer
    problem = (
        "name one sharer" if sharer is None else f"there is no article of the sharer {sharer!r}"
    )
    raise WarehouseError(f"{problem}; there are articles of {', '.join(sharers) or 'nobody yet'}")


def _is_formula(text: str) -> bool:
    return _FORMULA.match(text) is not None


def _csv(rows: list[dict[str, str | None]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow([_cell(name, value or "") for name, value in row.items()])
    return text.getvalue()


def _cell(name: str, text: str) -> str:
    if not _is_formula(text):
        return text
    return _SEE_JSON if name in _LINK_COLUMNS else f"'{text}"


def _write(path: Path, text: str) -> None:
    """Replace the file at once: a reader sees the old one or the new one."""
    with replace_file(path) as new:
        new.write_bytes(text.encode())
