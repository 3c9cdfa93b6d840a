-- 002: the campaign engine in full.
--
-- Names of columns are those of src/core/record.h, as in 001.

-- How far a target has come on its path over the packages, and by which ones:
-- its hops in one number, a byte each.
ALTER TABLE target ADD COLUMN hops INTEGER NOT NULL DEFAULT 0;
ALTER TABLE target ADD COLUMN via INTEGER NOT NULL DEFAULT 0;
ALTER TABLE target ADD COLUMN edge INTEGER NOT NULL DEFAULT 0;
ALTER TABLE target ADD COLUMN last_attempt INTEGER NOT NULL DEFAULT 0;

-- schedule: the end of a campaign is acted on once, whatever the clock says
-- later.
ALTER TABLE campaign ADD COLUMN expired_wall INTEGER NOT NULL DEFAULT 0;

-- What each package of a campaign was when it began: a change is noticed over
-- a restart as well.
CREATE TABLE package (
	campaign INTEGER NOT NULL REFERENCES campaign (id),
	number INTEGER NOT NULL CHECK (number >= 0),
	name TEXT NOT NULL,
	bytes INTEGER NOT NULL,
	sha256 TEXT NOT NULL,
	PRIMARY KEY (campaign, number)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 2;
