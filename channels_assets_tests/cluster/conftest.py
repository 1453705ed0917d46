"""The tests of this folder need the packages of deploy/requirements.lock: elsewhere they don't exist."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

if find_spec("dagster_celery") is None:
    collect_ignore_glob = ["*"]
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
