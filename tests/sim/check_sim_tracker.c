/*
 * One tracker on a clock of the test's own: its traffic, an honest update and
 * each fault, told from the description of the protocol.
 */
#include "config.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "sim/truth.h"
#include "world.h"

#define HONEST "100 200/1 201/1 300 301"

static struct world *
started(const char *faults)
{
	struct world *w = world_new(faults);

	world_start(w);
	world_run(w, SECOND);
	ck_assert(w->up);
	return w;
}

/* Sends the start and lets an update take its time, and then some. */
static void
updated(struct world *w)
{
	world_say(w, START("0001"));
	world_run(w, HOUR);
}

static const char *
received(const struct world *w)
{
	static char text[256];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < w->t.history.received.len; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
		    at > 0 ? " " : "",
		    history_serial(&w->t.history.received, i));
	return text;
}

static const char *
result(const struct world *w, uint32_t attempt)
{
	ck_assert_uint_ge(w->t.history.attempts.len, attempt);
	return history_attempt(&w->t.history, attempt)->result;
}

static const char *
truth(const struct world *w)
{
	static char text[16384];
	struct sbuf b;

	sbuf_init(&b, 0);
	truth_add(&b, &w->t);
	ck_assert(!b.failed);
	ck_assert(span_copy(text, sizeof(text), span_str(sbuf_str(&b))));
	sbuf_done(&b);
	return text;
}

/* --- ordinary life -------------------------------------------------------- */

START_TEST(test_identifies)
{
	struct world *w = started(NULL);

	ck_assert_uint_eq(w->frame_count, 1);
	ck_assert_ptr_eq(strstr(w->frames[0].text,
	    "+RESP:GTFRI,C20100," WORLD_ID ",GV620MG,"), w->frames[0].text);
	/* Acknowledged, so it is not sent again. */
	world_run(w, 2 * MINUTE);
	ck_assert_uint_eq(world_count(w, "GTFRI"), 1);
	ck_assert_uint_eq(w->t.counts.sacked, 1);
	world_free(w);
}
END_TEST

START_TEST(test_counts_up_and_wraps)
{
	struct world *w = world_new(NULL);
	const struct world_frame *f;

	world_start(w);
	w->t.count = 0xFFFE;
	world_run(w, SECOND);
	ck_assert_str_eq(world_field(&w->frames[0], 1), "FFFE");
	world_say(w, READ("0000"));
	f = world_wait(w, "+ACK:GTRTO", SECOND);
	ck_assert_ptr_nonnull(f);
	ck_assert_str_eq(world_field(f, 1), "FFFF");
	f = world_wait(w, "+RESP:GTVER", SECOND);
	ck_assert_ptr_nonnull(f);
	ck_assert_str_eq(world_field(f, 1), "0000");
	world_free(w);
}
END_TEST

START_TEST(test_heartbeats)
{
	struct world *w = started(NULL);

	world_run(w, HOUR);
	ck_assert_uint_ge(world_count(w, "+ACK:GTHBD,C20100," WORLD_ID), 11);
	ck_assert_uint_le(world_count(w, ":GTHBD,"), 13);
	ck_assert_uint_eq(w->link, 1);
	world_free(w);
}
END_TEST

START_TEST(test_unanswered_heartbeats_reconnect)
{
	struct world *w = started(NULL);

	w->deaf = true;
	world_run(w, 40 * MINUTE);
	ck_assert_uint_ge(w->link, 2);
	ck_assert_uint_le(w->link, 4);
	world_free(w);
}
END_TEST

START_TEST(test_speed_divides)
{
	struct world *w = world_new(NULL);

	w->conf.speed = 60;
	world_start(w);
	world_run(w, MINUTE);
	ck_assert_uint_ge(world_count(w, ":GTHBD,"), 11);
	world_say(w, START("0001"));
	world_run(w, 10 * SECOND);
	ck_assert_str_eq(world_codes(w), HONEST);
	world_free(w);
}
END_TEST

START_TEST(test_position_reports)
{
	struct world *w = world_new(NULL);

	w->conf.report_ms = 30 * SECOND;
	world_start(w);
	world_run(w, 10 * MINUTE);
	ck_assert_uint_ge(world_count(w, "+RESP:GTFRI"), 20);
	ck_assert_uint_le(world_count(w, "+RESP:GTFRI"), 22);
	world_free(w);
}
END_TEST

START_TEST(test_reads_version)
{
	struct world *w = started(NULL);
	const struct world_frame *ack, *version;

	world_say(w, READ("00AB"));
	ack = world_wait(w, "+ACK:GTRTO,C20100," WORLD_ID ",GV620MG,", SECOND);
	ck_assert_ptr_nonnull(ack);
	ck_assert_str_eq(world_field(ack, 3), "00AB");
	version = world_wait(w, "+RESP:GTVER,C20100," WORLD_ID
	    ",GV620MG,GV620MG,0A03,0103,", SECOND);
	ck_assert_ptr_nonnull(version);
	ck_assert_ptr_eq(version, ack + 1);
	/* Nor ever unasked. */
	world_run(w, 10 * HOUR);
	ck_assert_uint_eq(world_count(w, "GTVER"), 1);
	world_free(w);
}
END_TEST

/* Units differ: some name the sub-command in the ACK, some do not. */
START_TEST(test_ack_of_read_varies)
{
	bool named = false, bare = false;

	for (uint64_t seed = 1; seed < 20; seed++) {
		struct world *w = world_new(NULL);
		const struct world_frame *ack;

		w->conf.seed = seed;
		world_start(w);
		world_run(w, SECOND);
		world_say(w, READ("0001"));
		ack = world_wait(w, "+ACK:GTRTO", SECOND);
		ck_assert_ptr_nonnull(ack);
		named |= strcmp(world_field(ack, 4), "VER") == 0;
		bare |= strcmp(world_field(ack, 4), "GV620MG") == 0;
		world_free(w);
	}
	ck_assert(named && bare);
}
END_TEST

