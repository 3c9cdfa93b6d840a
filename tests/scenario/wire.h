#ifndef TRACKUP_TESTS_WIRE_H
#define TRACKUP_TESTS_WIRE_H
/*
 * wire: what may never happen on a wire, held against everything that does.
 *
 * Written from design.md and reliability.md alone (S1 to S17): a grammar, a
 * start rule and a count of its own; nothing is asked of the core. It sees
 * frames both ways with the true time, each batch when it is handed to the
 * writer and again when it is durable, and what operators were told. A breach
 * ends the scenario through scn_fail().
 */
#include "core/record.h"

struct wire;

struct wire *wire_new(void);
void wire_free(struct wire *w);
/* Of one device, in place of the other. */
void wire_device_password(struct wire *w, uint64_t device,
    const char *password);
void wire_password(struct wire *w, const char *password);
/* Caps and clocks of a campaign, from its file's own words. */
struct wire_limits {
	int in_flight;
	int64_t per_hour;
	int64_t w_ms, ack_ms, confirm_ms;
	bool blind;              /* no target version */
	int tries;               /* N */
};
void wire_campaign(struct wire *w, const char *name,
    const struct wire_limits *l);
void wire_global(struct wire *w, int in_flight, int64_t per_hour);
/* An operator was told that nothing of it starts (NULL: of any), or may. */
void wire_forbid(struct wire *w, const char *campaign, bool on);
/* What was handed to the writer, and what is on disk. */
void wire_submitted(struct wire *w, const struct opbuf *ops);
void wire_durable(struct wire *w, const struct opbuf *ops);
/* The daemon went down: what was only submitted never happened. */
void wire_crash(struct wire *w);
/* --restored: the record may lag behind what left. */
void wire_restored(struct wire *w);

struct wire_conn {
	uint64_t id;
	uint64_t device;         /* which unit is behind it */
	bool open, newest, udp;
};
void wire_in(struct wire *w, const struct wire_conn *c, const char *frame,
    int64_t now_ms);
void wire_out(struct wire *w, const struct wire_conn *c, const char *frame,
    int64_t now_ms);
void wire_ack_out(struct wire *w, const struct wire_conn *c,
    const char *frame);
void wire_text(struct wire *w, const char *text); /* log lines */

#endif
