-- Clients that the store does not have, or not yet: known by a document at their own address, or by an identifier that holds all there
-- is to know. Somebody may be asked about them before anything of them is kept, so a request may name one, and has it with it.
-- Requests live for minutes: those of the moment of this step begin anew.
DROP TABLE authorization_requests;

CREATE TABLE authorization_requests (
    issuer_id BIGINT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
    handle_hash BYTEA NOT NULL,
    browser_hash BYTEA NOT NULL,
    client_id TEXT NOT NULL,
    -- The client as it was read for this request, where `clients` may not have it.
    client JSONB,
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
    PRIMARY KEY (issuer_id, handle_hash)
);

-- Only those that wait are counted, and make room.
CREATE INDEX waiting_requests_by_source ON authorization_requests (issuer_id, source, expires_at) WHERE answered_at IS NULL;
CREATE INDEX waiting_requests_by_worth ON authorization_requests (issuer_id, is_anonymous, created_at DESC) WHERE answered_at IS NULL;

-- Clients that ended although their identifier would still say all about them.
CREATE TABLE ended_clients (
    issuer_id BIGINT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    -- From here on the identifier says nothing any more.
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer_id, id)
);

-- Registered clients that nobody has allowed anything yet are counted.
CREATE INDEX waiting_clients ON clients (issuer_id, created_at) WHERE first_used_at IS NULL;
