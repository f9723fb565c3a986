-- Authorization codes; only their hash.
CREATE TABLE codes (
    issuer_id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_hash BYTEA NOT NULL,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    resource TEXT NOT NULL,
    scope TEXT NOT NULL,
    auth_time TIMESTAMPTZ NOT NULL,
    issued_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    -- Consent was withdrawn before the code was redeemed.
    withdrawn_at TIMESTAMPTZ,
    -- What it belongs to: made, or widened, when the person allowed it.
    grant_id TEXT NOT NULL,
    -- When the code was redeemed and what it gave.
    redeemed_at TIMESTAMPTZ,
    family_id TEXT,
    PRIMARY KEY (issuer_id, hash),
    FOREIGN KEY (issuer_id, user_id) REFERENCES users (issuer_id, id) ON DELETE CASCADE,
    FOREIGN KEY (issuer_id, client_id) REFERENCES clients (issuer_id, id) ON DELETE CASCADE,
    FOREIGN KEY (issuer_id, grant_id) REFERENCES grants (issuer_id, id) ON DELETE CASCADE,
    -- A redeemed code goes with its family: until then its replay can still end something.
    FOREIGN KEY (issuer_id, family_id) REFERENCES token_families (issuer_id, id) ON DELETE CASCADE
);

CREATE INDEX codes_by_owner ON codes (issuer_id, user_id, client_id);
CREATE INDEX codes_by_grant ON codes (issuer_id, grant_id);
CREATE INDEX codes_by_family ON codes (issuer_id, family_id);
CREATE INDEX codes_unredeemed ON codes (issuer_id, expires_at) WHERE family_id IS NULL;
