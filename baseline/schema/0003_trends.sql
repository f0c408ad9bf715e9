-- History of a function in milliseconds, and no index that every run has to touch everywhere.

-- Keyed by what a series measures: one function is found in a run without reading the run, and a
-- run's rows are written in one piece at the end of the table. Without references to sites and
-- measures: each would need an index here just to forget a name; verify looks for orphans.
DROP VIEW v_series;
ALTER TABLE series RENAME TO series_before;
CREATE TABLE series (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    measure INTEGER NOT NULL,
    function INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    site INTEGER NOT NULL,
    n INTEGER NOT NULL,
    median REAL,
    mean REAL,
    data BLOB NOT NULL,
    PRIMARY KEY (run, measure, function, ord)
) WITHOUT ROWID, STRICT;
INSERT INTO series (run, measure, function, ord, site, n, median, mean, data)
SELECT
    s.run,
    s.measure,
    ifnull(p.function, 0),
    s.ord,
    s.site,
    s.n,
    s.median,
    s.mean,
    s.data
FROM series_before AS s
LEFT JOIN sites AS p ON p.id = s.site
ORDER BY s.run, s.measure, p.function, s.ord;
DROP TABLE series_before;

-- The medians of a function over some sixty consecutive runs, in one row. Derived from series and
-- made anew when runs are removed. last: the newest of the runs. data: per run 16 bytes, little-
-- endian: last - run as uint32, relative standard error of the median as float, median as double.
CREATE TABLE trends (
    function INTEGER NOT NULL REFERENCES functions (id),
    measure INTEGER NOT NULL,
    last INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (function, measure, last)
) WITHOUT ROWID, STRICT;

-- Runs up to the largest last are in trends; those after it are looked up in series.
CREATE TABLE trend_blocks (
    last INTEGER PRIMARY KEY
) STRICT;

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
