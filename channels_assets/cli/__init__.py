"""The command `channels-assets`."""

import gc

# Looking for garbage among modules that all stay takes a quarter of the time of importing them. What
# is thawed counts as old: the first look afterwards would be at all of them, too.
gc.disable()
from channels_assets.cli.main import main  # noqa: E402

gc.freeze()
gc.unfreeze()
gc.enable()

__all__ = ["main"]
