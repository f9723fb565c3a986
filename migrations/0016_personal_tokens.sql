-- Personal access tokens: what people made for clients that can only send a header. Only their hash.
CREATE TABLE personal_tokens (
    issuer_id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    resource TEXT NOT NULL,
    scope TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    -- Null until the first use.
    last_used_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    revoked_because TEXT,
    PRIMARY KEY (issuer_id, hash),
    FOREIGN KEY (issuer_id, user_id) REFERENCES users (issuer_id, id) ON DELETE CASCADE
);

CREATE INDEX personal_tokens_by_user ON personal_tokens (issuer_id, user_id);
