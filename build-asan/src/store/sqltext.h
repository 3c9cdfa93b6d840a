/* Made by build-aux/sqlgen.awk from sql/; not to be edited. */
#ifndef TRACKUP_STORE_SQLTEXT_H
#define TRACKUP_STORE_SQLTEXT_H

enum stmt {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_ROLLBACK,
	STMT_COMMIT_NUMBER_GET,
	STMT_COMMIT_NUMBER_PUT,
	STMT_STAMP_PUT,
	STMT_STAMP_LOAD,
	STMT_FLAGS_PUT,
	STMT_FLAGS_LOAD,
	STMT_DEVICE_PUT,
	STMT_DEVICE_LOAD,
	STMT_CAMPAIGN_PUT,
	STMT_CAMPAIGN_LOAD,
	STMT_REVISION_PUT,
	STMT_TARGET_PUT,
	STMT_TARGET_LOAD,
	STMT_ATTEMPT_PUT,
	STMT_ATTEMPT_LOAD,
	STMT_TUPLE_PUT,
	STMT_TUPLE_LOAD,
	STMT_EVENT_PUT,
	STMT_AUDIT_PUT,
	STMT_TIMELINE,
	STMT_EVENT_RANGE,
	STMT_EVENT_OLD,
	STMT_EVENT_PRUNE,
	STMT_COUNT_
};

enum sql_once {
	ONCE_GET_USER_VERSION,
	ONCE_GET_PAGE_SIZE,
	ONCE_QUICK_CHECK_BEGIN,
	ONCE_QUICK_CHECK,
	ONCE_QUICK_CHECK_END,
	ONCE_MIGRATE_BEGIN,
	ONCE_MIGRATE_COMMIT,
	ONCE_MIGRATE_ROLLBACK,
	ONCE_COPY_SETTINGS,
	ONCE_COPY_SETTLE,
	ONCE_GET_COMMIT_NUMBER,
	ONCE_COUNT_
};

enum { SQL_MIGRATIONS = 2 };

