"""Notebooks for people, and what they draw with. `channels-assets notebook` opens copies of them."""
