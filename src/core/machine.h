#ifndef TRACKUP_CORE_MACHINE_H
#define TRACKUP_CORE_MACHINE_H
/*
 * machine: the life of one attempt as a table [phase][event], total.
 *
 * Pure data. Guards are resolved before the lookup into distinct events
 * (attempt_classify_code, attempt_classify_fence), so that the table can be
 * read aloud. attempt_step() in attempts.c is the only place that assigns the
 * phase. design.md 3 is the source of every cell that moves.
 */
#include "core/words.h"

enum attempt_event {
	AE_WRITTEN,       /* the kernel took the start */
	AE_NOT_WRITTEN,   /* a gate closed, or the connection did */
	AE_ACK,           /* +ACK:GTUPD with this serial */
	AE_NACK,          /* +NACK with this serial */
	AE_FOREIGN_ACK,   /* +ACK:GTUPD with a serial never issued */
	AE_100,
	AE_101,
	AE_102_URL,       /* no stop of ours, below downloading */
	AE_102_FOREIGN,   /* no stop of ours, downloading */
	AE_102_STOP,      /* after our stop */
	AE_DOUBTFUL,      /* may be an older start's: 301, 302 below confirmed,
	                   * 102 within W of an earlier attempt's stop */
	AE_103,
	AE_200_NEW,       /* n above any seen */
	AE_200_OLD,
	AE_GET,           /* our file server sends it the package */
	AE_201,
	AE_202_MORE,      /* the tracker tries again by itself */
	AE_202_LAST,
	AE_300,
	AE_301,
	AE_301_BARE,      /* live, and no target version is known */
	AE_302,
	AE_303,
	AE_1XX,
	AE_2XX,
	AE_3XX,
	AE_FINAL_HELD,    /* rule 4: a final code that may be an older start's */
	AE_BUFF_FINAL,    /* a late copy of a final code, as high as reached */
	AE_CODE_LOW,      /* any code lower than what was reached */
	AE_FENCE_TARGET,
	AE_FENCE_OLD,     /* also any other version below downloaded */
	AE_FENCE_OTHER,   /* neither from nor to, downloaded or more */
	AE_FENCE_BLIND,   /* no target version to hold it against */
	AE_FENCE_DROPPED, /* the read-and-dropped proof */
	AE_FENCE_UNPROVEN, /* rule 3: the start may still be on its way */
	AE_FENCE_CANCEL,  /* not the target, and a cancel is wanted */
	AE_MODE_OVER,     /* three fences without a version */
	AE_DEADLINE,      /* of the phase */
	AE_W_OVER,
	AE_GIVE_UP,       /* W and silent over, or three reads unanswered */
	AE_CONN_LOST,
	AE_CANCEL,
	AE_RESTART,
	AE_EVENT_COUNT_
};

enum attempt_action {
	ACT_RECORD,       /* nothing but its row in the timeline */
	ACT_WRITTEN, ACT_WITHDRAW, ACT_ACK, ACT_REFUSED, ACT_FOREIGN,
	ACT_PROGRESS,     /* reached rises, the deadline is new */
	ACT_DEFER, ACT_FAIL_CODE, ACT_HOLD, ACT_ASK, ACT_CLAIM, ACT_SUCCEED,
	ACT_SETTLE,       /* by the held code, else by what was reached */
	ACT_WRONG, ACT_BLIND, ACT_DROPPED, ACT_DOUBT, ACT_CANCELLED,
	ACT_OVERDUE, ACT_W_OVER, ACT_PROVISIONAL, ACT_LOST, ACT_CANCEL,
	ACT_CANCEL_LATE, ACT_RESTART,
	ACT_COUNT_
};

enum cell_kind { CELL_UNSET = 0, CELL_STAY, CELL_GO };

struct attempt_cell {
	enum cell_kind kind;
	enum phase next;      /* of CELL_GO */
	enum attempt_action action;
};

/* Never a CELL_UNSET for a phase from intent to provisional. */
const struct attempt_cell *attempt_cell(enum phase phase,
    enum attempt_event ev);
const char *attempt_event_name(enum attempt_event ev);
const char *attempt_action_name(enum attempt_action act);

#endif
