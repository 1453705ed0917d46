"""How a token is had for each way to call the API (`auth` in channels.toml)."""
