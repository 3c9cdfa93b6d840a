#include "config.h"
#include "store/rows.h"

#include "base/attr.h"

/* clang-format off */
#define WORD_SET(fn) \
	static const char * \
	fn##_word(int v) \
	{ \
		return fn##_name((enum fn)v); \
	} \
	static const struct word_set fn##_words = {fn##_word, fn##_parse};

WORD_SET(campaign_state)
WORD_SET(wave_state)
WORD_SET(target_state)
WORD_SET(hold)
WORD_SET(phase)
WORD_SET(reached)
WORD_SET(cause)
WORD_SET(result)
WORD_SET(pause_reason)
WORD_SET(event_kind)

/* The type of the column follows the type of the field. An enum would pass
 * for an unsigned here; its column is TEXT and the schema refuses a number. */
#define FIELD(rec, field) (((struct rec *)0)->field)
#define NAMED(rec, field, column) { \
	.name = column, \
	.type = _Generic(FIELD(rec, field), \
	    int64_t: COLUMN_I64, uint64_t: COLUMN_U64, int: COLUMN_INT, \
	    unsigned: COLUMN_UINT, uint16_t: COLUMN_U16, bool: COLUMN_BOOL, \
	    char *: COLUMN_TEXT), \
	.offset = offsetof(struct rec, field), \
	.size = sizeof(FIELD(rec, field))}
#define COLUMN(rec, field) NAMED(rec, field, #field)
#define WORD(rec, field, set) { \
	.name = #field, .type = COLUMN_WORD, .words = &set##_words, \
	.offset = offsetof(struct rec, field), \
	.size = sizeof(FIELD(rec, field))}
#define LONG_TEXT(rec, field, len) { \
	.name = #field, .type = COLUMN_LONG_TEXT, \
	.offset = offsetof(struct rec, field), \
	.size = sizeof(FIELD(rec, field)), \
	.length = offsetof(struct rec, len)}

static const struct column device_columns[] = {
	COLUMN(device_rec, key),
	COLUMN(device_rec, id),
	COLUMN(device_rec, protover),
	COLUMN(device_rec, name),
	COLUMN(device_rec, device_type),
	COLUMN(device_rec, hardware),
	COLUMN(device_rec, mcu),
	COLUMN(device_rec, version_wall),
	COLUMN(device_rec, last_seen_wall),
	COLUMN(device_rec, registered),
	COLUMN(device_rec, serial_reserved),
	COLUMN(device_rec, fence_seq),
	COLUMN(device_rec, fence_at),
	COLUMN(device_rec, fence_wall),
	COLUMN(device_rec, fence_version),
	COLUMN(device_rec, stale_seq),
	COLUMN(device_rec, power_seq),
	COLUMN(device_rec, start_attempt),
	COLUMN(device_rec, start_serial),
	COLUMN(device_rec, start_seq),
	COLUMN(device_rec, start_w_end_at),
	COLUMN(device_rec, start_w_over_seq),
	COLUMN(device_rec, start_ack_seq),
	COLUMN(device_rec, start_final_seq),
	COLUMN(device_rec, start_dropped_seq),
	COLUMN(device_rec, stop_seq),
	COLUMN(device_rec, stop_w_end_at),
	COLUMN(device_rec, stop_udp),
	COLUMN(device_rec, foreign_until_at),
	COLUMN(device_rec, foreign_seq),
	COLUMN(device_rec, quarantined_wall),
	COLUMN(device_rec, quarantine),
	COLUMN(device_rec, acked_wall),
	COLUMN(device_rec, reads_unheard),
	COLUMN(device_rec, starts_unheard),
	COLUMN(device_rec, rhythm),
};

static const struct column campaign_columns[] = {
	COLUMN(campaign_rec, id),
	COLUMN(campaign_rec, name),
	COLUMN(campaign_rec, digest),
	COLUMN(campaign_rec, targets_digest),
	COLUMN(campaign_rec, revision),
	WORD(campaign_rec, state, campaign_state),
	WORD(campaign_rec, reason, pause_reason),
	COLUMN(campaign_rec, reason_text),
	COLUMN(campaign_rec, created_wall),
	COLUMN(campaign_rec, started_wall),
	COLUMN(campaign_rec, finished_wall),
	COLUMN(campaign_rec, bucket_milli),
	COLUMN(campaign_rec, bucket_at),
	COLUMN(campaign_rec, rules_since_seq),
	COLUMN(campaign_rec, expired_wall),
};

