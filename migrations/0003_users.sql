-- People who sign in.
CREATE TABLE users (
    issuer_id BIGINT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The name as it is compared: lower case.
    name_key TEXT NOT NULL,
    email TEXT,
    email_key TEXT,
    -- Argon2id in its own text form.
    password_hash TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    disabled_at TIMESTAMPTZ,
    last_signed_in_at TIMESTAMPTZ,
    PRIMARY KEY (issuer_id, id),
    UNIQUE (issuer_id, name_key),
    UNIQUE (issuer_id, email_key)
);

-- One-time links that make the first account; only their hash.
CREATE TABLE setup_links (
    issuer_id BIGINT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
    hash BYTEA NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer_id, hash)
);
