"""An object store that holds a lake's files, by its URL: s3://bucket/prefix.

Whatever speaks S3. Credentials are looked for as Amazon's own programs do: AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, a profile (AWS_PROFILE), or the role of the machine or pod. They are in a
DuckDB secret of one connection, and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import duckdb

from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.lake.extensions import quoted

EXTENSIONS = ("httpfs", "aws")


def is_object_store(data_path: str) -> bool:
    return data_path.startswith("s3://")


def add_credentials(con: duckdb.DuckDBPyConnection, data_path: str) -> None:
    """Let this connection read and write there. Raises WarehouseError when there are no credentials."""
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
    # httpfs copies the environment into settings, which duckdb_settings() shows to everybody.
    for name in ("s3_access_key_id", "s3_secret_access_key", "s3_session_token"):
        con.execute(f"SET GLOBAL {name} = ''")


def _endpoint(env: Mapping[str, str]) -> list[str]:
    """Where the store is, if not at Amazon's: by the variable that Amazon's own programs read."""
    url = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or ""
    style = env.get("AWS_S3_ADDRESSING_STYLE", "")
    if not url:
        return []
    parts = urlsplit(url if "://" in url else f"https://{url}")
    where = parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")
    return [
        f"ENDPOINT {quoted(where)}",
        f"USE_SSL {'false' if parts.scheme == 'http' else 'true'}",
        f"URL_STYLE {'vhost' if style == 'virtual' else 'path'}",
    ]
