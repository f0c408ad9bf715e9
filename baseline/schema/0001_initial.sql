-- The store, first shape. docs/formats/store.md explains it with example queries.
-- STRICT: a value of another type than its column's is damage, and the integrity check finds it.
-- Texts that repeat are kept once, in strings, functions, sites, commits and environments.

CREATE TABLE strings (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

-- A function's identity: name and file. name NULL: the whole target. file NULL: unknown.
CREATE TABLE functions (
    id INTEGER PRIMARY KEY,
    name INTEGER REFERENCES strings (id),
    file INTEGER REFERENCES strings (id)
) STRICT;
CREATE UNIQUE INDEX functions_identity ON functions (ifnull(name, 0), ifnull(file, 0));

-- Where a function stood: this changes from commit to commit, the function does not.
CREATE TABLE sites (
    id INTEGER PRIMARY KEY,
    function INTEGER NOT NULL REFERENCES functions (id),
    module INTEGER REFERENCES strings (id),
    line INTEGER NOT NULL,
    end_line INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX sites_identity ON sites (function, line, end_line, ifnull(module, 0));

-- What a series measures. Few rows, so that a series needs one small number for three texts.
CREATE TABLE measures (
    id INTEGER PRIMARY KEY,
    target INTEGER NOT NULL REFERENCES strings (id),
    metric INTEGER NOT NULL REFERENCES strings (id),
    unit INTEGER REFERENCES strings (id)
) STRICT;
CREATE UNIQUE INDEX measures_identity ON measures (target, metric, ifnull(unit, 0));

CREATE TABLE commits (
    id INTEGER PRIMARY KEY,
    oid TEXT NOT NULL UNIQUE,
    subject TEXT,
    time INTEGER NOT NULL
) STRICT;

CREATE TABLE environments (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT,
    cpu_model TEXT,
    cores INTEGER NOT NULL,
    memory INTEGER NOT NULL,
    kernel TEXT,
    os TEXT,
    libc TEXT,
    compiler TEXT,
    virtualization TEXT,
    governor TEXT,
    gpu TEXT,
    xsgate TEXT
) STRICT;
CREATE INDEX environments_fingerprint ON environments (fingerprint);

-- uid: random, names the run in every store that it was merged into. AUTOINCREMENT: an id that was
-- printed once never means another run.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    session TEXT,
    created INTEGER NOT NULL,
    elapsed_s REAL NOT NULL,
    commit_id INTEGER NOT NULL REFERENCES commits (id),
    describe TEXT,
    dirty INTEGER NOT NULL,
    environment INTEGER NOT NULL REFERENCES environments (id),
    suite_hash TEXT
) STRICT;
CREATE INDEX runs_commit ON runs (commit_id, created);
CREATE INDEX runs_environment ON runs (environment);

CREATE TABLE run_warnings (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    ord INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run, ord)
) WITHOUT ROWID, STRICT;

-- tree: the call tree as bytes (base/calltree.h), NULL when there is none.
CREATE TABLE targets (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    ord INTEGER NOT NULL,
    name INTEGER NOT NULL REFERENCES strings (id),
    command INTEGER REFERENCES strings (id),
    profile INTEGER REFERENCES strings (id),
    lost INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    invalid TEXT,
    tree BLOB,
    UNIQUE (run, ord)
) STRICT;

-- One metric of one function of one target in one run. data: a little-endian IEEE 754 double per
-- round, NaN (0x7ff8000000000000) where the function was not seen; n, median and mean are over the
-- rounds where it was.
CREATE TABLE series (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    ord INTEGER NOT NULL,
    measure INTEGER NOT NULL REFERENCES measures (id),
    site INTEGER NOT NULL REFERENCES sites (id),
    n INTEGER NOT NULL,
    median REAL,
    mean REAL,
    data BLOB NOT NULL,
    PRIMARY KEY (run, ord)
) WITHOUT ROWID, STRICT;
CREATE INDEX series_site ON series (site);

-- json: the report document (docs/formats/report.md) as it was made.
CREATE TABLE comparisons (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    base INTEGER NOT NULL REFERENCES runs (id),
    head INTEGER NOT NULL REFERENCES runs (id),
    created INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    json TEXT NOT NULL
) STRICT;
CREATE INDEX comparisons_base ON comparisons (base);
CREATE INDEX comparisons_head ON comparisons (head);

-- For people: every number with its names.
CREATE VIEW v_series AS
SELECT
    r.id AS run,
    r.created,
    datetime(r.created, 'unixepoch') AS created_utc,
    c.oid AS commit_oid,
    r.describe,
    r.dirty,
    e.fingerprint AS environment,
    r.suite_hash,
    t.text AS target,
    fn.text AS function,
    ff.text AS file,
    sm.text AS module,
    p.line,
    p.end_line,
    m.text AS metric,
    u.text AS unit,
    s.n,
    s.median,
    s.mean,
    s.data
FROM series AS s
JOIN runs AS r ON r.id = s.run
JOIN commits AS c ON c.id = r.commit_id
JOIN environments AS e ON e.id = r.environment
JOIN measures AS q ON q.id = s.measure
JOIN strings AS t ON t.id = q.target
JOIN sites AS p ON p.id = s.site
JOIN functions AS f ON f.id = p.function
LEFT JOIN strings AS fn ON fn.id = f.name
LEFT JOIN strings AS ff ON ff.id = f.file
LEFT JOIN strings AS sm ON sm.id = p.module
JOIN strings AS m ON m.id = q.metric
LEFT JOIN strings AS u ON u.id = q.unit;
