"""Most tests of this folder need the packages of deploy/requirements.lock: elsewhere they don't exist."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

_NEEDS_NO_PACKAGES = "test_shared_limit.py"

if find_spec("dagster_celery") is None:
    collect_ignore = [
        path.name for path in Path(__file__).parent.iterdir() if path.name != _NEEDS_NO_PACKAGES
    ]
else:
    from channels_assets_tests.cluster.services import object_store, postgres, redis_server

    @pytest.fixture(scope="session")
    def server() -> Iterator[str]:
        with postgres() as address:
            yield address

    @pytest.fixture(scope="session")
    def broker() -> Iterator[str]:
        with redis_server() as address:
            yield address

    @pytest.fixture(scope="session")
    def bucket() -> Iterator[dict[str, str]]:
        with object_store() as environment:
            yield environment
