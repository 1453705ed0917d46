"""The command `channels-assets`."""

from channels_assets.cli.main import main

__all__ = ["main"]
