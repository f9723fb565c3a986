-- The settings that servers last started with, so that a start with others is noticed.
CREATE TABLE starts (
    issuer_id BIGINT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
    -- The machine, folder and address of a server, hashed under the master key: several may share a database.
    place TEXT NOT NULL,
    -- The name of each setting that is not as it comes, with the hash of its value. No secrets.
    settings JSONB NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer_id, place)
);
