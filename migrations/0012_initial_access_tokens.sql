-- Tokens that let their bearer register clients; only their hash.
CREATE TABLE initial_access_tokens (
    issuer_id BIGINT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
    hash BYTEA NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    -- Null for as many as one likes.
    uses_left BIGINT,
    PRIMARY KEY (issuer_id, hash)
);