START_TEST(test_remote_reboot)
{
	struct world *w = started(NULL);

	world_say(w, "AT+GTRTO=gv620mg,3,,,,,,0002$");
	ck_assert_ptr_nonnull(world_wait(w, "+ACK:GTRTO", SECOND));
	world_run(w, 5 * SECOND);
	ck_assert(!w->up);
	ck_assert_ptr_nonnull(world_wait(w, "+RESP:GTPNA", MINUTE));
	ck_assert_uint_eq(w->link, 2);
	ck_assert_uint_eq(w->t.history.attempts.len, 0);
	world_free(w);
}
END_TEST

START_TEST(test_wrong_password)
{
	struct world *w = started(NULL);
	size_t before = w->frame_count;

	world_say(w, "AT+GTRTO=wrong1,8,,,,,,0001$");
	world_say(w, "AT+GTUPD=wrong1,0,1,15,0,,,http://h/x,,1,,,0002$");
	world_say(w, "AT+GTUPD=wrong1,1,,,,,0003$");
	world_run(w, 2 * MINUTE);
	ck_assert_uint_eq(w->frame_count, before);
	ck_assert_uint_eq(w->t.counts.wrong_password, 3);
	/* It reached the tracker all the same. */
	ck_assert_str_eq(received(w), "0002");
	ck_assert_uint_eq(w->t.history.acked.len, 0);
	world_free(w);
}
END_TEST

START_TEST(test_malformed_start)
{
	struct world *w = started(NULL);
	size_t before = w->frame_count;

	world_say(w, "AT+GTUPD=gv620mg,0,9,15,0,,,http://h/x,,1,,,0002$");
	world_run(w, 2 * MINUTE);
	ck_assert_uint_eq(w->frame_count, before);
	ck_assert_uint_eq(w->t.counts.malformed, 1);
	ck_assert_str_eq(received(w), "0002");
	world_free(w);
}
END_TEST

/* --- acknowledgement ------------------------------------------------------ */

START_TEST(test_resends_until_sacked)
{
	struct world *w = world_new(NULL);
	unsigned sends;

	w->mute = true;
	world_start(w);
	world_run(w, 90 * SECOND);
	sends = world_count(w, "+RESP:GTFRI");
	ck_assert_uint_ge(sends, 3);
	ck_assert_uint_eq(w->frame_count, sends);
	ck_assert_uint_eq(w->link, 1);
	/* To the byte: same count, same time. */
	for (size_t i = 1; i < sends; i++)
		ck_assert_str_eq(w->frames[i].text, w->frames[0].text);
	w->mute = false;
	world_run(w, 10 * MINUTE);
	ck_assert_uint_eq(world_count(w, "GTFRI"), sends + 1);
	ck_assert_uint_eq(w->t.counts.sacked, 1);
	world_free(w);
}
END_TEST

START_TEST(test_sends_nothing_else_meanwhile)
{
	struct world *w = world_new(NULL);

	w->mute = true;
	world_start(w);
	world_run(w, SECOND);
	world_say(w, READ("0001"));
	world_run(w, 30 * SECOND);
	/* The ACK is no report, the version is one. */
	ck_assert_uint_eq(world_count(w, "+ACK:GTRTO"), 1);
	ck_assert_uint_eq(world_count(w, "GTVER"), 0);
	w->mute = false;
	ck_assert_ptr_nonnull(world_wait(w, "+RESP:GTVER", MINUTE));
	world_free(w);
}
END_TEST

START_TEST(test_without_sack)
{
	struct world *w = world_new(NULL);

	w->mute = true;
	w->conf.no_sack = true;
	world_start(w);
	world_run(w, SECOND);
	updated(w);
	ck_assert_str_eq(world_codes_raw(w), HONEST);
	ck_assert_uint_eq(w->t.counts.resends, 0);
	world_free(w);
}
END_TEST

START_TEST(test_dead_link_is_given_up)
{
	struct world *w = world_new(NULL);

	w->mute = w->deaf = true;
	world_start(w);
	world_run(w, 20 * MINUTE);
	ck_assert_uint_ge(w->link, 2);
	world_free(w);
}
END_TEST

START_TEST(test_buffered_after_reconnect)
{
	struct world *w = started(NULL);
	const struct world_frame *live, *late;

	world_say(w, START("0001"));
	ck_assert_ptr_nonnull(world_wait(w, ",100,,", 10 * SECOND));
	w->mute = true;
	live = world_wait(w, "+RESP:GTUPD", 10 * SECOND);
	ck_assert_ptr_nonnull(live);
	world_cut(w);
	w->mute = false;
	late = world_wait(w, "+BUFF:GTUPD", MINUTE);
	ck_assert_ptr_nonnull(late);
	ck_assert_uint_eq(late->link, live->link + 1);
	ck_assert_str_eq(late->text + 5, live->text + 5);
	/* The rest is live again, and all is known. */
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), HONEST);
	ck_assert_uint_eq(world_count(w, "+BUFF:GTUPD"), 1);
	ck_assert_uint_eq(w->t.out.len, 0);
	world_free(w);
}
END_TEST

