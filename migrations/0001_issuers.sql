-- Every row belongs to an issuer: a database moved to another issuer shows nothing.
CREATE TABLE issuers (
    id BIGINT NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL UNIQUE,
    -- Counts changes of clients, resources and keys, so that every process hears of them.
    catalogue_version BIGINT NOT NULL DEFAULT 0
);