#endif
#ifdef SQLTEXT_DATA
static const char *const sql_migration[] = {
	/* 1 */
	    "CREATE TABLE campaign_state (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;\n"
	    "INSERT INTO campaign_state VALUES ('draft'), ('scheduled'), ('running'),\n"
	    "	('paused'), ('aborting'), ('aborted'), ('finished');\n"
	    "CREATE TABLE pause_reason (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;\n"
	    "INSERT INTO pause_reason VALUES (''), ('operator'), ('gate'), ('rule'),\n"
	    "	('file_broken'), ('file_changed'), ('file_gone'), ('package_changed');\n"
	    "CREATE TABLE target_state (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;\n"
	    "INSERT INTO target_state VALUES ('waiting'), ('active'), ('backoff'),\n"
	    "	('succeeded'), ('failed'), ('cancelled'), ('skipped'), ('unverified');\n"
	    "CREATE TABLE hold (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;\n"
	    "INSERT INTO hold VALUES (''), ('approval'), ('schedule'), ('halted'),\n"
	    "	('paused'), ('draining'), ('store'), ('not_allowed'), ('quarantined'),\n"
	    "	('other_campaign'), ('foreign_update'), ('wave'), ('battery'),\n"
	    "	('power_off'), ('offline'), ('version_unknown'), ('timezone_unknown'),\n"
	    "	('window'), ('window_fit'), ('file_server'), ('dark_max'),\n"
	    "	('in_flight'), ('rate');\n"
	    "CREATE TABLE phase (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;\n"
	    "INSERT INTO phase VALUES (''), ('preflight'), ('intent'), ('sending'),\n"
	    "	('acked'), ('confirmed'), ('downloading'), ('downloaded'),\n"
	    "	('updating'), ('verifying'), ('resolving'), ('unsure'), ('overdue'),\n"
	    "	('cancelling'), ('deferred'), ('provisional'), ('ended');\n"
	    "CREATE TABLE reached (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;\n"
	    "INSERT INTO reached VALUES ('intent'), ('acked'), ('confirmed'),\n"
	    "	('downloading'), ('downloaded'), ('updating'), ('claimed');\n"
	    "CREATE TABLE result (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;\n"
	    "INSERT INTO result VALUES ('open'), ('succeeded'), ('failed'), ('deferred'),\n"
	    "	('cancelled'), ('unverified'), ('withdrawn'), ('dropped');\n"
	    "CREATE TABLE cause (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;\n"
	    "INSERT INTO cause VALUES (''), ('no_ack'), ('refused'), ('refused_power_off'),\n"
	    "	('bad_url'), ('foreign_cancel'), ('low_battery'),\n"
	    "	('low_battery_install'), ('download_failed'), ('update_failed'),\n"
	    "	('wrong_version'), ('silent'), ('timeout'), ('up_to_date'),\n"
	    "	('no_path'), ('downgrade'), ('excluded'), ('wrong_model'),\n"
	    "	('wrong_hardware'), ('operator'), ('expired'), ('ambiguous_102');\n"
	    "CREATE TABLE event_kind (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;\n"
	    "INSERT INTO event_kind VALUES ('sent'), ('ack'), ('report'), ('version'),\n"
	    "	('phase'), ('timer'), ('operator'), ('session');\n"
	    "CREATE TABLE stamp (\n"
	    "	id INTEGER PRIMARY KEY CHECK (id = 1),\n"
	    "	alive_ms INTEGER NOT NULL,\n"
	    "	wall INTEGER NOT NULL,\n"
	    "	seq INTEGER NOT NULL,\n"
	    "	boot INTEGER NOT NULL,\n"
	    "	boot_ms INTEGER NOT NULL,\n"
	    "	commit_number INTEGER NOT NULL\n"
	    ") STRICT;\n"
	    "INSERT INTO stamp VALUES (1, 0, 0, 0, 0, 0, 0);\n"
	    "CREATE TABLE flags (\n"
	    "	id INTEGER PRIMARY KEY CHECK (id = 1),\n"
	    "	halted INTEGER NOT NULL CHECK (halted IN (0, 1)),\n"
	    "	bucket_milli INTEGER NOT NULL,\n"
	    "	bucket_at INTEGER NOT NULL,\n"
	    "	next_campaign INTEGER NOT NULL,\n"
	    "	next_attempt INTEGER NOT NULL\n"
	    ") STRICT;\n"
	    "INSERT INTO flags VALUES (1, 0, 0, 0, 0, 0);\n"
	    "CREATE TABLE device (\n"
	    "	key INTEGER PRIMARY KEY,\n"
	    "	id TEXT NOT NULL,\n"
	    "	protover TEXT NOT NULL,\n"
	    "	name TEXT NOT NULL,\n"
	    "	device_type TEXT NOT NULL,\n"
	    "	hardware TEXT NOT NULL,\n"
	    "	mcu TEXT NOT NULL,\n"
	    "	version_wall INTEGER NOT NULL,\n"
	    "	last_seen_wall INTEGER NOT NULL,\n"
	    "	registered INTEGER NOT NULL CHECK (registered IN (0, 1)),\n"
	    "	serial_reserved INTEGER NOT NULL CHECK (serial_reserved >= 0),\n"
	    "	fence_seq INTEGER NOT NULL,\n"
	    "	fence_at INTEGER NOT NULL,\n"
	    "	fence_wall INTEGER NOT NULL,\n"
	    "	fence_version TEXT NOT NULL,\n"
	    "	stale_seq INTEGER NOT NULL,\n"
	    "	power_seq INTEGER NOT NULL,\n"
	    "	start_attempt INTEGER NOT NULL,\n"
	    "	start_serial INTEGER NOT NULL CHECK (start_serial BETWEEN 0 AND 65535),\n"
	    "	start_seq INTEGER NOT NULL,\n"
	    "	start_w_end_at INTEGER NOT NULL,\n"
	    "	start_w_over_seq INTEGER NOT NULL,\n"
	    "	start_ack_seq INTEGER NOT NULL,\n"
	    "	start_final_seq INTEGER NOT NULL,\n"
	    "	start_dropped_seq INTEGER NOT NULL,\n"
	    "	stop_seq INTEGER NOT NULL,\n"
	    "	stop_w_end_at INTEGER NOT NULL,\n"
	    "	stop_udp INTEGER NOT NULL CHECK (stop_udp IN (0, 1)),\n"
	    "	foreign_until_at INTEGER NOT NULL,\n"
	    "	foreign_seq INTEGER NOT NULL\n"
	    ") STRICT;\n"
	    "CREATE TABLE campaign (\n"
	    "	id INTEGER PRIMARY KEY,\n"
	    "	name TEXT NOT NULL UNIQUE,\n"
	    "	digest TEXT NOT NULL,\n"
	    "	revision INTEGER NOT NULL,\n"
	    "	state TEXT NOT NULL REFERENCES campaign_state (word),\n"
	    "	reason TEXT NOT NULL REFERENCES pause_reason (word),\n"
	    "	reason_text TEXT NOT NULL,\n"
	    "	created_wall INTEGER NOT NULL,\n"
	    "	started_wall INTEGER NOT NULL,\n"
	    "	finished_wall INTEGER NOT NULL,\n"
	    "	bucket_milli INTEGER NOT NULL,\n"
	    "	bucket_at INTEGER NOT NULL,\n"
	    "	rules_since_seq INTEGER NOT NULL\n"
	    ") STRICT;\n"
	    "CREATE TABLE revision (\n"
	    "	campaign INTEGER NOT NULL REFERENCES campaign (id),\n"
	    "	revision INTEGER NOT NULL,\n"
	    "	wall INTEGER NOT NULL,\n"
	    "	digest TEXT NOT NULL,\n"
	    "	text TEXT NOT NULL,\n"
	    "	PRIMARY KEY (campaign, revision)\n"
	    ") STRICT;\n"
	    "CREATE TABLE target (\n"
	    "	campaign INTEGER NOT NULL REFERENCES campaign (id),\n"
	    "	device INTEGER NOT NULL,\n"
	    "	ordinal INTEGER NOT NULL CHECK (ordinal >= 0),\n"
	    "	state TEXT NOT NULL REFERENCES target_state (word),\n"
	    "	cause TEXT NOT NULL REFERENCES cause (word),\n"
	    "	wait_hold TEXT NOT NULL REFERENCES hold (word),\n"
	    "	attempts INTEGER NOT NULL,\n"
	    "	attempts_total INTEGER NOT NULL,\n"
	    "	deferrals INTEGER NOT NULL,\n"
	    "	deferrals_303 INTEGER NOT NULL,\n"
	    "	resends INTEGER NOT NULL,\n"
	    "	withdrawn INTEGER NOT NULL,\n"
	    "	update_failed INTEGER NOT NULL,\n"
	    "	retry_wall INTEGER NOT NULL,\n"
	    "	ended_seq INTEGER NOT NULL,\n"
	    "	PRIMARY KEY (campaign, device)\n"
	    ") STRICT, WITHOUT ROWID;\n"
	    "CREATE TABLE attempt (\n"
	    "	id INTEGER PRIMARY KEY,\n"
	    "	campaign INTEGER NOT NULL,\n"
	    "	device INTEGER NOT NULL,\n"
	    "	number INTEGER NOT NULL,\n"
	    "	serial INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 65535),\n"
	    "	from_version TEXT NOT NULL,\n"
	    "	to_version TEXT NOT NULL,\n"
	    "	url TEXT NOT NULL,\n"
	    "	command TEXT NOT NULL,\n"
	    "	phase TEXT NOT NULL REFERENCES phase (word),\n"
	    "	reached TEXT NOT NULL REFERENCES reached (word),\n"
	    "	result TEXT NOT NULL REFERENCES result (word),\n"
	    "	cause TEXT NOT NULL REFERENCES cause (word),\n"
	    "	holds_udp INTEGER NOT NULL CHECK (holds_udp IN (0, 1)),\n"
	    "	uncharged INTEGER NOT NULL CHECK (uncharged IN (0, 1)),\n"
	    "	foreign_ack INTEGER NOT NULL CHECK (foreign_ack IN (0, 1)),\n"
	    "	earlier_start INTEGER NOT NULL CHECK (earlier_start IN (0, 1)),\n"
	    "	claimed_buffered INTEGER NOT NULL CHECK (claimed_buffered IN (0, 1)),\n"
	    "	code INTEGER NOT NULL,\n"
	    "	times INTEGER NOT NULL,\n"
	    "	held_code INTEGER NOT NULL,\n"
	    "	tries_total INTEGER NOT NULL,\n"
	    "	started_mask INTEGER NOT NULL,\n"
	    "	mode_over_acks INTEGER NOT NULL,\n"
	    "	reads_unanswered INTEGER NOT NULL,\n"
	    "	cancel_wanted INTEGER NOT NULL CHECK (cancel_wanted IN (0, 1)),\n"
	    "	cancel_cause TEXT NOT NULL REFERENCES cause (word),\n"
	    "	stops_sent INTEGER NOT NULL,\n"
	    "	stop_acked INTEGER NOT NULL CHECK (stop_acked IN (0, 1)),\n"
	    "	stop_serial_1 INTEGER NOT NULL CHECK (stop_serial_1 BETWEEN 0 AND 65535),\n"
	    "	stop_serial_2 INTEGER NOT NULL CHECK (stop_serial_2 BETWEEN 0 AND 65535),\n"
	    "	stop_at INTEGER NOT NULL,\n"
	    "	intent_wall INTEGER NOT NULL,\n"
	    "	ended_wall INTEGER NOT NULL,\n"
	    "	intent_seq INTEGER NOT NULL,\n"
	    "	written_seq INTEGER NOT NULL,\n"
	    "	ack_seq INTEGER NOT NULL,\n"
	    "	code_seq INTEGER NOT NULL,\n"
	    "	w_over_seq INTEGER NOT NULL,\n"
	    "	written_at INTEGER NOT NULL,\n"
	    "	code_at INTEGER NOT NULL,\n"
	    "	w_end_at INTEGER NOT NULL,\n"
	    "	w_ms INTEGER NOT NULL,\n"
	    "	deadline_at INTEGER NOT NULL,\n"
	    "	given_back_ms INTEGER NOT NULL,\n"
	    "	dark INTEGER NOT NULL CHECK (dark IN (0, 1)),\n"
	    "	FOREIGN KEY (campaign, device) REFERENCES target (campaign, device)\n"
	    ") STRICT;\n"
	    "CREATE UNIQUE INDEX attempt_claim ON attempt (device)\n"
	    "	WHERE phase NOT IN ('ended', 'deferred');\n"
	    "CREATE INDEX attempt_live ON attempt (id) WHERE phase <> 'ended';\n"
	    "CREATE TABLE tuple (\n"
	    "	device INTEGER NOT NULL,\n"
	    "	slot INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 31),\n"
	    "	hash INTEGER NOT NULL,\n"
	    "	PRIMARY KEY (device, slot)\n"
	    ") STRICT, WITHOUT ROWID;\n"
	    "CREATE TABLE event (\n"
	    "	id INTEGER PRIMARY KEY,\n"
	    "	wall INTEGER NOT NULL,\n"
	    "	device INTEGER NOT NULL,\n"
	    "	campaign INTEGER NOT NULL,\n"
	    "	attempt INTEGER NOT NULL,\n"
	    "	kind TEXT NOT NULL REFERENCES event_kind (word),\n"
	    "	phase TEXT NOT NULL REFERENCES phase (word),\n"
	    "	code INTEGER NOT NULL,\n"
	    "	serial INTEGER NOT NULL,\n"
	    "	text TEXT NOT NULL\n"
	    ") STRICT;\n"
	    "CREATE INDEX event_device ON event (device) WHERE device <> 0;\n"
	    "CREATE TRIGGER event_append_only BEFORE UPDATE ON event\n"
	    "BEGIN\n"
	    "	SELECT RAISE(ABORT, 'events are never changed');\n"
	    "END;\n"
	    "CREATE TABLE audit (\n"
	    "	id INTEGER PRIMARY KEY,\n"
	    "	wall INTEGER NOT NULL,\n"
	    "	who TEXT NOT NULL,\n"
	    "	action TEXT NOT NULL,\n"
	    "	object TEXT NOT NULL,\n"
	    "	reason TEXT NOT NULL\n"
	    ") STRICT;\n"
	    "CREATE TRIGGER audit_append_only BEFORE UPDATE ON audit\n"
	    "BEGIN\n"
	    "	SELECT RAISE(ABORT, 'the audit log is never changed');\n"
	    "END;\n"
	    "CREATE TRIGGER revision_append_only BEFORE UPDATE ON revision\n"
	    "BEGIN\n"
	    "	SELECT RAISE(ABORT, 'revisions are never changed');\n"
	    "END;\n"
	    "PRAGMA user_version = 1;\n"
	    ,
	/* 2 */
	    "ALTER TABLE target ADD COLUMN hops INTEGER NOT NULL DEFAULT 0;\n"
	    "ALTER TABLE target ADD COLUMN via INTEGER NOT NULL DEFAULT 0;\n"
	    "ALTER TABLE target ADD COLUMN edge INTEGER NOT NULL DEFAULT 0;\n"
	    "ALTER TABLE target ADD COLUMN last_attempt INTEGER NOT NULL DEFAULT 0;\n"
	    "PRAGMA user_version = 2;\n"
	    ,
};