START_TEST(test_reports_of_an_outage_are_late)
{
	struct world *w = started(NULL);

	world_say(w, START("0001"));
	ck_assert_ptr_nonnull(world_wait(w, ",100,,", 10 * SECOND));
	world_run(w, SECOND);
	w->away = true;
	world_cut(w);
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), "100");
	w->away = false;
	world_run(w, 10 * MINUTE);
	ck_assert_str_eq(world_codes(w), HONEST);
	ck_assert_uint_eq(world_count(w, "+BUFF:GTUPD"), 4);
	ck_assert_uint_eq(world_count(w, "+RESP:GTUPD"), 1);
	/* But something live says that it is back. */
	ck_assert_uint_ge(world_count(w, "+RESP:GTFRI"), 2);
	world_free(w);
}
END_TEST

START_TEST(test_server_away_is_survived)
{
	struct world *w = world_new(NULL);
	uint32_t tries;

	w->away = true;
	world_start(w);
	world_run(w, HOUR);
	tries = w->t.counts.connect_failures;
	ck_assert_uint_ge(tries, 10);
	ck_assert_uint_le(tries, 40); /* it backs off */
	w->away = false;
	world_run(w, 10 * MINUTE);
	ck_assert(w->up);
	world_cut(w);
	world_run(w, 10 * SECOND);
	ck_assert(w->up); /* and the next time it is quick again */
	world_free(w);
}
END_TEST

/* --- the honest update ---------------------------------------------------- */

START_TEST(test_update_honest)
{
	struct world *w = started(NULL);
	const struct world_frame *ack;

	world_say(w, START("00aB"));
	ack = world_wait(w, "+ACK:GTUPD,C20100," WORLD_ID ",GV620MG,", SECOND);
	ck_assert_ptr_nonnull(ack);
	ck_assert_str_eq(world_field(ack, 3), "00AB");
	ck_assert_uint_eq(world_count(w, "+RESP:GTUPD"), 0);
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), HONEST);
	ck_assert_str_eq(w->t.version, "0A05");
	ck_assert_uint_eq(w->t.history.flashed.len, 1);
	ck_assert_str_eq(received(w), "00AB");
	ck_assert_uint_eq(w->t.history.acked.len, 1);
	ck_assert_str_eq(result(w, 1), "301");
	ck_assert_uint_eq(world_count(w, "GTVER"), 0);
	world_say(w, READ("00AC"));
	ck_assert_ptr_nonnull(world_wait(w, ",GV620MG,0A05,0103,", SECOND));
	world_free(w);
}
END_TEST

static int64_t
at(struct world *w, const char *text)
{
	const struct world_frame *f;

	w->seen = 0;
	f = world_wait(w, text, 0);
	ck_assert_msg(f != NULL, "%s was not sent", text);
	return f->at_ms;
}

START_TEST(test_update_timing)
{
	struct world *w = started(NULL);
	int64_t acked, confirmed, begun, loaded, going, back;

	updated(w);
	acked = at(w, "+ACK:GTUPD");
	confirmed = at(w, ",100,,");
	begun = at(w, ",200,1,");
	loaded = at(w, ",201,1,");
	going = at(w, ",300,,");
	back = at(w, ",301,,");
	ck_assert_int_ge(confirmed - acked, 1 * SECOND);
	ck_assert_int_le(confirmed - acked, 3 * SECOND);
	ck_assert_int_ge(begun - confirmed, 3 * SECOND);
	ck_assert_int_le(begun - confirmed, 7 * SECOND);
	ck_assert_int_ge(loaded - begun, 30 * SECOND);
	ck_assert_int_le(loaded - begun, 120 * SECOND);
	ck_assert_int_ge(going - loaded, 3 * SECOND);
	ck_assert_int_le(going - loaded, 7 * SECOND);
	ck_assert_int_ge(back - going, 60 * SECOND);
	ck_assert_int_le(back - going, 190 * SECOND);
	ck_assert_uint_eq(w->link, 2); /* the reboot took the connection */
	world_free(w);
}
END_TEST

START_TEST(test_update_is_silent_and_deaf)
{
	struct world *w = world_new(NULL);
	size_t before;

	w->conf.heartbeat_ms = 5 * SECOND;
	w->conf.report_ms = 5 * SECOND;
	world_start(w);
	world_run(w, MINUTE);
	world_say(w, START("0001"));
	ck_assert_ptr_nonnull(world_wait(w, ",100,,", 10 * SECOND));
	before = w->frame_count;
	ck_assert_ptr_nonnull(world_wait(w, ",200,1,", 10 * SECOND));
	world_say(w, READ("0002"));
	world_say(w, START("0003"));
	world_say(w, "AT+GTRTO=gv620mg,3,,,,,,0004$");
	ck_assert_ptr_nonnull(world_wait(w, ",300,,", 10 * MINUTE));
	ck_assert_uint_eq(w->frame_count - before, 3); /* 200, 201, 300 */
	ck_assert_str_eq(received(w), "0001 0003");
	ck_assert_uint_eq(w->t.history.acked.len, 1);
	ck_assert_uint_eq(w->t.counts.while_busy, 1);
	ck_assert_uint_eq(w->t.counts.ignored, 2);
	world_run(w, HOUR);
	ck_assert_uint_eq(w->t.history.flashed.len, 1);
	world_free(w);
}
END_TEST

START_TEST(test_second_update)
{
	struct world *w = started(NULL);

	updated(w);
	world_say(w, START("0002"));
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), HONEST " " HONEST);
	ck_assert_uint_eq(w->t.history.flashed.len, 2);
	ck_assert_uint_eq(w->t.history.attempts.len, 2);
	world_free(w);
}
END_TEST

