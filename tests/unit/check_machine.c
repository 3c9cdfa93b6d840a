#include "config.h"
#include "core/machine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/*
 * The attempt machine, cell by cell, against a second list: every cell that
 * moves, written by hand from design.md 3, in the order of its table. What is
 * not in the list must stay. Three readings of a row where it leaves room:
 *
 * "anything, +NACK: failed refused" leaves out verifying, where 301 says more,
 * and deferred, where the refusal is known already and is none for good.
 * "live attempt, foreign ACK: unsure" leaves out verifying and resolving: they
 * hold no slot and only a fence ends them, before as after.
 * An attempt after its provisional end goes to overdue by what raises reached:
 * its W is over, it holds no slot.
 */

struct move {
	enum phase from;
	enum attempt_event event;
	enum phase to;
};

#define M(from_, event_, to_) {PHASE_##from_, AE_##event_, PHASE_##to_}

/* clang-format off */
static const struct move moves[] = {
	/* the ticket is durable: written, or a gate had closed */
	M(INTENT, WRITTEN, SENDING), M(INTENT, NOT_WRITTEN, ENDED),

	/* sending, ACK with this serial, on any connection; unsure and overdue
	 * are ways of waiting */
	M(SENDING, ACK, ACKED), M(UNSURE, ACK, ACKED), M(OVERDUE, ACK, ACKED),
	M(PROVISIONAL, ACK, OVERDUE),

	/* any below the code: 100, 200, 201, 300; a fresh one reopens a
	 * deferral, and a fence that is awaited makes no difference */
	M(SENDING, 100, CONFIRMED), M(ACKED, 100, CONFIRMED),
	M(RESOLVING, 100, CONFIRMED), M(UNSURE, 100, CONFIRMED),
	M(OVERDUE, 100, CONFIRMED), M(DEFERRED, 100, CONFIRMED),
	M(PROVISIONAL, 100, OVERDUE),
	M(SENDING, 200_NEW, DOWNLOADING), M(ACKED, 200_NEW, DOWNLOADING),
	M(CONFIRMED, 200_NEW, DOWNLOADING),
	M(RESOLVING, 200_NEW, DOWNLOADING), M(UNSURE, 200_NEW, DOWNLOADING),
	M(OVERDUE, 200_NEW, DOWNLOADING), M(DEFERRED, 200_NEW, DOWNLOADING),
	M(PROVISIONAL, 200_NEW, OVERDUE),
	M(SENDING, 201, DOWNLOADED), M(ACKED, 201, DOWNLOADED),
	M(CONFIRMED, 201, DOWNLOADED), M(DOWNLOADING, 201, DOWNLOADED),
	M(RESOLVING, 201, DOWNLOADED), M(UNSURE, 201, DOWNLOADED),
	M(OVERDUE, 201, DOWNLOADED), M(DEFERRED, 201, DOWNLOADED),
	M(PROVISIONAL, 201, OVERDUE),
	M(SENDING, 300, UPDATING), M(ACKED, 300, UPDATING),
	M(CONFIRMED, 300, UPDATING), M(DOWNLOADING, 300, UPDATING),
	M(DOWNLOADED, 300, UPDATING), M(RESOLVING, 300, UPDATING),
	M(UNSURE, 300, UPDATING), M(OVERDUE, 300, UPDATING),
	M(DEFERRED, 300, UPDATING), M(PROVISIONAL, 300, OVERDUE),

	/* the deadline is renewed for an n above any seen */
	M(DOWNLOADING, 200_NEW, DOWNLOADING),

	/* our file server sends the package: as good as a 200, but that a
	 * deferral and a fence that is awaited are left alone */
	M(SENDING, GET, DOWNLOADING), M(ACKED, GET, DOWNLOADING),
	M(CONFIRMED, GET, DOWNLOADING), M(DOWNLOADING, GET, DOWNLOADING),
	M(UNSURE, GET, DOWNLOADING), M(OVERDUE, GET, DOWNLOADING),
	M(PROVISIONAL, GET, OVERDUE),

	/* sending, acked: 101, 103 */
	M(SENDING, 101, DEFERRED), M(ACKED, 101, DEFERRED),
	M(UNSURE, 101, DEFERRED), M(OVERDUE, 101, DEFERRED),
	M(PROVISIONAL, 101, DEFERRED),
	M(SENDING, 103, DEFERRED), M(ACKED, 103, DEFERRED),
	M(UNSURE, 103, DEFERRED), M(OVERDUE, 103, DEFERRED),
	M(PROVISIONAL, 103, DEFERRED),
	/* confirmed or later, before downloaded: 103 as 303 */
	M(CONFIRMED, 103, DEFERRED), M(DOWNLOADING, 103, DEFERRED),

	/* 102, no stop of ours sent: bad_url; downloading: foreign_cancel */
	M(SENDING, 102_URL, ENDED), M(ACKED, 102_URL, ENDED),
	M(CONFIRMED, 102_URL, ENDED), M(UNSURE, 102_URL, ENDED),
	M(OVERDUE, 102_URL, ENDED), M(PROVISIONAL, 102_URL, ENDED),
	M(DOWNLOADING, 102_FOREIGN, ENDED), M(UNSURE, 102_FOREIGN, ENDED),
	M(OVERDUE, 102_FOREIGN, ENDED), M(PROVISIONAL, 102_FOREIGN, ENDED),
	/* any before downloaded, 102 after our stop: fence (rule 5) */
	M(SENDING, 102_STOP, RESOLVING), M(ACKED, 102_STOP, RESOLVING),
	M(CONFIRMED, 102_STOP, RESOLVING),
	M(DOWNLOADING, 102_STOP, RESOLVING), M(UNSURE, 102_STOP, RESOLVING),
	M(OVERDUE, 102_STOP, RESOLVING),
	M(PROVISIONAL, 102_STOP, RESOLVING),

	/* sending … downloading: the last 202 */
	M(SENDING, 202_LAST, ENDED), M(ACKED, 202_LAST, ENDED),
	M(CONFIRMED, 202_LAST, ENDED), M(DOWNLOADING, 202_LAST, ENDED),
	M(UNSURE, 202_LAST, ENDED), M(OVERDUE, 202_LAST, ENDED),
	M(PROVISIONAL, 202_LAST, ENDED),

	/* sending … downloaded: 303 */
	M(SENDING, 303, DEFERRED), M(ACKED, 303, DEFERRED),
	M(CONFIRMED, 303, DEFERRED), M(DOWNLOADING, 303, DEFERRED),
	M(DOWNLOADED, 303, DEFERRED), M(UNSURE, 303, DEFERRED),
	M(OVERDUE, 303, DEFERRED), M(PROVISIONAL, 303, DEFERRED),

	/* confirmed … updating: 301; without a target version: succeeded */
	M(CONFIRMED, 301, VERIFYING), M(DOWNLOADING, 301, VERIFYING),
	M(DOWNLOADED, 301, VERIFYING), M(UPDATING, 301, VERIFYING),
	M(RESOLVING, 301, VERIFYING), M(UNSURE, 301, VERIFYING),
	M(OVERDUE, 301, VERIFYING), M(DEFERRED, 301, VERIFYING),
	M(PROVISIONAL, 301, VERIFYING),
	M(CONFIRMED, 301_BARE, ENDED), M(DOWNLOADING, 301_BARE, ENDED),
	M(DOWNLOADED, 301_BARE, ENDED), M(UPDATING, 301_BARE, ENDED),
	M(VERIFYING, 301_BARE, ENDED), M(RESOLVING, 301_BARE, ENDED),
	M(UNSURE, 301_BARE, ENDED), M(OVERDUE, 301_BARE, ENDED),
	M(DEFERRED, 301_BARE, ENDED), M(PROVISIONAL, 301_BARE, ENDED),

	/* confirmed … updating: 302, and 3xx that nobody knows */
	M(CONFIRMED, 302, RESOLVING), M(DOWNLOADING, 302, RESOLVING),
	M(DOWNLOADED, 302, RESOLVING), M(UPDATING, 302, RESOLVING),
	M(UNSURE, 302, RESOLVING), M(OVERDUE, 302, RESOLVING),
	M(PROVISIONAL, 302, RESOLVING),
	M(CONFIRMED, 3XX, RESOLVING), M(DOWNLOADING, 3XX, RESOLVING),
	M(DOWNLOADED, 3XX, RESOLVING), M(UPDATING, 3XX, RESOLVING),
	M(UNSURE, 3XX, RESOLVING), M(OVERDUE, 3XX, RESOLVING),
	M(PROVISIONAL, 3XX, RESOLVING),

	/* a fence with the hop's version, anywhere after the start */
	M(SENDING, FENCE_TARGET, ENDED), M(ACKED, FENCE_TARGET, ENDED),
	M(CONFIRMED, FENCE_TARGET, ENDED),
	M(DOWNLOADING, FENCE_TARGET, ENDED),
	M(DOWNLOADED, FENCE_TARGET, ENDED), M(UPDATING, FENCE_TARGET, ENDED),
	M(VERIFYING, FENCE_TARGET, ENDED), M(RESOLVING, FENCE_TARGET, ENDED),
	M(UNSURE, FENCE_TARGET, ENDED), M(OVERDUE, FENCE_TARGET, ENDED),
	M(DEFERRED, FENCE_TARGET, ENDED),
	M(PROVISIONAL, FENCE_TARGET, ENDED),
	/* with the old version: failed by what was reached */
	M(SENDING, FENCE_OLD, ENDED), M(ACKED, FENCE_OLD, ENDED),
	M(CONFIRMED, FENCE_OLD, ENDED), M(DOWNLOADING, FENCE_OLD, ENDED),
	M(DOWNLOADED, FENCE_OLD, ENDED), M(UPDATING, FENCE_OLD, ENDED),
	M(VERIFYING, FENCE_OLD, ENDED), M(RESOLVING, FENCE_OLD, ENDED),
	M(UNSURE, FENCE_OLD, ENDED), M(OVERDUE, FENCE_OLD, ENDED),
	M(PROVISIONAL, FENCE_OLD, ENDED),
	/* with another version */
	M(SENDING, FENCE_OTHER, ENDED), M(ACKED, FENCE_OTHER, ENDED),
	M(CONFIRMED, FENCE_OTHER, ENDED), M(DOWNLOADING, FENCE_OTHER, ENDED),
	M(DOWNLOADED, FENCE_OTHER, ENDED), M(UPDATING, FENCE_OTHER, ENDED),
	M(VERIFYING, FENCE_OTHER, ENDED), M(RESOLVING, FENCE_OTHER, ENDED),
	M(UNSURE, FENCE_OTHER, ENDED), M(OVERDUE, FENCE_OTHER, ENDED),
	M(PROVISIONAL, FENCE_OTHER, ENDED),
	/* no target version (rule 7) */
	M(SENDING, FENCE_BLIND, ENDED), M(ACKED, FENCE_BLIND, ENDED),
	M(CONFIRMED, FENCE_BLIND, ENDED), M(DOWNLOADING, FENCE_BLIND, ENDED),
	M(DOWNLOADED, FENCE_BLIND, ENDED), M(UPDATING, FENCE_BLIND, ENDED),
	M(VERIFYING, FENCE_BLIND, ENDED), M(RESOLVING, FENCE_BLIND, ENDED),
	M(UNSURE, FENCE_BLIND, ENDED), M(OVERDUE, FENCE_BLIND, ENDED),
	M(PROVISIONAL, FENCE_BLIND, ENDED),
	/* read and dropped: sending, and unsure with nothing reached */
	M(SENDING, FENCE_DROPPED, ENDED), M(UNSURE, FENCE_DROPPED, ENDED),
	/* rule 3 */
	M(SENDING, FENCE_UNPROVEN, UNSURE), M(ACKED, FENCE_UNPROVEN, UNSURE),
	M(CONFIRMED, FENCE_UNPROVEN, UNSURE),
	M(DOWNLOADING, FENCE_UNPROVEN, UNSURE),
	M(DOWNLOADED, FENCE_UNPROVEN, UNSURE),
	M(UPDATING, FENCE_UNPROVEN, UNSURE),
	/* rule 8: cancel wanted */
	M(SENDING, FENCE_CANCEL, ENDED), M(ACKED, FENCE_CANCEL, ENDED),
	M(CONFIRMED, FENCE_CANCEL, ENDED),
	M(DOWNLOADING, FENCE_CANCEL, ENDED),
	M(DOWNLOADED, FENCE_CANCEL, ENDED), M(UPDATING, FENCE_CANCEL, ENDED),
	M(VERIFYING, FENCE_CANCEL, ENDED), M(RESOLVING, FENCE_CANCEL, ENDED),
	M(UNSURE, FENCE_CANCEL, ENDED), M(OVERDUE, FENCE_CANCEL, ENDED),
	M(PROVISIONAL, FENCE_CANCEL, ENDED),
	/* three ACKs without a version */
	M(SENDING, MODE_OVER, ENDED), M(ACKED, MODE_OVER, ENDED),
	M(CONFIRMED, MODE_OVER, ENDED), M(DOWNLOADING, MODE_OVER, ENDED),
	M(DOWNLOADED, MODE_OVER, ENDED), M(UPDATING, MODE_OVER, ENDED),
	M(VERIFYING, MODE_OVER, ENDED), M(RESOLVING, MODE_OVER, ENDED),
	M(UNSURE, MODE_OVER, ENDED), M(OVERDUE, MODE_OVER, ENDED),
	M(PROVISIONAL, MODE_OVER, ENDED),

	/* sending, acked: the deadline, or the connection is lost */
	M(SENDING, DEADLINE, UNSURE), M(ACKED, DEADLINE, UNSURE),
	M(SENDING, CONN_LOST, UNSURE), M(ACKED, CONN_LOST, UNSURE),
	/* any live phase: its deadline; W overrides all others */
	M(CONFIRMED, DEADLINE, OVERDUE), M(DOWNLOADING, DEADLINE, OVERDUE),
	M(DOWNLOADED, DEADLINE, OVERDUE), M(UPDATING, DEADLINE, OVERDUE),
	M(VERIFYING, DEADLINE, OVERDUE), M(RESOLVING, DEADLINE, OVERDUE),
	M(SENDING, W_OVER, OVERDUE), M(ACKED, W_OVER, OVERDUE),
	M(CONFIRMED, W_OVER, OVERDUE), M(DOWNLOADING, W_OVER, OVERDUE),
	M(DOWNLOADED, W_OVER, OVERDUE), M(UPDATING, W_OVER, OVERDUE),
	M(UNSURE, W_OVER, OVERDUE),
	/* unsure, overdue: given up */
	M(UNSURE, GIVE_UP, PROVISIONAL), M(OVERDUE, GIVE_UP, PROVISIONAL),

	/* cancel wanted: a flag, but for what has no start under way */
	M(DEFERRED, CANCEL, ENDED),

	/* live attempt, a foreign ACK */
	M(SENDING, FOREIGN_ACK, UNSURE), M(ACKED, FOREIGN_ACK, UNSURE),
	M(CONFIRMED, FOREIGN_ACK, UNSURE),
	M(DOWNLOADING, FOREIGN_ACK, UNSURE),
	M(DOWNLOADED, FOREIGN_ACK, UNSURE), M(UPDATING, FOREIGN_ACK, UNSURE),

	/* anything: NACK with our serial */
	M(SENDING, NACK, ENDED), M(ACKED, NACK, ENDED),
	M(CONFIRMED, NACK, ENDED), M(DOWNLOADING, NACK, ENDED),
	M(DOWNLOADED, NACK, ENDED), M(UPDATING, NACK, ENDED),
	M(RESOLVING, NACK, ENDED), M(UNSURE, NACK, ENDED),
	M(OVERDUE, NACK, ENDED), M(PROVISIONAL, NACK, ENDED),

	/* unknown 1xx, before a package arrived */
	M(SENDING, 1XX, ENDED), M(ACKED, 1XX, ENDED), M(CONFIRMED, 1XX, ENDED),
	M(DOWNLOADING, 1XX, ENDED), M(UNSURE, 1XX, ENDED),
	M(OVERDUE, 1XX, ENDED), M(PROVISIONAL, 1XX, ENDED),

	/* rule 4: a final code that may be an older start's */
	M(SENDING, FINAL_HELD, UNSURE), M(ACKED, FINAL_HELD, UNSURE),

	/* daemon starts: intent without evidence */
	M(INTENT, RESTART, UNSURE), M(SENDING, RESTART, UNSURE),
};
/* clang-format on */

