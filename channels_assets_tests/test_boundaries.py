"""Who may import whom: the import table of the design."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "channels_assets"
ROOMS = {
    "files": set[str](),
    "folders": set[str](),
    "machine_errors": set[str](),
    "secret_values": {"language"},
    "toml_file": {"language"},
    "wechat": {"files", "machine_errors"},
    "warehouse": {"files", "machine_errors"},
    "sandbox": set[str](),
    "auth_modes": set[str](),
    "language": set[str](),
    "environment": {"config", "machine_errors", "secret_values", "toml_file"},
    "accounts": {"auth_modes", "language"},
    "setting_errors": {"language"},
    "config": {
        "accounts",
        "auth_modes",
        "language",
        "secret_values",
        "setting_errors",
        "toml_file",
    },
    "clients": {"wechat", "config", "accounts"},
    "notebooks": {"warehouse"},
    "extract": {"wechat", "files"},
    "defs": {
        "clients",
        "wechat",
        "extract",
        "warehouse",
        "config",
        "accounts",
        "environment",
        "files",
        "folders",
        "machine_errors",
    },
    "cluster": set[str](),
    "definitions": {"config", "defs"},
    "cli": {
        "clients",
        "config",
        "accounts",
        "environment",
        "files",
        "folders",
        "language",
        "machine_errors",
        "secret_values",
        "toml_file",
        "defs",
        "definitions",
        "warehouse",
        "wechat",
        "sandbox",
    },
}
OUTSIDE = {
    "dagster": {"defs", "definitions", "cli", "cluster"},
    "dagster_celery": {"cluster"},
    "dagster_postgres": {"cluster"},
    "celery": {"cluster"},
    "psycopg": {"warehouse"},
    "requests": {"wechat"},
    "urllib3": {"wechat"},
    "duckdb": {"warehouse", "defs"},
    "pandas": {"warehouse", "notebooks"},
    "matplotlib": {"notebooks"},
    "click": {"cli"},
    "rich": {"cli"},
}
# Where Dagster has no public name.
DAGSTER_INTERNALS = {"defs/dagster_internals.py", "cluster/launcher.py"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            yield node.module or ""


def test_every_room_is_in_the_table() -> None:
    assert {room_of(path) for path in MODULES} - {"__init__"} == set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    room = room_of(path)
    for name in imports_of(path):
        top, *rest = name.split(".")
        if top == "channels_assets" and rest:
            assert rest[0] == room or rest[0] in ROOMS.get(room, set()), name
        elif top in OUTSIDE:
            assert room in OUTSIDE[top], name


def test_the_sandbox_is_imported_in_one_file_of_the_command() -> None:
    importing = [
        path.relative_to(PACKAGE)
        for path in (PACKAGE / "cli").rglob("*.py")
        if any(name.startswith("channels_assets.sandbox") for name in imports_of(path))
    ]
    assert importing == [Path("cli/bundled_sandbox.py")]


def test_dagsters_private_names_are_used_in_two_files_alone() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if "dagster._" in path.read_text("utf-8")
    }
    assert users == DAGSTER_INTERNALS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_lake_is_imported_from_its_package_alone(path: Path) -> None:
    """What is optional has one entrance: no other room knows its modules."""
    if path.parent != PACKAGE / "warehouse" / "lake":
        inside = "channels_assets.warehouse.lake."
        assert [name for name in imports_of(path) if name.startswith(inside)] == []