static const struct {
	const char *name, *text;
} sql_stmt[] = {
	{"begin",
	    "BEGIN IMMEDIATE;\n"
	},
	{"commit",
	    "COMMIT;\n"
	},
	{"rollback",
	    "ROLLBACK;\n"
	},
	{"commit_number_get",
	    "SELECT commit_number FROM stamp WHERE id = 1;\n"
	},
	{"commit_number_put",
	    "UPDATE stamp SET commit_number = :number WHERE id = 1;\n"
	},
	{"stamp_put",
	    "UPDATE stamp SET (alive_ms, wall, seq, boot, boot_ms) = (:alive_ms, :wall, :seq, :boot, :boot_ms) WHERE id = 1;\n"
	},
	{"stamp_load",
	    "SELECT alive_ms, wall, seq, boot, boot_ms FROM stamp WHERE id = 1;\n"
	},
	{"flags_put",
	    "UPDATE flags SET (halted, bucket_milli, bucket_at, next_campaign, next_attempt) = (:halted, :bucket_milli, :bucket_at, :next_campaign, :next_attempt) WHERE id = 1;\n"
	},
	{"flags_load",
	    "SELECT halted, bucket_milli, bucket_at, next_campaign, next_attempt FROM flags WHERE id = 1;\n"
	},
	{"device_put",
	    "INSERT INTO device (key, id, protover, name, device_type, hardware, mcu, version_wall, last_seen_wall, registered, serial_reserved, fence_seq, fence_at, fence_wall, fence_version, stale_seq, power_seq, start_attempt, start_serial, start_seq, start_w_end_at, start_w_over_seq, start_ack_seq, start_final_seq, start_dropped_seq, stop_seq, stop_w_end_at, stop_udp, foreign_until_at, foreign_seq) VALUES (:key, :id, :protover, :name, :device_type, :hardware, :mcu, :version_wall, :last_seen_wall, :registered, :serial_reserved, :fence_seq, :fence_at, :fence_wall, :fence_version, :stale_seq, :power_seq, :start_attempt, :start_serial, :start_seq, :start_w_end_at, :start_w_over_seq, :start_ack_seq, :start_final_seq, :start_dropped_seq, :stop_seq, :stop_w_end_at, :stop_udp, :foreign_until_at, :foreign_seq)\n"
	    "	ON CONFLICT (key) DO UPDATE SET id = excluded.id, protover = excluded.protover, name = excluded.name, device_type = excluded.device_type, hardware = excluded.hardware, mcu = excluded.mcu, version_wall = excluded.version_wall, last_seen_wall = excluded.last_seen_wall, registered = excluded.registered, serial_reserved = excluded.serial_reserved, fence_seq = excluded.fence_seq, fence_at = excluded.fence_at, fence_wall = excluded.fence_wall, fence_version = excluded.fence_version, stale_seq = excluded.stale_seq, power_seq = excluded.power_seq, start_attempt = excluded.start_attempt, start_serial = excluded.start_serial, start_seq = excluded.start_seq, start_w_end_at = excluded.start_w_end_at, start_w_over_seq = excluded.start_w_over_seq, start_ack_seq = excluded.start_ack_seq, start_final_seq = excluded.start_final_seq, start_dropped_seq = excluded.start_dropped_seq, stop_seq = excluded.stop_seq, stop_w_end_at = excluded.stop_w_end_at, stop_udp = excluded.stop_udp, foreign_until_at = excluded.foreign_until_at, foreign_seq = excluded.foreign_seq;\n"
	},
	{"device_load",
	    "SELECT key, id, protover, name, device_type, hardware, mcu, version_wall, last_seen_wall, registered, serial_reserved, fence_seq, fence_at, fence_wall, fence_version, stale_seq, power_seq, start_attempt, start_serial, start_seq, start_w_end_at, start_w_over_seq, start_ack_seq, start_final_seq, start_dropped_seq, stop_seq, stop_w_end_at, stop_udp, foreign_until_at, foreign_seq FROM device ORDER BY key;\n"
	},
	{"campaign_put",
	    "INSERT INTO campaign (id, name, digest, revision, state, reason, reason_text, created_wall, started_wall, finished_wall, bucket_milli, bucket_at, rules_since_seq) VALUES (:id, :name, :digest, :revision, :state, :reason, :reason_text, :created_wall, :started_wall, :finished_wall, :bucket_milli, :bucket_at, :rules_since_seq)\n"
	    "	ON CONFLICT (id) DO UPDATE SET name = excluded.name, digest = excluded.digest, revision = excluded.revision, state = excluded.state, reason = excluded.reason, reason_text = excluded.reason_text, created_wall = excluded.created_wall, started_wall = excluded.started_wall, finished_wall = excluded.finished_wall, bucket_milli = excluded.bucket_milli, bucket_at = excluded.bucket_at, rules_since_seq = excluded.rules_since_seq;\n"
	},
	{"campaign_load",
	    "SELECT c.id AS id, c.name AS name, c.digest AS digest, c.revision AS revision, c.state AS state, c.reason AS reason, c.reason_text AS reason_text, c.created_wall AS created_wall, c.started_wall AS started_wall, c.finished_wall AS finished_wall, c.bucket_milli AS bucket_milli, c.bucket_at AS bucket_at, c.rules_since_seq AS rules_since_seq, (SELECT r.text FROM revision r\n"
	    "	WHERE r.campaign = c.id ORDER BY r.revision DESC LIMIT 1) AS file_text\n"
	    "	FROM campaign c ORDER BY c.id;\n"
	},
	{"revision_put",
	    "INSERT INTO revision (campaign, revision, wall, digest, text) VALUES (:campaign, :revision, :wall, :digest, :text);\n"
	},
	{"target_put",
	    "INSERT INTO target (campaign, device, ordinal, state, cause, wait_hold, attempts, attempts_total, deferrals, deferrals_303, resends, withdrawn, update_failed, retry_wall, ended_seq, hops, via, edge, last_attempt) VALUES (:campaign, :device, :ordinal, :state, :cause, :wait_hold, :attempts, :attempts_total, :deferrals, :deferrals_303, :resends, :withdrawn, :update_failed, :retry_wall, :ended_seq, :hops, :via, :edge, :last_attempt)\n"
	    "	ON CONFLICT (campaign, device) DO UPDATE SET ordinal = excluded.ordinal, state = excluded.state, cause = excluded.cause, wait_hold = excluded.wait_hold, attempts = excluded.attempts, attempts_total = excluded.attempts_total, deferrals = excluded.deferrals, deferrals_303 = excluded.deferrals_303, resends = excluded.resends, withdrawn = excluded.withdrawn, update_failed = excluded.update_failed, retry_wall = excluded.retry_wall, ended_seq = excluded.ended_seq, hops = excluded.hops, via = excluded.via, edge = excluded.edge, last_attempt = excluded.last_attempt;\n"
	},
	{"target_load",
	    "SELECT campaign, device, ordinal, state, cause, wait_hold, attempts, attempts_total, deferrals, deferrals_303, resends, withdrawn, update_failed, retry_wall, ended_seq, hops, via, edge, last_attempt FROM target ORDER BY campaign, device;\n"
	},
	{"attempt_put",
	    "INSERT INTO attempt (id, campaign, device, number, serial, from_version, to_version, url, command, phase, reached, result, cause, holds_udp, uncharged, foreign_ack, earlier_start, claimed_buffered, code, times, held_code, tries_total, started_mask, mode_over_acks, reads_unanswered, cancel_wanted, cancel_cause, stops_sent, stop_acked, stop_serial_1, stop_serial_2, stop_at, intent_wall, ended_wall, intent_seq, written_seq, ack_seq, code_seq, w_over_seq, written_at, code_at, w_end_at, w_ms, deadline_at, given_back_ms, dark) VALUES (:id, :campaign, :device, :number, :serial, :from_version, :to_version, :url, :command, :phase, :reached, :result, :cause, :holds_udp, :uncharged, :foreign_ack, :earlier_start, :claimed_buffered, :code, :times, :held_code, :tries_total, :started_mask, :mode_over_acks, :reads_unanswered, :cancel_wanted, :cancel_cause, :stops_sent, :stop_acked, :stop_serial_1, :stop_serial_2, :stop_at, :intent_wall, :ended_wall, :intent_seq, :written_seq, :ack_seq, :code_seq, :w_over_seq, :written_at, :code_at, :w_end_at, :w_ms, :deadline_at, :given_back_ms, :dark)\n"
	    "	ON CONFLICT (id) DO UPDATE SET campaign = excluded.campaign, device = excluded.device, number = excluded.number, serial = excluded.serial, from_version = excluded.from_version, to_version = excluded.to_version, url = excluded.url, command = excluded.command, phase = excluded.phase, reached = excluded.reached, result = excluded.result, cause = excluded.cause, holds_udp = excluded.holds_udp, uncharged = excluded.uncharged, foreign_ack = excluded.foreign_ack, earlier_start = excluded.earlier_start, claimed_buffered = excluded.claimed_buffered, code = excluded.code, times = excluded.times, held_code = excluded.held_code, tries_total = excluded.tries_total, started_mask = excluded.started_mask, mode_over_acks = excluded.mode_over_acks, reads_unanswered = excluded.reads_unanswered, cancel_wanted = excluded.cancel_wanted, cancel_cause = excluded.cancel_cause, stops_sent = excluded.stops_sent, stop_acked = excluded.stop_acked, stop_serial_1 = excluded.stop_serial_1, stop_serial_2 = excluded.stop_serial_2, stop_at = excluded.stop_at, intent_wall = excluded.intent_wall, ended_wall = excluded.ended_wall, intent_seq = excluded.intent_seq, written_seq = excluded.written_seq, ack_seq = excluded.ack_seq, code_seq = excluded.code_seq, w_over_seq = excluded.w_over_seq, written_at = excluded.written_at, code_at = excluded.code_at, w_end_at = excluded.w_end_at, w_ms = excluded.w_ms, deadline_at = excluded.deadline_at, given_back_ms = excluded.given_back_ms, dark = excluded.dark;\n"
	},
	{"attempt_load",
	    "SELECT id, campaign, device, number, serial, from_version, to_version, url, command, phase, reached, result, cause, holds_udp, uncharged, foreign_ack, earlier_start, claimed_buffered, code, times, held_code, tries_total, started_mask, mode_over_acks, reads_unanswered, cancel_wanted, cancel_cause, stops_sent, stop_acked, stop_serial_1, stop_serial_2, stop_at, intent_wall, ended_wall, intent_seq, written_seq, ack_seq, code_seq, w_over_seq, written_at, code_at, w_end_at, w_ms, deadline_at, given_back_ms, dark FROM attempt WHERE phase <> 'ended' ORDER BY id;\n"
	},
	{"tuple_put",
	    "INSERT INTO tuple (device, slot, hash) VALUES (:device, :slot, :hash)\n"
	    "	ON CONFLICT (device, slot) DO UPDATE SET hash = excluded.hash;\n"
	},
	{"tuple_load",
	    "SELECT device, slot, hash FROM tuple ORDER BY device, slot;\n"
	},
	{"event_put",
	    "INSERT INTO event (wall, device, campaign, attempt, kind, phase, code, serial, text) VALUES (:wall, :device, :campaign, :attempt, :kind, :phase, :code, :serial, :text);\n"
	},
	{"audit_put",
	    "INSERT INTO audit (wall, who, action, object, reason) VALUES (:wall, :who, :action, :object, :reason);\n"
	},
	{"timeline",
	    "SELECT e.wall AS wall, e.device AS device, e.campaign AS campaign, e.attempt AS attempt, e.kind AS kind, e.phase AS phase, e.code AS code, e.serial AS serial, e.text AS text, e.id AS row_id, coalesce(c.name, '') AS campaign_name\n"
	    "	FROM event e LEFT JOIN campaign c ON c.id = e.campaign\n"
	    "	WHERE e.device = :device AND e.device <> 0 AND e.id > :after\n"
	    "	ORDER BY e.id LIMIT :limit;\n"
	},
	{"event_range",
	    "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM event;\n"
	},
	{"event_old",
	    "SELECT EXISTS (SELECT 1 FROM event\n"
	    "	WHERE id > :after AND id <= :through AND wall < :before);\n"
	},
	{"event_prune",
	    "DELETE FROM event WHERE id > :after AND id <= :through AND wall < :before\n"
	    "	AND NOT EXISTS (SELECT 1 FROM campaign c WHERE c.id = event.campaign\n"
	    "		AND c.state NOT IN ('finished', 'aborted'));\n"
	},
};