START_TEST(test_update_ble)
{
	struct world *w = started(NULL);

	world_say(w, "AT+GTUPD=gv620mg,0,1,15,0,,,http://h/x,,2,,,0001$");
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), HONEST);
	ck_assert_str_eq(w->t.version, "0A03");
	ck_assert_uint_eq(w->t.history.flashed.len, 0);
	ck_assert_uint_eq(w->t.counts.ble_updates, 1);
	world_free(w);
}
END_TEST

START_TEST(test_version_from_url)
{
	struct world *w = world_new(NULL);

	w->conf.next_firmware = NULL;
	world_start(w);
	world_run(w, SECOND);
	updated(w);
	ck_assert_str_eq(w->t.version, "0A05");
	/* The same delta does not fit twice. */
	world_say(w, START("0002"));
	world_run(w, HOUR);
	ck_assert_str_eq(result(w, 2), "302");
	world_say(w, "AT+GTUPD=gv620mg,0,1,15,0,,,http://h/full_0B01.enc,,1,,"
	    ",0003$");
	world_run(w, HOUR);
	ck_assert_str_eq(w->t.version, "0B01");
	world_free(w);
}
END_TEST

START_TEST(test_power_on_report_is_optional)
{
	unsigned with = 0, without = 0;

	for (uint64_t seed = 1; seed < 20; seed++) {
		struct world *w = world_new(NULL);

		w->conf.seed = seed;
		world_start(w);
		world_run(w, SECOND);
		updated(w);
		if (world_count(w, "GTPNA") > 0)
			with++;
		else
			without++;
		world_free(w);
	}
	ck_assert_uint_gt(with, 0);
	ck_assert_uint_gt(without, 0);
}
END_TEST

static void
stop_at(const char *after, const char *codes, bool cancelled)
{
	struct world *w = started(NULL);

	world_say(w, START("0001"));
	ck_assert_ptr_nonnull(world_wait(w, after, 10 * MINUTE));
	world_say(w, STOP("0002"));
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), codes);
	ck_assert_str_eq(result(w, 1), cancelled ? "cancelled" : "301");
	ck_assert_uint_eq(world_count(w, "+ACK:GTUPD"), cancelled ? 2 : 1);
	ck_assert_str_eq(w->t.version, cancelled ? "0A03" : "0A05");
	ck_assert_int_eq(w->t.phase, PHASE_IDLE);
	world_free(w);
}

START_TEST(test_stop)
{
	stop_at("+ACK:GTUPD", "102", true);
	stop_at(",100,,", "100 102", true);
	stop_at(",200,1,", "100 200/1 102", true);
	stop_at(",201,1,", HONEST, false);
	stop_at(",300,,", HONEST, false);
}
END_TEST

START_TEST(test_stop_without_update)
{
	struct world *w = started(NULL);

	world_say(w, STOP("0009"));
	ck_assert_ptr_nonnull(world_wait(w, "+ACK:GTUPD", SECOND));
	world_run(w, MINUTE);
	ck_assert_str_eq(world_codes(w), "");
	world_free(w);
}
END_TEST

START_TEST(test_malformed_url)
{
	struct world *w = started(NULL);

	world_say(w, "AT+GTUPD=gv620mg,0,1,15,0,,,gopher:hole,,1,,,0001$");
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), "102");
	ck_assert_uint_eq(w->t.counts.fired[FAULT_BAD_URL], 0);
	ck_assert_uint_eq(world_count(w, "+ACK:GTUPD"), 1);
	world_free(w);
}
END_TEST

/* --- real downloads ------------------------------------------------------- */

static struct world *
loading(bool ok)
{
	struct world *w = world_new(NULL);

	w->conf.download = true;
	w->fetch_ok = ok;
	world_start(w);
	world_run(w, SECOND);
	return w;
}

START_TEST(test_download_ok)
{
	struct world *w = loading(true);

	updated(w);
	ck_assert_str_eq(world_codes(w), HONEST);
	ck_assert_uint_eq(w->fetches, 1);
	ck_assert_str_eq(w->last_url,
	    "http://fw.example.org/gv620mg_0A03_0A05.enc");
	ck_assert_int_eq(w->last_timeout_ms, 15 * MINUTE);
	ck_assert_uint_eq(w->t.counts.bytes, 1000);
	world_free(w);
}
END_TEST

START_TEST(test_download_broken)
{
	struct world *w = loading(false);

	updated(w);
	ck_assert_str_eq(world_codes(w), "100 200/1 202/1 200/2 202/2");
	ck_assert_uint_eq(w->fetches, 2); /* max retry was 1 */
	ck_assert_uint_eq(w->link, 2); /* then it rebooted by itself */
	ck_assert_str_eq(result(w, 1), "202");
	ck_assert_str_eq(w->t.version, "0A03");
	world_free(w);
}
END_TEST

START_TEST(test_download_cannot_begin)
{
	struct world *w = loading(true);

	w->fetch_refused = true;
	updated(w);
	ck_assert_str_eq(world_codes(w), "100 200/1 202/1 200/2 202/2");
	world_free(w);
}
END_TEST

START_TEST(test_download_second_try)
{
	struct world *w = loading(false);

	world_say(w, START("0001"));
	ck_assert_ptr_nonnull(world_wait(w, ",202,1,", 10 * MINUTE));
	w->fetch_ok = true;
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w),
	    "100 200/1 202/1 200/2 201/2 300 301");
	world_free(w);
}
END_TEST

