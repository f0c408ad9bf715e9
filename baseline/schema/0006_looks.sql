-- Where the rounds of a target stopped, which decides at what level they may be judged again.
ALTER TABLE targets ADD COLUMN look INTEGER NOT NULL DEFAULT 0;
ALTER TABLE targets ADD COLUMN fresh_from INTEGER NOT NULL DEFAULT 0;
