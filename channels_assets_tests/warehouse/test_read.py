import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from channels_assets.warehouse import Store, WarehouseError, connect, query, table
from channels_assets_tests.helpers.loading import load_sharers, load_window
from channels_assets_tests.warehouse.making import ids, load, page, products
from channels_assets_tests.warehouse.opening import opened


def put(warehouse: Store, *product_ids: object) -> None:
    with warehouse.writing() as con:
        load_window(con, window="w", account_appid="a", pages=ids(*product_ids), load=load())
    warehouse.publish()


def test_before_the_first_refresh(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="channels-assets refresh"):
        connect(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_open_connection_keeps_its_snapshot_and_a_new_one_sees_the_newest(
    warehouse: Store,
) -> None:
    put(warehouse, 1)
    count = "SELECT count(*) FROM window_products"
    with connect(warehouse.data_dir) as old:
        assert old.sql(count).fetchall() == [(1,)]
        for published in range(2, 5):
            put(warehouse, *range(published))
            with connect(warehouse.data_dir) as new:
                assert new.sql(count).fetchall() == [(published,)]
            assert old.sql(count).fetchall() == [(1,)]


def test_nobody_can_write_through_it(warehouse: Store) -> None:
    put(warehouse, 1)
    with connect(warehouse.data_dir) as con:
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            con.execute("DELETE FROM window_products")
        con.execute("CREATE TEMP TABLE mine AS FROM window_products")


@pytest.mark.parametrize("folder", ["it's", "ein ordner", "数据", "a;b"])
def test_any_folder_name(tmp_path: Path, folder: str) -> None:
    put(opened(tmp_path / folder), 1)
    assert len(table("window_products", tmp_path / folder)) == 1
    assert len(table("window_products", str(tmp_path / folder))) == 1


def test_where_the_data_is(
    warehouse: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, 1)
    monkeypatch.delenv("CHANNELS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert len(table("loads")) == 1
    monkeypatch.chdir("/")
    monkeypatch.setenv("CHANNELS_DATA", str(warehouse.data_dir))
    assert len(query("FROM loads WHERE asset = $asset", {"asset": "window_products"})) == 1
    assert len(query("FROM loads WHERE asset = ?", ["other"])) == 0


def test_types(warehouse: Store) -> None:
    big = 2**64 - 1
    with warehouse.writing() as con:
        pages = products({"product_id": big}, {"product_id": "2"})
        load_window(con, window="w", account_appid="a", pages=pages, load=load())
        items = [{"sharer_appid": "a", "commission_ratio": 5, "bind_time": 1736864136}]
        items += [{"sharer_appid": "b"}]
        load_sharers(con, pages=[page("sharer_info_list", items)], load=load())
    warehouse.publish()
    window = table("window_products", warehouse.data_dir)
    assert window["product_id"].tolist() == [str(big), "2"]
    assert str(window.dtypes["product_id"]) == "str"
    assert str(window.dtypes["position"]) == "Int64"
    assert str(window.dtypes["fetched_at"]) == "datetime64[us, Asia/Shanghai]"
    sharers = table("sharers", warehouse.data_dir)
    assert str(sharers["bind_time"][0]) == "2025-01-14 22:15:36+08:00"
    assert sharers["commission_ratio"].tolist()[0] == 5
    assert sharers["commission_ratio"].isna().tolist() == [False, True]
    empty = table("article_products", warehouse.data_dir)
    assert str(empty.dtypes["commission_rate"]) == "Int64"
    assert str(empty.dtypes["fetched_at"]) == "datetime64[us, Asia/Shanghai]"
    sums = query(
        "SELECT sum(position) AS n, is_active, 1 AS N2 FROM window_products, sharers GROUP BY ALL",
        data=warehouse.data_dir,
    )
    assert [str(kind) for kind in sums.dtypes] == ["Int64", "boolean", "Int64"]
    assert sums["n"].tolist() == [6]


def test_types_where_there_is_nothing(warehouse: Store) -> None:
    put(warehouse)
    for nothing in ("SELECT * FROM window_products", "SELECT NULL::VARCHAR AS a, NULL::JSON AS b"):
        frame = query(nothing, data=warehouse.data_dir)
        texts = {"product_id", "extra", "a", "b"} & set(frame)
        assert {str(frame.dtypes[name]) for name in texts} == {"str"}
        assert not (frame.astype(str) == "None").to_numpy().any()
    big = f"SELECT {2**53 + 1}::BIGINT AS n UNION ALL SELECT NULL ORDER BY ALL"
    assert query(big, data=warehouse.data_dir)["n"].tolist()[0] == 2**53 + 1


def test_two_columns_of_one_name(warehouse: Store) -> None:
    put(warehouse, 1)
    frame = query(
        "SELECT sum(n) AS a, 2 AS a, 'x' AS b FROM range(3) t(n)", data=warehouse.data_dir
    )
    assert [(name, str(kind)) for name, kind in frame.dtypes.items()] == [
        ("a", "Int64"),
        ("a_1", "Int64"),
        ("b", "str"),
    ]
    assert frame.to_numpy().tolist() == [[3, 2, "x"]]


def test_an_unknown_table(warehouse: Store) -> None:
    put(warehouse, 1)
    with pytest.raises(WarehouseError, match=r"no table 'x\"'; there are .*window_products"):
        table('x"', warehouse.data_dir)


def test_notebooks_need_neither_dagster_nor_requests() -> None:
    script = (
        "import sys, channels_assets.warehouse\n"
        "assert not {'dagster', 'requests', 'pytz'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


SETTINGS = """
import sys
from pathlib import Path
from channels_assets.warehouse import Lake, connect, open_store

folder = Path(sys.argv[1])
with open_store(folder, 3, Lake.of_folder(folder)).writing() as writing:
    print(*writing.execute("SELECT current_setting('enable_progress_bar')").fetchall())
with connect(folder) as reading:
    print(*reading.execute("SELECT current_setting('enable_progress_bar')").fetchall())
"""


def test_nothing_is_printed_however_long_it_takes(warehouse: Store) -> None:
    put(warehouse, 1)
    # With -c, and as long as a module that -m names is imported, DuckDB thinks of a person typing.
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS, str(warehouse.data_dir)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["(False,)", "(False,)"]


def test_duckdb_never_installs_or_loads_an_extension_by_itself(warehouse: Store) -> None:
    put(warehouse, 1)
    settings = (
        "SELECT current_setting('autoinstall_known_extensions') "
        "UNION ALL SELECT current_setting('autoload_known_extensions')"
    )
    with connect(warehouse.data_dir) as reading, warehouse.writing() as writing:
        for con in (reading, writing):
            assert con.execute(settings).fetchall() == [(False,), (False,)]
            with pytest.raises(duckdb.CatalogException, match="sqlite_scan"):
                con.execute("FROM sqlite_scan('a', 'b')")
