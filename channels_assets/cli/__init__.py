"""The command `channels-assets`."""
