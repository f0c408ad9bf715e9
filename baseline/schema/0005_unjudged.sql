-- The report of the newest gate where that could not judge: at most one row, gone with the next
-- comparison. Nothing of its runs is kept: what could not be judged is nobody's baseline.
CREATE TABLE unjudged (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    created INTEGER NOT NULL,
    json TEXT NOT NULL
) STRICT;
