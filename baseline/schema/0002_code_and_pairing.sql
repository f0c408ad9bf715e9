-- What the machine code of a function was, how a target's rounds were paired, and what its control
-- pairs showed. 0 and NULL: unknown, as in all runs of before.

-- Hashes (64 bits, as signed numbers): of the function alone, and with all that it calls.
ALTER TABLE sites ADD COLUMN code INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sites ADD COLUMN code_deep INTEGER NOT NULL DEFAULT 0;
DROP INDEX sites_identity;
CREATE UNIQUE INDEX sites_identity
ON sites (function, line, end_line, ifnull(module, 0), code, code_deep);

-- pairing: 0 unknown, 1 alternate, 2 same-core, 3 two-core.
-- control: ln of the ratios of base against base, as doubles like series.data.
-- binary: hash of text and read-only data of the modules that ran.
ALTER TABLE targets ADD COLUMN pairing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE targets ADD COLUMN pairing_reason TEXT;
ALTER TABLE targets ADD COLUMN control BLOB;
ALTER TABLE targets ADD COLUMN "binary" INTEGER NOT NULL DEFAULT 0;
