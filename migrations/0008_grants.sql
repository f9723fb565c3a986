-- What a person allowed a client to do at a resource; it outlives its tokens.
CREATE TABLE grants (
    issuer_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    resource TEXT NOT NULL,
    scope TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    revoked_because TEXT,
    PRIMARY KEY (issuer_id, id),
    FOREIGN KEY (issuer_id, user_id) REFERENCES users (issuer_id, id) ON DELETE CASCADE,
    FOREIGN KEY (issuer_id, client_id) REFERENCES clients (issuer_id, id) ON DELETE CASCADE
);

-- A further authorization adds to the grant that lives.
CREATE UNIQUE INDEX one_live_grant ON grants (issuer_id, user_id, client_id, resource) WHERE revoked_at IS NULL;
CREATE INDEX grants_by_client ON grants (issuer_id, client_id);

-- Consent that need not be asked for again: only for the very same redirect URIs.
CREATE TABLE consents (
    issuer_id BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    resource TEXT NOT NULL,
    redirect_set TEXT NOT NULL,
    scope TEXT NOT NULL,
    given_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer_id, user_id, client_id, resource),
    FOREIGN KEY (issuer_id, user_id) REFERENCES users (issuer_id, id) ON DELETE CASCADE,
    FOREIGN KEY (issuer_id, client_id) REFERENCES clients (issuer_id, id) ON DELETE CASCADE
);
