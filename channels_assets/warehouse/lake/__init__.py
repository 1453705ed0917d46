"""The warehouse as a lake, for many machines: rows in Parquet files, a catalogue in PostgreSQL.

Optional: needs `pip install "channels-assets[lake]"`. The rest of the package imports it from here.
lake.py: where a lake is, and the store on it · catalogue.py: what is asked of PostgreSQL directly, the
only module with psycopg · extensions.py: DuckDB's extensions · s3.py: Parquet files in an object store ·
probe.py: the doctor's tests of each part.
"""

from channels_assets.warehouse.lake.lake import Lake, LakeStore, validate_ids
from channels_assets.warehouse.lake.s3 import is_object_store

__all__ = ["Lake", "LakeStore", "is_object_store", "validate_ids"]