START_TEST(test_download_stopped)
{
	struct world *w = loading(true);

	world_say(w, START("0001"));
	ck_assert_ptr_nonnull(world_wait(w, ",200,1,", 10 * MINUTE));
	world_run(w, SECOND);
	world_say(w, STOP("0002"));
	ck_assert_uint_eq(w->cancels, 1);
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), "100 200/1 102");
	world_free(w);
}
END_TEST

/* --- faults --------------------------------------------------------------- */

static const struct {
	const char *name;
	enum fault_kind kind;
	const char *codes;
	const char *result;
	const char *version;
} ends[] = {
	{"no_ack", FAULT_NO_ACK, "", "no_ack", "0A03"},
	{"power_off", FAULT_POWER_OFF, "101", "101", "0A03"},
	{"bad_url", FAULT_BAD_URL, "102", "102", "0A03"},
	{"low_battery", FAULT_LOW_BATTERY, "103", "103", "0A03"},
	{"download_fail", FAULT_DOWNLOAD_FAIL, "100 200/1 202/1 200/2 202/2",
		"202", "0A03"},
	{"update_fail", FAULT_UPDATE_FAIL, "100 200/1 201/1 300 302", "302",
		"0A03"},
	{"low_battery_install", FAULT_LOW_BATTERY_INSTALL,
		"100 200/1 201/1 303", "303", "0A03"},
	{"brick", FAULT_BRICK, "100 200/1 201/1 300", "brick", "0A03"},
	{"lose_result", FAULT_LOSE_RESULT, "100 200/1 201/1 300", "301",
		"0A05"},
	{"duplicate", FAULT_DUPLICATE, HONEST, "301", "0A05"},
	{"reorder", FAULT_REORDER, "200/1 100 300 201/1 301", "301", "0A05"},
	{"buffered", FAULT_BUFFERED, HONEST, "301", "0A05"},
	{"disconnect", FAULT_DISCONNECT, HONEST, "301", "0A05"},
	{"garbage", FAULT_GARBAGE, HONEST, "301", "0A05"},
	{"split", FAULT_SPLIT, HONEST, "301", "0A05"},
	{"wrong_clock", FAULT_WRONG_CLOCK, HONEST, "301", "0A05"},
	{"lie_version", FAULT_LIE_VERSION, HONEST, "301", "0A05"},
};

START_TEST(test_fault_ends)
{
	char faults[64];
	struct world *w;

	(void)snprintf(faults, sizeof(faults), "%s=1", ends[_i].name);
	w = started(faults);
	updated(w);
	ck_assert_str_eq(world_codes(w), ends[_i].codes);
	ck_assert_str_eq(result(w, 1), ends[_i].result);
	ck_assert_str_eq(w->t.version, ends[_i].version);
	ck_assert_str_eq(received(w), "0001");
	for (unsigned k = 0; k < FAULT_COUNT; k++)
		ck_assert_msg(w->t.counts.fired[k] ==
		    (k == (unsigned)ends[_i].kind), "%s",
		    fault_name((enum fault_kind)k));
	ck_assert_ptr_nonnull(strstr(truth(w), ends[_i].name));
	/* All but a brick live on and can be updated again. */
	ck_assert(w->up == (ends[_i].kind != FAULT_BRICK));
	world_free(w);
}
END_TEST

START_TEST(test_no_ack_sends_nothing)
{
	struct world *w = started("no_ack=1");
	size_t before = w->frame_count;

	world_say(w, START("0001"));
	world_run(w, 2 * MINUTE);
	ck_assert_uint_eq(w->frame_count, before);
	/* It reads on: the start was dropped, not the tracker lost. */
	world_say(w, READ("0002"));
	ck_assert_ptr_nonnull(world_wait(w, "+RESP:GTVER", SECOND));
	world_free(w);
}
END_TEST

START_TEST(test_power_off_comes_back)
{
	struct world *w = started("power_off=1");

	world_say(w, START("0001"));
	ck_assert_ptr_nonnull(world_wait(w, ",101,,", 10 * SECOND));
	ck_assert_ptr_nonnull(world_wait(w, ":GTPFA,", 10 * SECOND));
	world_run(w, 10 * SECOND);
	ck_assert(!w->up);
	ck_assert_int_eq(w->t.phase, PHASE_OFF);
	ck_assert_ptr_nonnull(world_wait(w, "+RESP:GTPNA", 10 * MINUTE));
	world_free(w);
}
END_TEST

START_TEST(test_brick_is_never_heard_of_again)
{
	struct world *w = started("brick=1");
	size_t before;

	updated(w);
	before = w->frame_count;
	world_run(w, 1000 * HOUR);
	ck_assert_uint_eq(w->frame_count, before);
	ck_assert(!w->up);
	ck_assert_int_eq(tracker_next(&w->t), TRACKER_NEVER);
	ck_assert_ptr_nonnull(strstr(truth(w), "\"state\":\"bricked\""));
	world_free(w);
}
END_TEST

START_TEST(test_fault_draws_again)
{
	struct world *w = started("low_battery=0.5");
	unsigned refused = 0, good = 0;

	for (unsigned i = 0; i < 40; i++) {
		world_say(w, START("0001"));
		world_run(w, HOUR);
		if (strcmp(result(w, i + 1), "103") == 0)
			refused++;
		else
			good++;
	}
	ck_assert_uint_ge(refused, 8);
	ck_assert_uint_ge(good, 8);
	world_free(w);
}
END_TEST

