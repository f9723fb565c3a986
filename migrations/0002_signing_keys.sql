-- Keys that sign tokens. The private part is sealed under the master key.
CREATE TABLE signing_keys (
    issuer_id BIGINT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
    kid TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public_jwk JSONB NOT NULL,
    sealed_private BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- Null while the key is on standby.
    activated_at TIMESTAMPTZ,
    -- Null while the key signs; then it only verifies, until it leaves the JWKS.
    retired_at TIMESTAMPTZ,
    leaves_at TIMESTAMPTZ,
    PRIMARY KEY (issuer_id, kid)
);

-- At every moment at most one key of an algorithm signs, and one waits.
CREATE UNIQUE INDEX one_active_key ON signing_keys (issuer_id, algorithm) WHERE activated_at IS NOT NULL AND retired_at IS NULL;
CREATE UNIQUE INDEX one_standby_key ON signing_keys (issuer_id, algorithm) WHERE activated_at IS NULL;
