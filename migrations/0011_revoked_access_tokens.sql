-- Access tokens that were revoked one by one, until they would have expired.
CREATE TABLE revoked_access_tokens (
    issuer_id BIGINT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
    jti TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer_id, jti)
);
