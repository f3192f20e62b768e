-- Written by scripts/write_schema.py from ticketlab/stores/schema.py.

CREATE TABLE ledger (
    id INTEGER NOT NULL,
    buyer INTEGER NOT NULL,
    section VARCHAR(200) NOT NULL,
    ticket INTEGER NOT NULL,
    cancels BOOLEAN NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE stock (
    section VARCHAR(200) NOT NULL,
    tickets INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    issued INTEGER NOT NULL,
    version INTEGER NOT NULL,
    holds TEXT,
    PRIMARY KEY (section)
);
