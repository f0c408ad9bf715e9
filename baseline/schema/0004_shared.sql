-- Runs that others measured and shared (docs/formats/notes.md): summaries without the values.

-- From which remote a run came; NULL: measured here, or merged whole.
ALTER TABLE runs ADD COLUMN shared TEXT;
-- Of a shared run's series: n and mean are over all its values, of which data has the median only.
ALTER TABLE series ADD COLUMN mad REAL;
