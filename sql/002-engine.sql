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

-- Waves: what each of a campaign stands at, and who is in which.

CREATE TABLE wave_state (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO wave_state VALUES ('waiting'), ('open'), ('soaking'), ('held'),
	('passed'), ('failed');

CREATE TABLE wave (
	campaign INTEGER NOT NULL REFERENCES campaign (id),
	number INTEGER NOT NULL CHECK (number >= 0),
	name TEXT NOT NULL,
	state TEXT NOT NULL REFERENCES wave_state (word),
	opened_wall INTEGER NOT NULL,
	opened_at INTEGER NOT NULL,
	met_at INTEGER NOT NULL,
	deadline_at INTEGER NOT NULL,
	paused_at INTEGER NOT NULL,
	ended_wall INTEGER NOT NULL,
	reason TEXT NOT NULL,
	approved_wall INTEGER NOT NULL,
	approved_by TEXT NOT NULL,
	approved_reason TEXT NOT NULL,
	PRIMARY KEY (campaign, number)
) STRICT, WITHOUT ROWID;

-- Before there were waves, all of a campaign was in one.
ALTER TABLE target ADD COLUMN wave INTEGER NOT NULL DEFAULT 0
	CHECK (wave >= 0);

-- Stop rules: the causes that a device counts for, and on which edge.
ALTER TABLE target ADD COLUMN rule_causes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE target ADD COLUMN rule_edge_causes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE target ADD COLUMN rule_provisional INTEGER NOT NULL DEFAULT 0;
ALTER TABLE target ADD COLUMN rule_edge INTEGER NOT NULL DEFAULT -1;
ALTER TABLE target ADD COLUMN rule_seq INTEGER NOT NULL DEFAULT 0;

-- Of the ids that the file names: a list must stay the same while it runs.
ALTER TABLE campaign ADD COLUMN targets_digest TEXT NOT NULL DEFAULT '';

-- Devices that the operator took out of all campaigns, kept when it is over.
CREATE TABLE exclusion (
	device INTEGER PRIMARY KEY,
	id TEXT NOT NULL,
	active INTEGER NOT NULL CHECK (active IN (0, 1)),
	since_wall INTEGER NOT NULL,
	until_wall INTEGER NOT NULL,
	who TEXT NOT NULL,
	reason TEXT NOT NULL
) STRICT;

-- What our own file server saw of an attempt's downloads.
ALTER TABLE attempt ADD COLUMN gets INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN file_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN fetching INTEGER NOT NULL DEFAULT 0
	CHECK (fetching IN (0, 1));
ALTER TABLE attempt ADD COLUMN fetched INTEGER NOT NULL DEFAULT 0
	CHECK (fetched IN (0, 1));
ALTER TABLE attempt ADD COLUMN file_fault INTEGER NOT NULL DEFAULT 0
	CHECK (file_fault IN (0, 1));

-- Devices that several claim to be, and since when nothing is sent to them.
ALTER TABLE device ADD COLUMN quarantined_wall INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN quarantine TEXT NOT NULL DEFAULT '';

-- What a device makes of commands, and how often it speaks.
ALTER TABLE device ADD COLUMN acked_wall INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN reads_unheard INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN starts_unheard INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN rhythm INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 2;
