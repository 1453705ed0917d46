-- Who may have how many calls in flight with one credential, how often it was told to slow down, and what is used up.
CREATE TABLE IF NOT EXISTS channels_leases (
    credential TEXT NOT NULL, worker TEXT NOT NULL, slots INT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (credential, worker)
);
CREATE TABLE IF NOT EXISTS channels_refusals (credential TEXT PRIMARY KEY, number BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS channels_exhausted (
    credential TEXT NOT NULL, path TEXT NOT NULL, error JSON NOT NULL, until TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (credential, path)
);