static bool
is_machine_phase(int phase)
{
	return phase >= PHASE_INTENT && phase <= PHASE_PROVISIONAL &&
	    phase != PHASE_CANCELLING;
}

static const struct move *
move_of(int phase, int event)
{
	for (size_t i = 0; i < ARRAY_LEN(moves); i++)
		if ((int)moves[i].from == phase &&
		    (int)moves[i].event == event)
			return &moves[i];
	return NULL;
}

static const struct attempt_cell *
cell_of(int phase, int event)
{
	return attempt_cell((enum phase)phase, (enum attempt_event)event);
}

/* One test a phase, so that each is counted and a failure names its row. */
START_TEST(cells_of_phase)
{
	int p = _i;

	if (!is_machine_phase(p)) {
		for (int e = 0; e < AE_EVENT_COUNT_; e++)
			ck_assert_msg(cell_of(p, e)->kind == CELL_UNSET,
			    "%s is no phase of the machine",
			    phase_name((enum phase)p));
		return;
	}
	for (int e = 0; e < AE_EVENT_COUNT_; e++) {
		const struct attempt_cell *c = cell_of(p, e);
		const struct move *m = move_of(p, e);
		const char *ev = attempt_event_name((enum attempt_event)e);
		const char *ph = phase_name((enum phase)p);

		ck_assert_msg(c->kind != CELL_UNSET, "%s, %s: a hole", ph, ev);
		if (m == NULL) {
			ck_assert_msg(c->kind == CELL_STAY,
			    "%s, %s: must stay, goes to %s", ph, ev,
			    phase_name(c->next));
			continue;
		}
		ck_assert_msg(c->kind == CELL_GO && c->next == m->to,
		    "%s, %s: must go to %s, %s %s", ph, ev,
		    phase_name(m->to), c->kind == CELL_GO ? "goes to" : "is",
		    c->kind == CELL_GO ? phase_name(c->next) : "a stay");
	}
}
END_TEST

