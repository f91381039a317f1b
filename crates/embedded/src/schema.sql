-- The journal, version 1. Instants are UTC texts with nine decimals: they sort as they are.

CREATE TABLE jobs (
    -- Begins with the run, which begins with the task: this index finds the jobs of both.
    id TEXT NOT NULL PRIMARY KEY,
    run TEXT NOT NULL,
    occurrence TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    closed_at TEXT,
    -- Only open jobs have these three.
    wake_at TEXT,
    waiting_at TEXT,
    holder TEXT,
    -- The whole job, as JSON. The columns above are copies, to search by.
    job TEXT NOT NULL
) STRICT;

CREATE INDEX jobs_due ON jobs (wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs (waiting_at, wake_at, id) WHERE waiting_at IS NOT NULL;
CREATE INDEX jobs_held ON jobs (holder) WHERE holder IS NOT NULL;
CREATE INDEX jobs_closed ON jobs (closed_at) WHERE closed_at IS NOT NULL;

CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    task TEXT NOT NULL,
    occurrence TEXT NOT NULL,
    started_at TEXT NOT NULL,
    -- When a job of the run closed last, even if others are open.
    closed_at TEXT
) STRICT;

CREATE INDEX runs_latest ON runs (occurrence DESC, id);

CREATE TABLE tallies (
    run TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (run, kind, state)
) STRICT, WITHOUT ROWID;

-- Runs and tallies follow the jobs here, so that nothing that writes jobs can forget them: not
-- even an operator who deletes a damaged row by hand.

CREATE TRIGGER job_created AFTER INSERT ON jobs BEGIN
    INSERT INTO runs (id, task, occurrence, started_at, closed_at)
    VALUES (
        new.run, substr(new.run, 1, instr(new.run, '@') - 1), new.occurrence,
        new.created_at, new.closed_at
    )
    ON CONFLICT (id) DO UPDATE SET
        started_at = min(started_at, excluded.started_at),
        closed_at = coalesce(max(closed_at, excluded.closed_at), closed_at, excluded.closed_at);
    INSERT INTO tallies (run, kind, state, jobs) VALUES (new.run, new.kind, new.state, 1)
    ON CONFLICT (run, kind, state) DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER job_closed AFTER UPDATE OF state ON jobs WHEN new.state <> old.state BEGIN
    UPDATE runs SET
        closed_at = coalesce(max(closed_at, new.closed_at), closed_at, new.closed_at)
    WHERE id = new.run;
    UPDATE tallies SET jobs = jobs - 1
    WHERE run = old.run AND kind = old.kind AND state = old.state;
    INSERT INTO tallies (run, kind, state, jobs) VALUES (new.run, new.kind, new.state, 1)
    ON CONFLICT (run, kind, state) DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER job_forgotten AFTER DELETE ON jobs BEGIN
    UPDATE tallies SET jobs = jobs - 1
    WHERE run = old.run AND kind = old.kind AND state = old.state;
    DELETE FROM tallies WHERE run = old.run AND jobs = 0;
    DELETE FROM runs
    WHERE id = old.run AND NOT EXISTS (SELECT 1 FROM tallies WHERE run = old.run);
END;

CREATE TABLE slots (
    gate TEXT NOT NULL,
    holder TEXT NOT NULL,
    until TEXT NOT NULL,
    PRIMARY KEY (gate, holder)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
    name TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    since TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- At most one row.
CREATE TABLE ticked (
    only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    until TEXT NOT NULL
) STRICT;
