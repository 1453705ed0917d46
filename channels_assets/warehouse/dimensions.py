"""The small lists that say whose articles to ask for: shops, promoters, sharers."""

from collections.abc import Iterable, Sequence

import duckdb

from channels_assets.warehouse.batch import ListLoad
from channels_assets.warehouse.loads import Load, Loaded
from channels_assets.warehouse.replace import replace_lists
from channels_assets.warehouse.staging import stage_pages
from channels_assets.warehouse.tables import (
    COOPERATING_SHOPS,
    SHARERS,
    SHOP_PROMOTERS,
    ListTable,
)
from channels_assets.warehouse.transaction import atomic

_SHOPS = """
    WITH parsed AS (
        SELECT number, place, item, from_json(item, '{
            "shop_appid": "VARCHAR", "shop_nickname": "VARCHAR", "shop_head_img": "VARCHAR",
            "bind_time": "VARCHAR"
        }') AS sent
        FROM api_items($lists::BIGINT[], $pages::BLOB[], $first_page::BIGINT, 'shop_list')
    )
    SELECT
        number,
        place,
        api_id(sent.shop_appid, item, 'shop_appid') AS shop_appid,
        api_text(sent.shop_nickname, item, 'shop_nickname') AS shop_nickname,
        api_text(sent.shop_head_img, item, 'shop_head_img') AS shop_head_img,
        api_time(sent.bind_time, 'bind_time') AS bind_time,
        api_extra(item, '{
            "shop_appid": null, "shop_nickname": null, "shop_head_img": null, "bind_time": null
        }'::JSON) AS extra
    FROM parsed
"""

_PROMOTERS = """
    WITH parsed AS (
        SELECT number, place, item, from_json(item, '{
            "promoter_id": "VARCHAR", "promoter_type": "VARCHAR", "promoter_name": "VARCHAR",
            "avatar_image_url": "VARCHAR"
        }') AS sent
        FROM api_items($lists::BIGINT[], $pages::BLOB[], $first_page::BIGINT, 'promoter_list')
    )
    SELECT
        number,
        place,
        api_id(sent.promoter_id, item, 'promoter_id') AS promoter_id,
        api_integer(sent.promoter_type, 'promoter_type') AS promoter_type,
        api_text(sent.promoter_name, item, 'promoter_name') AS promoter_name,
        api_text(sent.avatar_image_url, item, 'avatar_image_url') AS avatar_image_url,
        api_extra(item, '{
            "promoter_id": null, "promoter_type": null, "promoter_name": null,
            "avatar_image_url": null
        }'::JSON) AS extra
    FROM parsed
"""

_SHARERS = """
    WITH parsed AS (
        SELECT number, place, item, from_json(item, '{
            "sharer_appid": "VARCHAR", "nickname": "VARCHAR", "head_img_url": "VARCHAR",
            "bind_time": "VARCHAR", "commission_type": "VARCHAR", "commission_ratio": "VARCHAR"
        }') AS sent
        FROM api_items($lists::BIGINT[], $pages::BLOB[], $first_page::BIGINT, 'sharer_info_list')
    )
    SELECT
        number,
        place,
        api_id(sent.sharer_appid, item, 'sharer_appid') AS sharer_appid,
        api_text(sent.nickname, item, 'nickname') AS nickname,
        api_text(sent.head_img_url, item, 'head_img_url') AS head_img_url,
        api_time(sent.bind_time, 'bind_time') AS bind_time,
        api_integer(sent.commission_type, 'commission_type') AS commission_type,
        api_integer(sent.commission_ratio, 'commission_ratio') AS commission_ratio,
        api_extra(item, '{
            "sharer_appid": null, "nickname": null, "head_img_url": null, "bind_time": null,
            "commission_type": null, "commission_ratio": null
        }'::JSON) AS extra
    FROM parsed
"""


def load_shops(con: duckdb.DuckDBPyConnection, *, pages: Iterable[bytes], load: Load) -> Loaded:
    """Take in the pages of get_bind_shop_list: all shops that cooperate now.

    Shops no longer in it stay with is_active false and count as removed; one that comes back counts
    as added. One transaction; raises WarehouseError when a value doesn't fit its column exactly.
    """
    return _load_one(con, COOPERATING_SHOPS, _SHOPS, ListLoad({}, pages, load))


def promoter_list(*, shop_appid: str, pages: Iterable[bytes], load: Load) -> ListLoad:
    """One shop's linked accounts to load. `pages` are answers of get_bind_shop_promoter_list."""
    return ListLoad({"shop_appid": shop_appid}, pages, load)


def load_promoter_lists(con: duckdb.DuckDBPyConnection, lists: Sequence[ListLoad]) -> list[Loaded]:
    """Take in the linked accounts of these shops, as load_shops() does, all in one transaction."""
    stage_pages(con, _PROMOTERS, lists)
    with atomic(con):
        return replace_lists(con, SHOP_PROMOTERS, lists)


def load_promoters(
    con: duckdb.DuckDBPyConnection, *, shop_appid: str, pages: Iterable[bytes], load: Load
) -> Loaded:
    """load_promoter_lists() for one shop."""
    one = promoter_list(shop_appid=shop_appid, pages=pages, load=load)
    [loaded] = load_promoter_lists(con, [one])
    return loaded


def load_sharers(con: duckdb.DuckDBPyConnection, *, pages: Iterable[bytes], load: Load) -> Loaded:
    """Take in the pages of get_bind_sharer_list, as load_shops() does."""
    return _load_one(con, SHARERS, _SHARERS, ListLoad({}, pages, load))


def _load_one(
    con: duckdb.DuckDBPyConnection, table: ListTable, select: str, one: ListLoad
) -> Loaded:
    stage_pages(con, select, [one])
    with atomic(con):
        [loaded] = replace_lists(con, table, [one])
        return loaded