static const struct column revision_columns[] = {
	COLUMN(op_revision, campaign),
	COLUMN(op_revision, revision),
	COLUMN(op_revision, wall),
	COLUMN(op_revision, digest),
	LONG_TEXT(op_revision, text, text_len),
};

static const struct column package_columns[] = {
	COLUMN(package_rec, campaign),
	COLUMN(package_rec, number),
	COLUMN(package_rec, name),
	COLUMN(package_rec, bytes),
	COLUMN(package_rec, sha256),
};

static const struct column target_columns[] = {
	COLUMN(target_rec, campaign),
	COLUMN(target_rec, device),
	COLUMN(target_rec, ordinal),
	WORD(target_rec, state, target_state),
	WORD(target_rec, cause, cause),
	WORD(target_rec, wait_hold, hold),
	COLUMN(target_rec, attempts),
	COLUMN(target_rec, attempts_total),
	COLUMN(target_rec, deferrals),
	COLUMN(target_rec, deferrals_303),
	COLUMN(target_rec, resends),
	COLUMN(target_rec, withdrawn),
	COLUMN(target_rec, update_failed),
	COLUMN(target_rec, retry_wall),
	COLUMN(target_rec, ended_seq),
	COLUMN(target_rec, hops),
	COLUMN(target_rec, via),
	COLUMN(target_rec, edge),
	COLUMN(target_rec, last_attempt),
	COLUMN(target_rec, wave),
	COLUMN(target_rec, rule_causes),
	COLUMN(target_rec, rule_edge_causes),
	COLUMN(target_rec, rule_provisional),
	COLUMN(target_rec, rule_edge),
	COLUMN(target_rec, rule_seq),
};

static const struct column wave_columns[] = {
	COLUMN(wave_rec, campaign),
	COLUMN(wave_rec, number),
	COLUMN(wave_rec, name),
	WORD(wave_rec, state, wave_state),
	COLUMN(wave_rec, opened_wall),
	COLUMN(wave_rec, opened_at),
	COLUMN(wave_rec, met_at),
	COLUMN(wave_rec, deadline_at),
	COLUMN(wave_rec, paused_at),
	COLUMN(wave_rec, ended_wall),
	COLUMN(wave_rec, reason),
	COLUMN(wave_rec, approved_wall),
	COLUMN(wave_rec, approved_by),
	COLUMN(wave_rec, approved_reason),
};

static const struct column attempt_columns[] = {
	COLUMN(attempt_rec, id),
	COLUMN(attempt_rec, campaign),
	COLUMN(attempt_rec, device),
	COLUMN(attempt_rec, number),
	COLUMN(attempt_rec, serial),
	NAMED(attempt_rec, from, "from_version"),
	NAMED(attempt_rec, to, "to_version"),
	COLUMN(attempt_rec, url),
	COLUMN(attempt_rec, command),
	WORD(attempt_rec, phase, phase),
	WORD(attempt_rec, reached, reached),
	WORD(attempt_rec, result, result),
	WORD(attempt_rec, cause, cause),
	COLUMN(attempt_rec, holds_udp),
	COLUMN(attempt_rec, uncharged),
	NAMED(attempt_rec, foreign, "foreign_ack"),
	COLUMN(attempt_rec, earlier_start),
	COLUMN(attempt_rec, claimed_buffered),
	COLUMN(attempt_rec, code),
	COLUMN(attempt_rec, times),
	COLUMN(attempt_rec, held_code),
	COLUMN(attempt_rec, tries_total),
	COLUMN(attempt_rec, started_mask),
	COLUMN(attempt_rec, mode_over_acks),
	COLUMN(attempt_rec, reads_unanswered),
	COLUMN(attempt_rec, cancel_wanted),
	WORD(attempt_rec, cancel_cause, cause),
	COLUMN(attempt_rec, stops_sent),
	COLUMN(attempt_rec, stop_acked),
	NAMED(attempt_rec, stop_serial[0], "stop_serial_1"),
	NAMED(attempt_rec, stop_serial[1], "stop_serial_2"),
	COLUMN(attempt_rec, stop_at),
	COLUMN(attempt_rec, intent_wall),
	COLUMN(attempt_rec, ended_wall),
	COLUMN(attempt_rec, intent_seq),
	COLUMN(attempt_rec, written_seq),
	COLUMN(attempt_rec, ack_seq),
	COLUMN(attempt_rec, code_seq),
	COLUMN(attempt_rec, w_over_seq),
	COLUMN(attempt_rec, written_at),
	COLUMN(attempt_rec, code_at),
	COLUMN(attempt_rec, w_end_at),
	COLUMN(attempt_rec, w_ms),
	COLUMN(attempt_rec, deadline_at),
	COLUMN(attempt_rec, given_back_ms),
	COLUMN(attempt_rec, gets),
	COLUMN(attempt_rec, file_bytes),
	COLUMN(attempt_rec, fetching),
	COLUMN(attempt_rec, fetched),
	COLUMN(attempt_rec, file_fault),
	COLUMN(attempt_rec, dark),
};

