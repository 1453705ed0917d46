"""What people do with the data after a refresh, by the commands that they have."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from channels_assets.sandbox import World
from channels_assets.warehouse import FileStore
from channels_assets_tests.helpers.project import Project

Make = Callable[..., Project]


def test_share_links_are_those_that_the_server_sent(make_project: Make) -> None:
    world = World.generate(seed=31, windows=0)
    project = make_project(world)
    assert project.refresh().code == 0
    one, other = (sharer["sharer_appid"] for sharer in world.league.sharers)

    done = project.command("export-links", one, "--to", str(project.folder / "links"))

    assert done.code == 0, done.err
    links = json.loads((project.folder / "links" / f"share_links_{one}.json").read_text("utf-8"))
    sent = [
        {
            "url": article["article_info"]["article_url"],
            "promoterShareLink": article["article_info"]["promoter_share_link"],
        }
        for shop, promoter in world.league.articles
        for article in world.articles_for(shop, promoter, one)
    ]
    assert sorted(links, key=str) == sorted(sent, key=str)
    assert f"{len(sent):,} links" in done.out
    with FileStore(project.data).writing() as con:
        con.execute("DROP VIEW best_articles")
        con.execute("UPDATE meta SET value = 'an older text' WHERE key = 'views_made_from'")
    (project.data / "channels.duckdb").write_bytes((project.data / "warehouse.duckdb").read_bytes())
    assert project.command("export-links", one, "--to", str(project.folder)).code == 0
    unnamed = project.command("export-links")
    assert (unnamed.code, unnamed.out) == (2, "")
    assert one in unnamed.err
    assert other in unnamed.err


def test_the_example_of_the_readme_runs(make_project: Make) -> None:
    world = World.generate(seed=34, products=20, sharers=1)
    project = make_project(world)
    assert project.refresh().code == 0
    readme = Path(__file__).parents[2] / "README.md"
    (example,) = re.findall(r"```python\n(.*?)```", readme.read_text("utf-8"), re.DOTALL)
    example = example.replace("wx...", world.league.sharers[0]["sharer_appid"])
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", example]
    done = subprocess.run(
        command,
        cwd=project.folder,
        env=project.environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((project.folder / "links").iterdir())) == 2


def test_fresh_is_what_channels_toml_promises(make_project: Make) -> None:
    project = make_project(World.generate(seed=32, windows=1, products=3, shops=0))
    project.write(league=False)
    settings = project.folder / "channels.toml"
    settings.write_text(settings.read_text() + "[freshness]\nwindows_hours = 5.5\n")
    assert project.refresh().code == 0
    assert project.rows("SELECT asset, known, fresh, fresh_hours FROM coverage") == [
        ("window_products", 1, 1, 5.5)
    ]


def test_the_bundled_sandbox_has_something_to_look_back_at(make_project: Make) -> None:
    project = make_project(World.generate(seed=33, windows=0, shops=0))
    (project.folder / "channels.toml").unlink()
    del project.environment["CHANNELS_CONFIG"]
    changes = "SELECT change, count(*) FROM window_changes WHERE NOT whole_list GROUP BY ALL"
    first, second = "FROM window_as_of(?::TIMESTAMPTZ)", "FROM window_products"
    assert project.refresh("--asset", "window_products").code == 0
    assert project.rows(changes) == []
    (then,) = project.rows("SELECT max(finished_at) FROM loads")
    assert project.command("partitions").code == 0
    assert project.refresh("--asset", "window_products").code == 0
    assert project.rows(changes)
    columns = 'SELECT "window", position, product_id '
    assert project.rows(f"{columns} {first}", list(then)) != project.rows(f"{columns} {second}")
