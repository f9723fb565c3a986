-- Authorization requests between the browser's arrival and the answer.
CREATE TABLE authorization_requests (
    issuer_id BIGINT NOT NULL,
    handle_hash BYTEA NOT NULL,
    browser_hash BYTEA NOT NULL,
    client_id TEXT NOT NULL,
    -- Whom it counts for, in the bound per source: the person who was signed in, else the address.
    source TEXT NOT NULL,
    -- Nobody was signed in when it came, and nobody has signed in for it: the first to make room.
    is_anonymous BOOLEAN NOT NULL,
    request JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    -- The sign-in that was made for this very request.
    signed_in_at TIMESTAMPTZ,
    -- The person's answer, and when the browser was sent back with it.
    decision JSONB,
    answered_at TIMESTAMPTZ,
    PRIMARY KEY (issuer_id, handle_hash),
    FOREIGN KEY (issuer_id, client_id) REFERENCES clients (issuer_id, id) ON DELETE CASCADE
);

-- Only those that wait are counted, and make room.
CREATE INDEX waiting_requests_by_source ON authorization_requests (issuer_id, source, expires_at) WHERE answered_at IS NULL;
CREATE INDEX waiting_requests_by_worth ON authorization_requests (issuer_id, is_anonymous, created_at DESC) WHERE answered_at IS NULL;
