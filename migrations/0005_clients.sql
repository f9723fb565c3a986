-- Registered clients, by an operator or by themselves.
CREATE TABLE clients (
    issuer_id BIGINT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    -- 'operator' or 'registered'.
    origin TEXT NOT NULL,
    -- All the rest; read and written whole.
    record JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- When a person first consented; a registration without one expires.
    first_used_at TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    PRIMARY KEY (issuer_id, id)
);

CREATE INDEX clients_by_origin ON clients (issuer_id, origin, created_at);