static const struct column tuple_columns[] = {
	COLUMN(tuple_rec, device),
	COLUMN(tuple_rec, slot),
	COLUMN(tuple_rec, hash),
};

static const struct column event_columns[] = {
	COLUMN(event_rec, wall),
	COLUMN(event_rec, device),
	COLUMN(event_rec, campaign),
	COLUMN(event_rec, attempt),
	WORD(event_rec, kind, event_kind),
	WORD(event_rec, phase, phase),
	COLUMN(event_rec, code),
	COLUMN(event_rec, serial),
	COLUMN(event_rec, text),
};

static const struct column audit_columns[] = {
	COLUMN(audit_rec, wall),
	COLUMN(audit_rec, who),
	COLUMN(audit_rec, action),
	COLUMN(audit_rec, object),
	COLUMN(audit_rec, reason),
};

static const struct column stamp_columns[] = {
	COLUMN(stamp_rec, alive_ms),
	COLUMN(stamp_rec, wall),
	COLUMN(stamp_rec, seq),
	COLUMN(stamp_rec, boot),
	COLUMN(stamp_rec, boot_ms),
};

static const struct column flags_columns[] = {
	COLUMN(flags_rec, halted),
	COLUMN(flags_rec, bucket_milli),
	COLUMN(flags_rec, bucket_at),
	COLUMN(flags_rec, next_campaign),
	COLUMN(flags_rec, next_attempt),
};

static const struct column exclusion_columns[] = {
	COLUMN(exclusion_rec, device),
	COLUMN(exclusion_rec, id),
	COLUMN(exclusion_rec, active),
	COLUMN(exclusion_rec, since_wall),
	COLUMN(exclusion_rec, until_wall),
	COLUMN(exclusion_rec, who),
	COLUMN(exclusion_rec, reason),
};

#define ROWS(name, rec, put_stmt, load_stmt, extra) { \
	.table = #name, .columns = name##_columns, \
	.column_count = ARRAY_LEN(name##_columns), .extra_count = extra, \
	.rec_size = sizeof(struct rec), .put = put_stmt, .load = load_stmt}

const struct row_type row_types[OP_KIND_COUNT_] = {
	[OP_DEVICE] = ROWS(device, device_rec,
	    STMT_DEVICE_PUT, STMT_DEVICE_LOAD, 0),
	[OP_CAMPAIGN] = ROWS(campaign, campaign_rec,
	    STMT_CAMPAIGN_PUT, STMT_CAMPAIGN_LOAD, 1),
	[OP_REVISION] = ROWS(revision, op_revision,
	    STMT_REVISION_PUT, STMT_COUNT_, 0),
	[OP_WAVE] = ROWS(wave, wave_rec,
	    STMT_WAVE_PUT, STMT_WAVE_LOAD, 0),
	[OP_TARGET] = ROWS(target, target_rec,
	    STMT_TARGET_PUT, STMT_TARGET_LOAD, 0),
	[OP_ATTEMPT] = ROWS(attempt, attempt_rec,
	    STMT_ATTEMPT_PUT, STMT_ATTEMPT_LOAD, 0),
	[OP_TUPLE] = ROWS(tuple, tuple_rec,
	    STMT_TUPLE_PUT, STMT_TUPLE_LOAD, 0),
	[OP_EVENT] = ROWS(event, event_rec,
	    STMT_EVENT_PUT, STMT_TIMELINE, 2),
	[OP_AUDIT] = ROWS(audit, audit_rec,
	    STMT_AUDIT_PUT, STMT_FEED_AUDIT, 1),
	[OP_STAMP] = ROWS(stamp, stamp_rec,
	    STMT_STAMP_PUT, STMT_STAMP_LOAD, 0),
	[OP_FLAGS] = ROWS(flags, flags_rec,
	    STMT_FLAGS_PUT, STMT_FLAGS_LOAD, 0),
	[OP_PACKAGE] = ROWS(package, package_rec,
	    STMT_PACKAGE_PUT, STMT_PACKAGE_LOAD, 0),
	[OP_EXCLUSION] = ROWS(exclusion, exclusion_rec,
	    STMT_EXCLUSION_PUT, STMT_EXCLUSION_LOAD, 0),
};
/* clang-format on */