START_TEST(list_names_each_cell_once)
{
	for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
		ck_assert(is_machine_phase((int)moves[i].from));
		ck_assert_ptr_eq(move_of((int)moves[i].from,
		    (int)moves[i].event), &moves[i]);
	}
}
END_TEST

/* An attempt ends by an action that ends it, and by no other. */
static bool
action_ends(enum attempt_action a)
{
	switch (a) {
	case ACT_WITHDRAW:
	case ACT_REFUSED:
	case ACT_FAIL_CODE:
	case ACT_SUCCEED:
	case ACT_SETTLE:
	case ACT_WRONG:
	case ACT_BLIND:
	case ACT_DROPPED:
	case ACT_CANCELLED:
		return true;
	default:
		return false;
	}
}

START_TEST(ends_and_actions_agree)
{
	for (int p = PHASE_INTENT; p <= PHASE_PROVISIONAL; p++)
		for (int e = 0; e < AE_EVENT_COUNT_; e++) {
			const struct attempt_cell *c = cell_of(p, e);

			ck_assert_msg(action_ends(c->action) ==
			    (c->kind == CELL_GO && c->next == PHASE_ENDED),
			    "%s, %s: %s", phase_name((enum phase)p),
			    attempt_event_name((enum attempt_event)e),
			    attempt_action_name(c->action));
		}
}
END_TEST