START_TEST(test_lost_report_varies)
{
	unsigned lost[5] = {0};
	static const char *const left[] = {"200/1 201/1 300 301",
		"100 201/1 300 301", "100 200/1 300 301",
		"100 200/1 201/1 301", "100 200/1 201/1 300"};

	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct world *w = world_new("lose_report=1");
		size_t i = 0;

		w->conf.seed = seed;
		world_start(w);
		world_run(w, SECOND);
		updated(w);
		while (i < ARRAY_LEN(left) &&
		    strcmp(world_codes(w), left[i]) != 0)
			i++;
		ck_assert_msg(i < ARRAY_LEN(left), "%s", world_codes(w));
		lost[i]++;
		ck_assert_uint_eq(w->t.counts.fired[FAULT_LOSE_REPORT], 1);
		ck_assert_ptr_nonnull(strstr(truth(w), "\"lost\":true"));
		ck_assert_str_eq(w->t.version, "0A05");
		world_free(w);
	}
	for (size_t i = 0; i < ARRAY_LEN(lost); i++)
		ck_assert_uint_ge(lost[i], 3);
}
END_TEST

START_TEST(test_duplicate_is_exact)
{
	struct world *w = started("duplicate=1");

	updated(w);
	ck_assert_str_eq(world_codes_raw(w), "100 100 200/1 200/1 201/1 201/1"
	    " 300 300 301 301");
	world_free(w);
}
END_TEST

START_TEST(test_buffered_is_late_only)
{
	struct world *w = started("buffered=1");
	const struct world_frame *f;

	world_say(w, START("0001"));
	ck_assert_ptr_nonnull(world_wait(w, ",300,,", 10 * MINUTE));
	f = world_wait(w, ",301,,", HOUR);
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_eq(strstr(f->text, "+BUFF:GTUPD"), f->text);
	ck_assert_uint_eq(world_count(w, "+RESP:GTUPD"), 4);
	for (size_t i = 0; i < w->frame_count; i++)
		if (w->frames[i].link > 1)
			ck_assert_msg(strncmp(w->frames[i].text, "+BUFF", 5)
			    == 0, "%s", w->frames[i].text);
	/* But for an answer, and until the next heartbeat. */
	world_say(w, READ("0002"));
	ck_assert_ptr_nonnull(world_wait(w, "+RESP:GTVER", SECOND));
	ck_assert_ptr_nonnull(world_wait(w, ":GTHBD,", 10 * MINUTE));
	world_say(w, READ("0003"));
	ck_assert_ptr_nonnull(world_wait(w, "+RESP:GTVER", SECOND));
	world_free(w);
}
END_TEST

START_TEST(test_disconnect_comes_back)
{
	struct world *w = started("disconnect=1");

	updated(w);
	/* First, the one that was cut in mid-update, and after the reboot. */
	ck_assert_uint_eq(w->link, 3);
	ck_assert_uint_eq(world_count(w, "+BUFF"), 0);
	world_free(w);
}
END_TEST

START_TEST(test_garbage_and_pieces)
{
	struct world *w = started("garbage=1,split=1");

	ck_assert_uint_eq(w->junk, 0);
	updated(w);
	ck_assert_uint_ge(w->junk, 6);
	ck_assert_uint_ge(w->in_pieces, 6);
	world_free(w);
}
END_TEST

START_TEST(test_wrong_clock_is_of_2004)
{
	struct world *w = started("wrong_clock=1");
	unsigned wrong = 0;

	updated(w);
	for (size_t i = 0; i < w->frame_count; i++) {
		bool of_2004 =
		    strncmp(world_field(&w->frames[i], 2), "2004", 4) == 0;

		wrong += of_2004;
		if (strstr(w->frames[i].text, ":GTUPD") != NULL)
			ck_assert(of_2004);
		if (strstr(w->frames[i].text, ":GTHBD") != NULL)
			ck_assert(!of_2004);
	}
	ck_assert_uint_ge(wrong, 6);
	world_free(w);
}
END_TEST

START_TEST(test_lie_is_told_until_the_next)
{
	struct world *w = started("lie_version=1");

	world_say(w, READ("0000"));
	ck_assert_ptr_nonnull(world_wait(w, ",GV620MG,0A03,", SECOND));
	updated(w);
	world_say(w, READ("0002"));
	ck_assert_ptr_nonnull(world_wait(w, ",GV620MG,0BAD,", SECOND));
	ck_assert_str_eq(w->t.version, "0A05");
	world_free(w);
}
END_TEST

/* The same seed gives the same story, however slow the air is. */
START_TEST(test_seed_decides)
{
	static const char faults[] = "power_off=0.1,low_battery=0.2,"
	    "download_fail=0.2,update_fail=0.2,lose_report=0.3,no_ack=0.1";
	char stories[2][2048];

	for (unsigned i = 0; i < 2; i++) {
		struct world *w = world_new(faults);

		w->latency_ms = i == 0 ? 1 : 700;
		w->conf.seed = 99;
		world_start(w);
		world_run(w, 10 * SECOND);
		for (unsigned k = 0; k < 25; k++) {
			if (!w->up)
				ck_assert_ptr_nonnull(world_wait(w, "+", HOUR));
			world_say(w, START("0001"));
			world_run(w, HOUR);
		}
		(void)snprintf(stories[i], sizeof(stories[i]), "%s",
		    world_codes(w));
		world_free(w);
	}
	ck_assert_str_eq(stories[0], stories[1]);
	ck_assert_ptr_nonnull(strstr(stories[0], "103"));
	ck_assert_ptr_nonnull(strstr(stories[0], "302"));
}
END_TEST

/* --- short connections ---------------------------------------------------- */

static struct world *
brief(void)
{
	struct world *w = world_new(NULL);

	w->conf.short_mode = true;
	world_start(w);
	return w;
}

