-- 001: the first schema.
--
-- Names of columns are the names of the fields in src/core/record.h, where
-- their meaning stands; states are kept as the words of core/words.h. Device
-- keys, sequence numbers and hashes use all 64 bits and so may look negative.

-- The words of core/words.h, a table for each enum. A CHECK would list them
-- too, but costs more at every write and cannot be altered: a new word is one
-- row in a migration.
CREATE TABLE campaign_state (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO campaign_state VALUES ('draft'), ('scheduled'), ('running'),
	('paused'), ('aborting'), ('aborted'), ('finished');

CREATE TABLE pause_reason (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO pause_reason VALUES (''), ('operator'), ('gate'), ('rule'),
	('file_broken'), ('file_changed'), ('file_gone'), ('package_changed');

CREATE TABLE target_state (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO target_state VALUES ('waiting'), ('active'), ('backoff'),
	('succeeded'), ('failed'), ('cancelled'), ('skipped'), ('unverified');

CREATE TABLE hold (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO hold VALUES (''), ('approval'), ('schedule'), ('halted'),
	('paused'), ('draining'), ('store'), ('not_allowed'), ('quarantined'),
	('other_campaign'), ('foreign_update'), ('wave'), ('battery'),
	('power_off'), ('offline'), ('version_unknown'), ('timezone_unknown'),
	('window'), ('window_fit'), ('file_server'), ('dark_max'),
	('in_flight'), ('rate');

CREATE TABLE phase (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO phase VALUES (''), ('preflight'), ('intent'), ('sending'),
	('acked'), ('confirmed'), ('downloading'), ('downloaded'),
	('updating'), ('verifying'), ('resolving'), ('unsure'), ('overdue'),
	('cancelling'), ('deferred'), ('provisional'), ('ended');

CREATE TABLE reached (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO reached VALUES ('intent'), ('acked'), ('confirmed'),
	('downloading'), ('downloaded'), ('updating'), ('claimed');

CREATE TABLE result (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO result VALUES ('open'), ('succeeded'), ('failed'), ('deferred'),
	('cancelled'), ('unverified'), ('withdrawn'), ('dropped');

CREATE TABLE cause (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO cause VALUES (''), ('no_ack'), ('refused'), ('refused_power_off'),
	('bad_url'), ('foreign_cancel'), ('low_battery'),
	('low_battery_install'), ('download_failed'), ('update_failed'),
	('wrong_version'), ('silent'), ('timeout'), ('up_to_date'),
	('no_path'), ('downgrade'), ('excluded'), ('wrong_model'),
	('wrong_hardware'), ('operator'), ('expired'), ('ambiguous_102');

CREATE TABLE event_kind (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO event_kind VALUES ('sent'), ('ack'), ('report'), ('version'),
	('phase'), ('timer'), ('operator'), ('session');

-- One row: the liveness stamp, and the number of the last group of changes.
-- The number is written with each group, so that after an I/O error the
-- writer can tell whether the group had been committed.
CREATE TABLE stamp (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	alive_ms INTEGER NOT NULL,
	wall INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	boot INTEGER NOT NULL,
	boot_ms INTEGER NOT NULL,
	commit_number INTEGER NOT NULL
) STRICT;
INSERT INTO stamp VALUES (1, 0, 0, 0, 0, 0, 0);

-- One row: what holds for the daemon as a whole.
CREATE TABLE flags (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	halted INTEGER NOT NULL CHECK (halted IN (0, 1)),
	bucket_milli INTEGER NOT NULL,
	bucket_at INTEGER NOT NULL,
	next_campaign INTEGER NOT NULL,
	next_attempt INTEGER NOT NULL
) STRICT;
INSERT INTO flags VALUES (1, 0, 0, 0, 0, 0);

CREATE TABLE device (
	key INTEGER PRIMARY KEY,
	id TEXT NOT NULL,
	protover TEXT NOT NULL,
	name TEXT NOT NULL,
	device_type TEXT NOT NULL,
	hardware TEXT NOT NULL,
	mcu TEXT NOT NULL,
	version_wall INTEGER NOT NULL,
	last_seen_wall INTEGER NOT NULL,
	registered INTEGER NOT NULL CHECK (registered IN (0, 1)),
	serial_reserved INTEGER NOT NULL CHECK (serial_reserved >= 0),
	fence_seq INTEGER NOT NULL,
	fence_at INTEGER NOT NULL,
	fence_wall INTEGER NOT NULL,
	fence_version TEXT NOT NULL,
	stale_seq INTEGER NOT NULL,
	power_seq INTEGER NOT NULL,
	start_attempt INTEGER NOT NULL,
	start_serial INTEGER NOT NULL CHECK (start_serial BETWEEN 0 AND 65535),
	start_seq INTEGER NOT NULL,
	start_w_end_at INTEGER NOT NULL,
	start_w_over_seq INTEGER NOT NULL,
	start_ack_seq INTEGER NOT NULL,
	start_final_seq INTEGER NOT NULL,
	start_dropped_seq INTEGER NOT NULL,
	stop_seq INTEGER NOT NULL,
	stop_w_end_at INTEGER NOT NULL,
	stop_udp INTEGER NOT NULL CHECK (stop_udp IN (0, 1)),
	foreign_until_at INTEGER NOT NULL,
	foreign_seq INTEGER NOT NULL
) STRICT;

CREATE TABLE campaign (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	digest TEXT NOT NULL,
	revision INTEGER NOT NULL,
	state TEXT NOT NULL REFERENCES campaign_state (word),
	reason TEXT NOT NULL REFERENCES pause_reason (word),
	reason_text TEXT NOT NULL,
	created_wall INTEGER NOT NULL,
	started_wall INTEGER NOT NULL,
	finished_wall INTEGER NOT NULL,
	bucket_milli INTEGER NOT NULL,
	bucket_at INTEGER NOT NULL,
	rules_since_seq INTEGER NOT NULL
) STRICT;

-- Each accepted text of a campaign's file, for ever.
CREATE TABLE revision (
	campaign INTEGER NOT NULL REFERENCES campaign (id),
	revision INTEGER NOT NULL,
	wall INTEGER NOT NULL,
	digest TEXT NOT NULL,
	text TEXT NOT NULL,
	PRIMARY KEY (campaign, revision)
) STRICT;

CREATE TABLE target (
	campaign INTEGER NOT NULL REFERENCES campaign (id),
	device INTEGER NOT NULL,
	ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
	state TEXT NOT NULL REFERENCES target_state (word),
	cause TEXT NOT NULL REFERENCES cause (word),
	wait_hold TEXT NOT NULL REFERENCES hold (word),
	attempts INTEGER NOT NULL,
	attempts_total INTEGER NOT NULL,
	deferrals INTEGER NOT NULL,
	deferrals_303 INTEGER NOT NULL,
	resends INTEGER NOT NULL,
	withdrawn INTEGER NOT NULL,
	update_failed INTEGER NOT NULL,
	retry_wall INTEGER NOT NULL,
	ended_seq INTEGER NOT NULL,
	PRIMARY KEY (campaign, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt (
	id INTEGER PRIMARY KEY,
	campaign INTEGER NOT NULL,
	device INTEGER NOT NULL,
	number INTEGER NOT NULL,
	serial INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 65535),
	from_version TEXT NOT NULL,
	to_version TEXT NOT NULL,
	url TEXT NOT NULL,
	command TEXT NOT NULL,
	phase TEXT NOT NULL REFERENCES phase (word),
	reached TEXT NOT NULL REFERENCES reached (word),
	result TEXT NOT NULL REFERENCES result (word),
	cause TEXT NOT NULL REFERENCES cause (word),
	holds_udp INTEGER NOT NULL CHECK (holds_udp IN (0, 1)),
	uncharged INTEGER NOT NULL CHECK (uncharged IN (0, 1)),
	foreign_ack INTEGER NOT NULL CHECK (foreign_ack IN (0, 1)),
	earlier_start INTEGER NOT NULL CHECK (earlier_start IN (0, 1)),
	claimed_buffered INTEGER NOT NULL CHECK (claimed_buffered IN (0, 1)),
	code INTEGER NOT NULL,
	times INTEGER NOT NULL,
	held_code INTEGER NOT NULL,
	tries_total INTEGER NOT NULL,
	started_mask INTEGER NOT NULL,
	mode_over_acks INTEGER NOT NULL,
	reads_unanswered INTEGER NOT NULL,
	cancel_wanted INTEGER NOT NULL CHECK (cancel_wanted IN (0, 1)),
	cancel_cause TEXT NOT NULL REFERENCES cause (word),
	stops_sent INTEGER NOT NULL,
	stop_acked INTEGER NOT NULL CHECK (stop_acked IN (0, 1)),
	stop_serial_1 INTEGER NOT NULL CHECK (stop_serial_1 BETWEEN 0 AND 65535),
	stop_serial_2 INTEGER NOT NULL CHECK (stop_serial_2 BETWEEN 0 AND 65535),
	stop_at INTEGER NOT NULL,
	intent_wall INTEGER NOT NULL,
	ended_wall INTEGER NOT NULL,
	intent_seq INTEGER NOT NULL,
	written_seq INTEGER NOT NULL,
	ack_seq INTEGER NOT NULL,
	code_seq INTEGER NOT NULL,
	w_over_seq INTEGER NOT NULL,
	written_at INTEGER NOT NULL,
	code_at INTEGER NOT NULL,
	w_end_at INTEGER NOT NULL,
	w_ms INTEGER NOT NULL,
	deadline_at INTEGER NOT NULL,
	given_back_ms INTEGER NOT NULL,
	dark INTEGER NOT NULL CHECK (dark IN (0, 1)),
	FOREIGN KEY (campaign, device) REFERENCES target (campaign, device)
) STRICT;

-- At most one claim on a device over all campaigns. A provisional attempt has
-- a result and claims all the same, so the phase alone decides.
CREATE UNIQUE INDEX attempt_claim ON attempt (device)
	WHERE phase NOT IN ('ended', 'deferred');

-- What is loaded at start, without a walk over the history.
CREATE INDEX attempt_live ON attempt (id) WHERE phase <> 'ended';

CREATE TABLE tuple (
	device INTEGER NOT NULL,
	slot INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 31),
	hash INTEGER NOT NULL,
	PRIMARY KEY (device, slot)
) STRICT, WITHOUT ROWID;

-- The timeline. Rows are appended and, by retention, removed; never changed.
CREATE TABLE event (
	id INTEGER PRIMARY KEY,
	wall INTEGER NOT NULL,
	device INTEGER NOT NULL,
	campaign INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	kind TEXT NOT NULL REFERENCES event_kind (word),
	phase TEXT NOT NULL REFERENCES phase (word),
	code INTEGER NOT NULL,
	serial INTEGER NOT NULL,
	text TEXT NOT NULL
) STRICT;

-- The rowid stands behind the device in each entry: (device, id).
CREATE INDEX event_device ON event (device) WHERE device <> 0;

CREATE TRIGGER event_append_only BEFORE UPDATE ON event
BEGIN
	SELECT RAISE(ABORT, 'events are never changed');
END;

CREATE TABLE audit (
	id INTEGER PRIMARY KEY,
	wall INTEGER NOT NULL,
	who TEXT NOT NULL,
	action TEXT NOT NULL,
	object TEXT NOT NULL,
	reason TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_append_only BEFORE UPDATE ON audit
BEGIN
	SELECT RAISE(ABORT, 'the audit log is never changed');
END;

CREATE TRIGGER revision_append_only BEFORE UPDATE ON revision
BEGIN
	SELECT RAISE(ABORT, 'revisions are never changed');
END;

PRAGMA user_version = 1;
