"""The command `channels-assets`."""

import gc

# Modules stay for as long as the process: looking among them for garbage takes a quarter of the
# time of importing them, and later a part of every collection.
gc.disable()
from channels_assets.cli.main import main  # noqa: E402

gc.freeze()
gc.enable()

__all__ = ["main"]
