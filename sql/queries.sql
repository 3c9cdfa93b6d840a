-- Every statement that the store runs, and the pragmas it lives by.
-- build-aux/sqlgen.awk tells the notation. A new column goes into a migration,
-- into its list here and into src/store/rows.c; store_open() compares the two
-- and tests/store/columns.sh holds both against src/core/record.h.

-- columns: device *key id protover name device_type hardware mcu version_wall
--   last_seen_wall registered serial_reserved fence_seq fence_at fence_wall
--   fence_version stale_seq power_seq start_attempt start_serial start_seq
--   start_w_end_at start_w_over_seq start_ack_seq start_final_seq start_dropped_seq stop_seq
--   stop_w_end_at stop_udp foreign_until_at foreign_seq quarantined_wall
--   quarantine acked_wall reads_unheard starts_unheard rhythm

-- columns: campaign *id name digest targets_digest revision state reason reason_text
--   created_wall started_wall finished_wall bucket_milli bucket_at
--   rules_since_seq expired_wall

-- columns: revision *campaign *revision wall digest text

-- columns: package *campaign *number name bytes sha256

-- columns: target *campaign *device ordinal state cause wait_hold attempts
--   attempts_total deferrals deferrals_303 resends withdrawn update_failed
--   retry_wall ended_seq hops via edge last_attempt wave rule_causes
--   rule_edge_causes rule_provisional rule_edge rule_seq

-- columns: wave *campaign *number name state opened_wall opened_at met_at
--   deadline_at paused_at ended_wall reason approved_wall approved_by
--   approved_reason

-- columns: attempt *id campaign device number serial from_version to_version
--   url command phase reached result cause holds_udp uncharged foreign_ack
--   earlier_start claimed_buffered code times held_code tries_total
--   started_mask mode_over_acks reads_unanswered cancel_wanted cancel_cause
--   stops_sent stop_acked stop_serial_1 stop_serial_2 stop_at intent_wall
--   ended_wall intent_seq written_seq ack_seq code_seq w_over_seq written_at
--   code_at w_end_at w_ms deadline_at given_back_ms dark
--   gets file_bytes fetching fetched file_fault

-- columns: tuple *device *slot hash

-- columns: event wall device campaign attempt kind phase code serial text

-- columns: audit wall who action object reason

-- columns: stamp alive_ms wall seq boot boot_ms

-- columns: flags halted bucket_milli bucket_at next_campaign next_attempt

-- columns: exclusion *device id active since_wall until_wall who reason

-- Settings, in the order in which they are made. EXCLUSIVE comes first: one
-- connection, no shared memory, and none of the races that need a second one.
-- EXTRA comes before WAL: else an old rollback journal may return after a
-- power cut. "last" is set only after the file was found to be ours and sound.

-- setting: locking_mode exclusive
PRAGMA locking_mode = EXCLUSIVE;

-- setting: synchronous 3
PRAGMA synchronous = EXTRA;

-- setting: foreign_keys 1
PRAGMA foreign_keys = ON;

-- setting: trusted_schema 0
PRAGMA trusted_schema = OFF;

-- setting: ignore_check_constraints 0
PRAGMA ignore_check_constraints = OFF;

-- setting: cell_size_check 1
PRAGMA cell_size_check = ON;

-- setting: busy_timeout 0
PRAGMA busy_timeout = 0;

-- setting: wal_autocheckpoint 0
PRAGMA wal_autocheckpoint = 0;

-- setting: temp_store 2
PRAGMA temp_store = MEMORY;

-- setting: cache_size -32768
PRAGMA cache_size = -32768;

-- The first write of all, so that even a torn creation is known as ours.
-- setting: application_id 1414679381 new
PRAGMA application_id = 1414679381;

-- setting: journal_mode wal last
PRAGMA journal_mode = WAL;

-- once: get_user_version
PRAGMA user_version;

-- once: get_page_size
PRAGMA page_size;

-- The check is of the structure of the file: values are checked when they are
-- written and again when they are loaded, and constraints make it ten times
-- slower.
-- once: quick_check_begin
PRAGMA ignore_check_constraints = ON;

-- once: quick_check
PRAGMA quick_check(1);

-- once: quick_check_end
PRAGMA ignore_check_constraints = OFF;

-- once: migrate_begin
BEGIN IMMEDIATE;

-- once: migrate_commit
COMMIT;

-- once: migrate_rollback
ROLLBACK;

-- What a copy is made with: nothing of it is worth a journal or a sync before
-- it is whole.
-- once: copy_settings
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;

-- One plain file without a log: whoever takes it away takes all of it.
-- once: copy_settle
PRAGMA journal_mode = DELETE;

-- once: get_commit_number
SELECT commit_number FROM stamp WHERE id = 1;

-- name: begin
BEGIN IMMEDIATE;

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: commit_number_get
SELECT commit_number FROM stamp WHERE id = 1;

-- name: commit_number_put
UPDATE stamp SET commit_number = :number WHERE id = 1;

-- name: stamp_put
UPDATE stamp SET (@columns(stamp)) = (@params(stamp)) WHERE id = 1;

-- name: stamp_load
SELECT @columns(stamp) FROM stamp WHERE id = 1;

