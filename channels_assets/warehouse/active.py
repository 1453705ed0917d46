"""Who is there now: the shops, promoters and sharers to ask the API about."""

from dataclasses import dataclass

import duckdb


@dataclass(frozen=True)
class PromoterKey:
    """An account linked to a shop, as getshopmparticlelist wants it."""

    shop_appid: str
    promoter_id: str
    promoter_type: int


def active_promoters(con: duckdb.DuckDBPyConnection) -> list[PromoterKey]:
    """The accounts that publish articles (types 4 公众号 and 5 服务号), in order of their keys.

    Only those in their shop's latest list whose shop is in the latest list of shops.
    """
    rows = con.execute(
        """
        SELECT shop_appid, promoter_id, promoter_type
        FROM shop_promoters p SEMI JOIN (FROM cooperating_shops WHERE is_active) s
        USING (shop_appid)
        WHERE p.is_active AND promoter_type IN (4, 5)
        ORDER BY ALL
        """
    ).fetchall()
    return [PromoterKey(str(shop), str(promoter), int(kind)) for shop, promoter, kind in rows]


def active_shops(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The shop_appid of each shop in the latest list, in order."""
    rows = con.execute(
        "SELECT shop_appid FROM cooperating_shops WHERE is_active ORDER BY shop_appid"
    ).fetchall()
    return [str(row[0]) for row in rows]


def active_sharers(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The sharer_appid of each sharer in the latest list, in order."""
    rows = con.execute(
        "SELECT sharer_appid FROM sharers WHERE is_active ORDER BY sharer_appid"
    ).fetchall()
    return [str(row[0]) for row in rows]