static const char *const sql_once[] = {
	/* get_user_version */
	    "PRAGMA user_version;\n"
	    ,
	/* get_page_size */
	    "PRAGMA page_size;\n"
	    ,
	/* quick_check_begin */
	    "PRAGMA ignore_check_constraints = ON;\n"
	    ,
	/* quick_check */
	    "PRAGMA quick_check(1);\n"
	    ,
	/* quick_check_end */
	    "PRAGMA ignore_check_constraints = OFF;\n"
	    ,
	/* migrate_begin */
	    "BEGIN IMMEDIATE;\n"
	    ,
	/* migrate_commit */
	    "COMMIT;\n"
	    ,
	/* migrate_rollback */
	    "ROLLBACK;\n"
	    ,
	/* copy_settings */
	    "PRAGMA locking_mode = EXCLUSIVE;\n"
	    "PRAGMA journal_mode = OFF;\n"
	    "PRAGMA synchronous = OFF;\n"
	    "PRAGMA temp_store = MEMORY;\n"
	    ,
	/* copy_settle */
	    "PRAGMA journal_mode = DELETE;\n"
	    ,
	/* get_commit_number */
	    "SELECT commit_number FROM stamp WHERE id = 1;\n"
	    ,
};

static const struct {
	const char *name, *set, *get, *value, *when;
} sql_setting[] = {
	{"locking_mode",
	    "PRAGMA locking_mode = EXCLUSIVE;\n"
	    , "PRAGMA locking_mode", "exclusive", ""},
	{"synchronous",
	    "PRAGMA synchronous = EXTRA;\n"
	    , "PRAGMA synchronous", "3", ""},
	{"foreign_keys",
	    "PRAGMA foreign_keys = ON;\n"
	    , "PRAGMA foreign_keys", "1", ""},
	{"trusted_schema",
	    "PRAGMA trusted_schema = OFF;\n"
	    , "PRAGMA trusted_schema", "0", ""},
	{"ignore_check_constraints",
	    "PRAGMA ignore_check_constraints = OFF;\n"
	    , "PRAGMA ignore_check_constraints", "0", ""},
	{"cell_size_check",
	    "PRAGMA cell_size_check = ON;\n"
	    , "PRAGMA cell_size_check", "1", ""},
	{"busy_timeout",
	    "PRAGMA busy_timeout = 0;\n"
	    , "PRAGMA busy_timeout", "0", ""},
	{"wal_autocheckpoint",
	    "PRAGMA wal_autocheckpoint = 0;\n"
	    , "PRAGMA wal_autocheckpoint", "0", ""},
	{"temp_store",
	    "PRAGMA temp_store = MEMORY;\n"
	    , "PRAGMA temp_store", "2", ""},
	{"cache_size",
	    "PRAGMA cache_size = -32768;\n"
	    , "PRAGMA cache_size", "-32768", ""},
	{"application_id",
	    "PRAGMA application_id = 1414679381;\n"
	    , "PRAGMA application_id", "1414679381", "new"},
	{"journal_mode",
	    "PRAGMA journal_mode = WAL;\n"
	    , "PRAGMA journal_mode", "wal", "last"},
};
#endif
