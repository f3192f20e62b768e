-- Written by scripts/write_schema.py from ticketlab/stores/schema.py.

CREATE TABLE ledger (
    id BIGSERIAL NOT NULL,
    buyer BIGINT NOT NULL,
    section VARCHAR(200) NOT NULL,
    ticket BIGINT NOT NULL,
    cancels BOOLEAN NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE stock (
    section VARCHAR(200) NOT NULL,
    tickets BIGINT NOT NULL,
    remaining BIGINT NOT NULL,
    issued BIGINT NOT NULL,
    version BIGINT NOT NULL,
    holds TEXT,
    PRIMARY KEY (section)
);

CREATE TABLE numbered (
    section VARCHAR(200) NOT NULL,
    ticket BIGINT NOT NULL,
    buyer BIGINT,
    PRIMARY KEY (section, ticket)
);