START_TEST(test_short_closes_and_polls)
{
	struct world *w = brief();

	ck_assert_ptr_nonnull(world_wait(w, "+RESP:GTFRI", SECOND));
	ck_assert(w->up);
	world_run(w, 3 * SECOND);
	ck_assert(!w->up);
	ck_assert_uint_eq(w->link, 1);
	world_run(w, HOUR);
	ck_assert_uint_ge(w->link, 12);
	ck_assert_uint_le(w->link, 14);
	ck_assert_uint_eq(world_count(w, "GTHBD"), 0);
	ck_assert_uint_eq(world_count(w, "+BUFF"), 0);
	world_free(w);
}
END_TEST

START_TEST(test_short_answers_on_the_next)
{
	struct world *w = brief();
	const struct world_frame *ack, *version;

	ck_assert_ptr_nonnull(world_wait(w, "+RESP:GTFRI", SECOND));
	world_say(w, READ("0007"));
	ck_assert_uint_eq(w->link, 1);
	ack = world_wait(w, "+ACK:GTRTO", 10 * SECOND);
	ck_assert_ptr_nonnull(ack);
	ck_assert_uint_eq(ack->link, 2);
	version = world_wait(w, "+RESP:GTVER", SECOND);
	ck_assert_ptr_nonnull(version);
	ck_assert_uint_eq(version->link, 2);
	world_free(w);
}
END_TEST

START_TEST(test_short_update)
{
	struct world *w = brief();
	const struct world_frame *ack;

	ck_assert_ptr_nonnull(world_wait(w, "+RESP:GTFRI", SECOND));
	world_say(w, START("0007"));
	world_say(w, START("0008"));
	ack = world_wait(w, "+ACK:GTUPD", 10 * SECOND);
	ck_assert_ptr_nonnull(ack);
	ck_assert_uint_eq(ack->link, 2);
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), HONEST);
	ck_assert_uint_eq(world_count(w, "+BUFF"), 0);
	ck_assert_str_eq(received(w), "0007 0008");
	ck_assert_uint_eq(w->t.history.acked.len, 1);
	ck_assert_str_eq(w->t.version, "0A05");
	world_free(w);
}
END_TEST

START_TEST(test_short_without_sack_is_late)
{
	struct world *w = brief();
	const struct world_frame *live, *late;

	w->mute = true;
	live = world_wait(w, "+RESP:GTFRI", SECOND);
	ck_assert_ptr_nonnull(live);
	late = world_wait(w, "+BUFF:GTFRI", MINUTE);
	ck_assert_ptr_nonnull(late);
	ck_assert_str_eq(live->text + 5, late->text + 5);
	/* It does not hammer a server that says nothing. */
	world_run(w, HOUR);
	ck_assert_uint_le(w->link, 40);
	world_free(w);
}
END_TEST

/* --- truth ---------------------------------------------------------------- */

START_TEST(test_truth_line)
{
	struct world *w = started(NULL);
	const char *line;

	updated(w);
	line = truth(w);
	ck_assert_ptr_eq(strstr(line, "{\"id\":\"" WORLD_ID
	    "\",\"received\":[\"0001\"],\"acked\":1,"
	    "\"acked_serials\":[\"0001\"],\"flashed\":[\"0A05\"],"
	    "\"version\":\"0A05\",\"state\":\"idle\",\"online\":true,"
	    "\"faults\":[],\"attempts\":[{\"serial\":\"0001\",\"type\":1,"
	    "\"result\":\"301\",\"faults\":[]}],\"reports\":[{\"attempt\":1,"
	    "\"code\":100,\"times\":null,"), line);
	ck_assert_ptr_nonnull(strstr(line, "\"code\":201,\"times\":1,"));
	ck_assert_ptr_null(strstr(line, "\"sacked\":false"));
	ck_assert_int_eq(line[strlen(line) - 1], '\n');
	world_free(w);
}
END_TEST

START_TEST(test_truth_of_unsacked)
{
	struct world *w = started(NULL);

	world_say(w, START("0001"));
	ck_assert_ptr_nonnull(world_wait(w, ",100,,", 10 * SECOND));
	world_run(w, SECOND);
	w->mute = true;
	ck_assert_ptr_nonnull(world_wait(w, ",200,1,", 10 * SECOND));
	ck_assert_ptr_nonnull(strstr(truth(w), "\"code\":200,"));
	ck_assert_ptr_nonnull(strstr(truth(w), "\"sacked\":false"));
	ck_assert_ptr_nonnull(strstr(truth(w), "\"result\":\"open\""));
	world_free(w);
}
END_TEST

/* --- whatever comes ------------------------------------------------------- */

static void
random_event(struct world *w, struct prng *r)
{
	static const char *const says[] = {START("0001"), STOP("0002"),
		READ("0003"), "AT+GTRTO=gv620mg,3,,,,,,0004$", "+SACK:0000$",
		"AT+GTUPD=wrong1,1,,,,,0003$", "AT+GTCFG=gv620mg,,0001$",
		"\x80\xff$", "+SACK:GTHBD,,1234$",
		"AT+GTUPD=gv620mg,0,3,05,0,,,ftp://x,,1,,,FFFF$"};

	switch (prng_below(r, 8)) {
	case 0:
		w->mute = !w->mute;
		break;
	case 1:
		w->away = !w->away;
		break;
	case 2:
		if (w->up)
			world_cut(w);
		break;
	case 3:
		w->fetch_ok = !w->fetch_ok;
		break;
	default:
		if (w->up)
			world_say(w, says[prng_below(r, ARRAY_LEN(says))]);
		break;
	}
}

