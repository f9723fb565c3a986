-- Protected resources added by command; those of the configuration are not stored.
CREATE TABLE resources (
    issuer_id BIGINT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
    -- The canonical form, so that one resource is not added in two spellings.
    canonical TEXT NOT NULL,
    record JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer_id, canonical)
);
