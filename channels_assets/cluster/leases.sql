-- Who may have how many calls in flight with one credential, how fast it may call, and what is used up.
CREATE TABLE IF NOT EXISTS channels_leases (
    credential TEXT NOT NULL, worker TEXT NOT NULL, slots INT NOT NULL, calls INT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (credential, worker)
);
CREATE TABLE IF NOT EXISTS channels_rates (
    credential TEXT PRIMARY KEY, rate FLOAT8 NOT NULL, rate_at TIMESTAMPTZ NOT NULL,
    next_turn TIMESTAMPTZ NOT NULL
);
CREATE TABLE IF NOT EXISTS channels_exhausted (
    credential TEXT NOT NULL, path TEXT NOT NULL, error JSON NOT NULL, until TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (credential, path)
);
