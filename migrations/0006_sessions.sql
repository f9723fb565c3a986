-- Browser sessions; the cookie's value only as a hash.
CREATE TABLE sessions (
    issuer_id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    -- What the account page calls it; no use as a cookie.
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    auth_time TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer_id, hash),
    FOREIGN KEY (issuer_id, user_id) REFERENCES users (issuer_id, id) ON DELETE CASCADE
);

CREATE INDEX sessions_by_user ON sessions (issuer_id, user_id);
