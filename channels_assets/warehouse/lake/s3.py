"""A lake's files in an object store with the S3 protocol: s3://bucket/prefix.

Credentials come from where Amazon's own programs take them: AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, a profile (AWS_PROFILE), or the role of the machine or pod. They are stored in
a DuckDB secret of one connection, and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import duckdb

from channels_assets.warehouse.connection import quoted
from channels_assets.warehouse.errors import WarehouseError

S3_EXTENSIONS = ("httpfs", "aws")


def is_object_store(data_path: str) -> bool:
    return data_path.startswith("s3://")


def add_credentials(con: duckdb.DuckDBPyConnection, data_path: str) -> None:
    """Give this connection access to the path. Raises WarehouseError when there are no credentials."""
    options = [f"SCOPE {quoted(data_path)}", *_endpoint(os.environ)]
    try:
        con.execute(
            "CREATE SECRET objects "
            f"(TYPE s3, PROVIDER credential_chain, REFRESH auto, {', '.join(options)})"
        )
    except duckdb.Error:
        raise WarehouseError(
            f"there are no credentials for {data_path}: put AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY into the environment, or the name of a profile into AWS_PROFILE"
        ) from None
    # httpfs copies the environment into settings, which any query can read by duckdb_settings().
    for name in ("s3_access_key_id", "s3_secret_access_key", "s3_session_token"):
        con.execute(f"SET GLOBAL {name} = ''")


def _endpoint(env: Mapping[str, str]) -> list[str]:
    """The options for a store other than Amazon's, from the variables that Amazon's programs read."""
    url = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or ""
    style = env.get("AWS_S3_ADDRESSING_STYLE", "")
    if not url:
        return []
    parts = urlsplit(url if "://" in url else f"https://{url}")
    endpoint = parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")
    return [
        f"ENDPOINT {quoted(endpoint)}",
        f"USE_SSL {'false' if parts.scheme == 'http' else 'true'}",
        f"URL_STYLE {'vhost' if style == 'virtual' else 'path'}",
    ]
