-- All tokens that came from one authorization code: one row, however often they
-- are refreshed. Only the hashes of the newest refresh token and its parent.
CREATE TABLE token_families (
    issuer_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- As in users, where it never changes: refreshing needs no row but this one.
    user_name TEXT NOT NULL,
    resource TEXT NOT NULL,
    scope TEXT NOT NULL,
    auth_time TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- 0 for the refresh token that came with the code.
    generation BIGINT NOT NULL,
    -- Null where no refresh token was given.
    current_hash BYTEA,
    parent_hash BYTEA,
    rotated_at TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ NOT NULL,
    idle_expires_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    -- Also when the grant ends, or the person may not sign in any more.
    revoked_at TIMESTAMPTZ,
    revoked_because TEXT,
    PRIMARY KEY (issuer_id, id),
    FOREIGN KEY (issuer_id, grant_id) REFERENCES grants (issuer_id, id) ON DELETE CASCADE
);

CREATE INDEX token_families_by_grant ON token_families (issuer_id, grant_id);