-- name: flags_put
UPDATE flags SET (@columns(flags)) = (@params(flags)) WHERE id = 1;

-- name: flags_load
SELECT @columns(flags) FROM flags WHERE id = 1;

-- name: exclusion_put
INSERT INTO exclusion (@columns(exclusion)) VALUES (@params(exclusion))
	ON CONFLICT (device) DO UPDATE SET @updates(exclusion);

-- name: exclusion_load
SELECT @columns(exclusion) FROM exclusion WHERE active = 1;

-- name: device_put
INSERT INTO device (@columns(device)) VALUES (@params(device))
	ON CONFLICT (key) DO UPDATE SET @updates(device);

-- name: device_load
SELECT @columns(device) FROM device ORDER BY key;

-- name: campaign_put
INSERT INTO campaign (@columns(campaign)) VALUES (@params(campaign))
	ON CONFLICT (id) DO UPDATE SET @updates(campaign);

-- The last column is the text in force: of the latest revision.
-- name: campaign_load
SELECT @columns(campaign,c), (SELECT r.text FROM revision r
	WHERE r.campaign = c.id ORDER BY r.revision DESC LIMIT 1) AS file_text
	FROM campaign c ORDER BY c.id;

-- name: revision_put
INSERT INTO revision (@columns(revision)) VALUES (@params(revision));

-- name: package_put
INSERT INTO package (@columns(package)) VALUES (@params(package))
	ON CONFLICT (campaign, number) DO UPDATE SET @updates(package);

-- name: package_load
SELECT @columns(package) FROM package ORDER BY campaign, number;

-- name: target_put
INSERT INTO target (@columns(target)) VALUES (@params(target))
	ON CONFLICT (campaign, device) DO UPDATE SET @updates(target);

-- name: target_load
SELECT @columns(target) FROM target ORDER BY campaign, device;

-- name: wave_put
INSERT INTO wave (@columns(wave)) VALUES (@params(wave))
	ON CONFLICT (campaign, number) DO UPDATE SET @updates(wave);

-- name: wave_load
SELECT @columns(wave) FROM wave ORDER BY campaign, number;

-- name: attempt_put
INSERT INTO attempt (@columns(attempt)) VALUES (@params(attempt))
	ON CONFLICT (id) DO UPDATE SET @updates(attempt);

-- name: attempt_load
SELECT @columns(attempt) FROM attempt WHERE phase <> 'ended' ORDER BY id;

-- name: tuple_put
INSERT INTO tuple (@columns(tuple)) VALUES (@params(tuple))
	ON CONFLICT (device, slot) DO UPDATE SET @updates(tuple);

-- name: tuple_load
SELECT @columns(tuple) FROM tuple ORDER BY device, slot;

-- name: event_put
INSERT INTO event (@columns(event)) VALUES (@params(event));

-- name: audit_put
INSERT INTO audit (@columns(audit)) VALUES (@params(audit));

-- name: timeline
SELECT @columns(event,e), e.id AS row_id, coalesce(c.name, '') AS campaign_name
	FROM event e LEFT JOIN campaign c ON c.id = e.campaign
	WHERE e.device = :device AND e.device <> 0 AND e.id > :after
	ORDER BY e.id LIMIT :limit;

-- The last columns are the row's id and, of an event, the names of its
-- campaign and device. Bounded by ids as well as by rows: what the filter
-- leaves out is looked at too.
-- name: feed_event
SELECT @columns(event,e), e.id AS row_id, coalesce(c.name, '') AS campaign_name,
	coalesce(d.id, '') AS device_id
	FROM event e LEFT JOIN campaign c ON c.id = e.campaign
	LEFT JOIN device d ON d.key = e.device
	WHERE e.id > :after AND e.id <= :through
		AND (:campaign = '' OR c.name = :campaign)
	ORDER BY e.id LIMIT :limit;

-- The object of a wave is campaign/wave.
-- name: feed_audit
SELECT @columns(audit,a), a.id AS row_id FROM audit a WHERE a.id > :after
	AND (:campaign = '' OR a.object = :campaign
		OR substr(a.object, 1, length(:campaign) + 1) = :campaign || '/')
	ORDER BY a.id LIMIT :limit;

-- name: audit_before
SELECT @columns(audit,a), a.id AS row_id FROM audit a WHERE a.id < :before
	ORDER BY a.id DESC LIMIT :limit;

-- name: audit_range
SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM audit;

-- name: event_from
SELECT id, wall FROM event WHERE id >= :id ORDER BY id LIMIT 1;

-- name: audit_from
SELECT id, wall FROM audit WHERE id >= :id ORDER BY id LIMIT 1;

-- name: event_range
SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM event;

-- name: event_old
SELECT EXISTS (SELECT 1 FROM event
	WHERE id > :after AND id <= :through AND wall < :before);

-- What belongs to a campaign that is not over stays, however old.
-- name: event_prune
DELETE FROM event WHERE id > :after AND id <= :through AND wall < :before
	AND NOT EXISTS (SELECT 1 FROM campaign c WHERE c.id = event.campaign
		AND c.state NOT IN ('finished', 'aborted'));
