"""Dagster's side: an asset body is pull, load, report."""

import warnings

# backfill_policy, on which one run for many partitions rests, is marked beta by Dagster.
warnings.filterwarnings("ignore", message=".*`backfill_policy`.*")
