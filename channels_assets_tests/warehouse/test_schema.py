import duckdb

from channels_assets.warehouse import Store, add_partition_keys, clear, get_meta, set_meta
from channels_assets_tests.helpers.loading import (
    load_articles,
    load_sharers,
    load_shops,
    load_window,
)
from channels_assets_tests.warehouse.making import article, articles, ids, load, page
from channels_assets_tests.warehouse.opening import ON_LAKE, files_only


def test_every_table_and_column_has_a_comment(con: duckdb.DuckDBPyConnection) -> None:
    bare = con.execute(
        """
        SELECT table_name, column_name FROM duckdb_columns()
        WHERE NOT internal AND coalesce(comment, '') = ''
        UNION ALL SELECT table_name, '' FROM duckdb_tables()
        WHERE NOT internal AND coalesce(comment, '') = ''
        UNION ALL SELECT view_name, '' FROM duckdb_views()
        WHERE NOT internal AND coalesce(comment, '') = ''
        UNION ALL SELECT function_name, '' FROM duckdb_functions()
        WHERE NOT internal AND coalesce(comment, '') = ''
        """
    ).fetchall()
    # DuckLake keeps no COMMENT of a view's column.
    assert bare == [] or ON_LAKE
    assert len(con.sql("FROM duckdb_columns() WHERE NOT internal").fetchall()) > 180


def test_an_older_file_gets_the_views_of_this_version(warehouse: Store) -> None:
    with warehouse.writing() as con:
        views = con.sql("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal").fetchall()
        load_window(con, window="w", account_appid="a", pages=ids(1), load=load())
        con.execute("DROP VIEW coverage")
        con.execute("CREATE OR REPLACE VIEW best_articles AS SELECT 1 AS other")
        con.execute("CREATE VIEW of_an_older_version AS FROM window_products")
        con.execute("CREATE OR REPLACE MACRO window_as_of(t) AS TABLE SELECT t")
        con.execute("CREATE MACRO of_an_older_version(t) AS TABLE SELECT t")
        set_meta(con, "views_made_from", "an older text")
    with warehouse.writing() as con:
        again = con.sql("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal").fetchall()
        assert sorted(again) == sorted(views)
        macros = con.sql(
            "SELECT function_name FROM duckdb_functions() WHERE NOT internal ORDER BY ALL"
        ).fetchall()
        assert macros == [("article_products_as_of",), ("window_as_of",)]
        assert con.sql("SELECT product_id FROM window_as_of(now())").fetchall() == [("1",)]


@files_only
def test_a_file_of_version_1_gets_the_tables_and_columns_of_this_version(warehouse: Store) -> None:
    declared = """
        SELECT table_name, column_name, data_type, column_default, comment
        FROM duckdb_columns() WHERE NOT internal AND database_name = current_database()
        ORDER BY table_name, column_index
    """
    with warehouse.writing() as con:
        load_window(con, window="w", account_appid="a", pages=ids(1), load=load())
        new = con.execute(declared).fetchall()
        con.execute("DROP TABLE rejected_items")
        for name in ("rejected", "unfit", "repaired"):
            con.execute(f"ALTER TABLE loads DROP COLUMN {name}")
        for table in ("window_products", "window_products_history"):
            con.execute(f"ALTER TABLE {table} ALTER COLUMN product_source SET NOT NULL")
        con.execute("COMMENT ON COLUMN loads.pages IS 'of version 1'")
        set_meta(con, "schema_version", "1")
    with warehouse.writing() as con:
        assert con.execute(declared).fetchall() == new
        assert con.execute("SELECT rejected, unfit, repaired FROM loads").fetchall() == [(0, 0, 0)]
        load_window(con, window="w", account_appid="a", pages=ids(1, None), load=load())
        assert con.execute("SELECT item FROM rejected_items").fetchall() == [
            ('{"product_id":null}',)
        ]


def test_opening_again_changes_nothing(warehouse: Store) -> None:
    with warehouse.writing() as con:
        set_meta(con, "k", "v")
        set_meta(con, "k", "w")
    with warehouse.writing() as con:
        assert get_meta(con, "k") == "w"
        assert get_meta(con, "schema_version") == "2"
        assert get_meta(con, "nothing") is None


def test_clear_empties_everything_but_meta(con: duckdb.DuckDBPyConnection) -> None:
    load_window(con, window="w", account_appid="a", pages=ids(1), load=load())
    load_articles(
        con,
        partition="s/p/h",
        shop_appid="s",
        promoter_id="p",
        sharer_appid="h",
        promoter_type=4,
        pages=articles(article("u", {"product_id": 1})),
        load=load(),
    )
    load_shops(con, pages=[page("shop_list", [{"shop_appid": "s"}])], load=load())
    load_sharers(con, pages=[page("sharer_info_list", [{"sharer_appid": "s"}])], load=load())
    add_partition_keys(con, "channels_windows", ["w"])
    clear(con)
    tables = con.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
    counts = {name: len(con.table(name).fetchall()) for (name,) in tables}
    assert counts.pop("meta") == 4
    assert len(counts) == 12
    assert set(counts.values()) == {0}


def test_the_connection_is_ready_for_relations(con: duckdb.DuckDBPyConnection) -> None:
    assert con.sql("SELECT current_setting('TimeZone')").fetchall() == [("Asia/Shanghai",)]


def test_a_file_of_version_1_gets_the_columns_and_comments_of_this_one(warehouse: Store) -> None:
    described = """
        SELECT table_name, column_name, data_type, column_default, comment
        FROM duckdb_columns() SEMI JOIN (FROM duckdb_tables() WHERE NOT temporary)
        USING (table_name, database_name) ORDER BY ALL
    """
    with warehouse.writing() as con:
        load_window(con, window="w", account_appid="a", pages=ids(1), load=load())
        expected = con.sql(described).fetchall()
        for (view,) in con.sql(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall():
            con.execute(f"DROP VIEW {view}")
        con.execute("ALTER TABLE loads DROP COLUMN resumed_calls")
        con.execute("COMMENT ON COLUMN loads.api_calls IS 'of version 1'")
        con.execute("DROP TABLE partition_keys")
        set_meta(con, "schema_version", "1")
    with warehouse.writing() as con:
        assert con.sql(described).fetchall() == expected
        assert con.sql("SELECT resumed_calls FROM loads").fetchall() == [(0,)]
        load_window(con, window="w", account_appid="a", pages=ids(1, 2), load=load())
