"""The command `channels-assets`."""

import gc

# Looking for garbage among modules that all stay takes a quarter of the time of importing them.
gc.disable()
from channels_assets.cli.main import main  # noqa: E402

gc.enable()

__all__ = ["main"]