/* A late copy of a final code never ends an attempt; nor does one that is
 * lower than what was reached; nor any report before the start was written. */
START_TEST(what_never_ends)
{
	static const enum attempt_event never[] = {AE_BUFF_FINAL, AE_CODE_LOW,
	    AE_DOUBTFUL, AE_2XX, AE_200_OLD, AE_202_MORE};

	for (int p = PHASE_INTENT; p <= PHASE_PROVISIONAL; p++)
		for (size_t i = 0; i < ARRAY_LEN(never); i++)
			ck_assert(cell_of(p, (int)never[i])->kind != CELL_GO);
	for (int e = AE_ACK; e <= AE_MODE_OVER; e++)
		ck_assert_int_eq(cell_of(PHASE_INTENT, e)->kind, CELL_STAY);
}
END_TEST

/* No stop is wanted once the package has arrived (S10). */
START_TEST(cancel_is_late_from_downloaded_on)
{
	static const struct {
		enum phase phase;
		enum attempt_action action;
	} rows[] = {{PHASE_SENDING, ACT_CANCEL}, {PHASE_ACKED, ACT_CANCEL},
	    {PHASE_CONFIRMED, ACT_CANCEL}, {PHASE_DOWNLOADING, ACT_CANCEL},
	    {PHASE_UNSURE, ACT_CANCEL}, {PHASE_OVERDUE, ACT_CANCEL},
	    {PHASE_DOWNLOADED, ACT_CANCEL_LATE},
	    {PHASE_UPDATING, ACT_CANCEL_LATE},
	    {PHASE_VERIFYING, ACT_CANCEL_LATE}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_int_eq(cell_of((int)rows[i].phase, AE_CANCEL)
				     ->action,
		    rows[i].action);
}
END_TEST

/* Names are of the log and of the tests: each there, and each another. */
START_TEST(names_are_unique)
{
	for (int a = 0; a < AE_EVENT_COUNT_; a++) {
		const char *name = attempt_event_name((enum attempt_event)a);

		ck_assert_ptr_nonnull(name);
		for (int b = 0; b < a; b++)
			ck_assert_str_ne(name,
			    attempt_event_name((enum attempt_event)b));
	}
	for (int a = 0; a < ACT_COUNT_; a++)
		ck_assert_ptr_nonnull(
		    attempt_action_name((enum attempt_action)a));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("machine");
	TCase *tc = tcase_create("table");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, cells_of_phase, 0, PHASE_COUNT_);
	tcase_add_test(tc, list_names_each_cell_once);
	tcase_add_test(tc, ends_and_actions_agree);
	tcase_add_test(tc, what_never_ends);
	tcase_add_test(tc, cancel_is_late_from_downloaded_on);
	tcase_add_test(tc, names_are_unique);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
