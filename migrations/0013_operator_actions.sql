-- What operators did by command, until a server has written it into its log.
CREATE TABLE operator_actions (
    issuer_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    event TEXT NOT NULL,
    operator TEXT NOT NULL,
    done_at TIMESTAMPTZ NOT NULL,
    about JSONB NOT NULL,
    PRIMARY KEY (issuer_id, id),
    FOREIGN KEY (issuer_id) REFERENCES issuers (id) ON DELETE CASCADE
);