START_TEST(test_random_life)
{
	static const char faults[] = "no_ack=0.1,power_off=0.1,bad_url=0.1,"
	    "low_battery=0.1,download_fail=0.2,update_fail=0.1,"
	    "low_battery_install=0.1,lose_report=0.2,duplicate=0.3,"
	    "reorder=0.3,buffered=0.3,disconnect=0.3,garbage=0.3,split=0.3,"
	    "wrong_clock=0.3,lie_version=0.3,lose_result=0.1";
	struct world *w = world_new(faults);
	struct prng r;

	prng_init(&r, (uint64_t)_i);
	w->conf.seed = (uint64_t)_i;
	w->conf.download = _i % 2;
	w->conf.short_mode = _i % 3 == 0;
	w->conf.no_sack = _i % 5 == 0;
	w->conf.report_ms = _i % 7 == 0 ? MINUTE : 0;
	world_start(w);
	for (unsigned i = 0; i < 1500; i++) {
		world_run(w, (int64_t)prng_below(&r, MINUTE));
		/* A short connection is open for moments only. */
		if (w->conf.short_mode && !w->up && prng_below(&r, 2) == 0)
			(void)world_wait(w, "+", MINUTE);
		random_event(w, &r);
		w->frame_count = w->seen = 0;
		ck_assert_uint_le(w->t.out.len, OUTBOX_MAX);
		ck_assert_uint_le(w->t.history.acked.len,
		    w->t.history.received.len);
		ck_assert_uint_le(w->t.history.flashed.len,
		    w->t.history.acked.len);
		ck_assert(w->up == (w->t.link == LINK_UP));
		ck_assert(!(w->up && phase_is_dark(w->t.phase)));
	}
	/* Peace at last: everything that waited gets through. */
	w->mute = w->away = w->deaf = false;
	for (unsigned i = 0; i < 200; i++) {
		w->frame_count = w->seen = 0;
		world_run(w, MINUTE);
	}
	ck_assert_int_eq(w->t.phase, PHASE_IDLE);
	ck_assert_uint_eq(w->t.out.len, 0);
	ck_assert_uint_gt(w->t.history.attempts.len, 0);
	for (uint32_t i = 1; i <= w->t.history.attempts.len; i++)
		ck_assert_str_ne(result(w, i), "open");
	world_free(w);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sim tracker");
	TCase *life = tcase_create("life"), *update = tcase_create("update");
	TCase *fault = tcase_create("fault"), *rest = tcase_create("rest");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(life, test_identifies);
	tcase_add_test(life, test_counts_up_and_wraps);
	tcase_add_test(life, test_heartbeats);
	tcase_add_test(life, test_unanswered_heartbeats_reconnect);
	tcase_add_test(life, test_speed_divides);
	tcase_add_test(life, test_position_reports);
	tcase_add_test(life, test_reads_version);
	tcase_add_test(life, test_ack_of_read_varies);
	tcase_add_test(life, test_remote_reboot);
	tcase_add_test(life, test_wrong_password);
	tcase_add_test(life, test_malformed_start);
	tcase_add_test(life, test_resends_until_sacked);
	tcase_add_test(life, test_sends_nothing_else_meanwhile);
	tcase_add_test(life, test_without_sack);
	tcase_add_test(life, test_dead_link_is_given_up);
	tcase_add_test(life, test_buffered_after_reconnect);
	tcase_add_test(life, test_reports_of_an_outage_are_late);
	tcase_add_test(life, test_server_away_is_survived);
	tcase_add_test(update, test_update_honest);
	tcase_add_test(update, test_update_timing);
	tcase_add_test(update, test_update_is_silent_and_deaf);
	tcase_add_test(update, test_second_update);
	tcase_add_test(update, test_update_ble);
	tcase_add_test(update, test_version_from_url);
	tcase_add_test(update, test_power_on_report_is_optional);
	tcase_add_test(update, test_stop);
	tcase_add_test(update, test_stop_without_update);
	tcase_add_test(update, test_malformed_url);
	tcase_add_test(update, test_download_ok);
	tcase_add_test(update, test_download_broken);
	tcase_add_test(update, test_download_cannot_begin);
	tcase_add_test(update, test_download_second_try);
	tcase_add_test(update, test_download_stopped);
	tcase_add_loop_test(fault, test_fault_ends, 0, (int)ARRAY_LEN(ends));
	tcase_add_test(fault, test_no_ack_sends_nothing);
	tcase_add_test(fault, test_power_off_comes_back);
	tcase_add_test(fault, test_brick_is_never_heard_of_again);
	tcase_add_test(fault, test_fault_draws_again);
	tcase_add_test(fault, test_lost_report_varies);
	tcase_add_test(fault, test_duplicate_is_exact);
	tcase_add_test(fault, test_buffered_is_late_only);
	tcase_add_test(fault, test_disconnect_comes_back);
	tcase_add_test(fault, test_garbage_and_pieces);
	tcase_add_test(fault, test_wrong_clock_is_of_2004);
	tcase_add_test(fault, test_lie_is_told_until_the_next);
	tcase_add_test(fault, test_seed_decides);
	tcase_add_test(rest, test_short_closes_and_polls);
	tcase_add_test(rest, test_short_answers_on_the_next);
	tcase_add_test(rest, test_short_update);
	tcase_add_test(rest, test_short_without_sack_is_late);
	tcase_add_test(rest, test_truth_line);
	tcase_add_test(rest, test_truth_of_unsacked);
	tcase_add_loop_test(rest, test_random_life, 1, 31);
	suite_add_tcase(s, life);
	suite_add_tcase(s, update);
	suite_add_tcase(s, fault);
	suite_add_tcase(s, rest);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
