#include "config.h"
#include "world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/devid.h"

#define EPOCH_MS INT64_C(1800000000000)

static struct world *
world_of(struct tracker *t)
{
	return CONTAINER_OF(t, struct world, t);
}

static void
later(struct world *w, const struct world_pending *p)
{
	ck_assert_uint_lt(w->pending_count, WORLD_PENDING_MAX);
	w->pending[w->pending_count++] = *p;
}

static void
io_connect(struct tracker *t)
{
	struct world *w = world_of(t);
	struct world_pending p = {
		.at_ms = w->now.mono_ms + w->latency_ms,
		.what = w->away ? WORLD_REFUSE : WORLD_OPEN,
		.link = ++w->link,
	};

	ck_assert(!w->up);
	later(w, &p);
}

static void
forget(struct world *w, enum world_what what)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->pending_count; i++)
		if (w->pending[i].what != what)
			w->pending[kept++] = w->pending[i];
	w->pending_count = kept;
}

static void
io_disconnect(struct tracker *t)
{
	struct world *w = world_of(t);

	w->up = false;
	forget(w, WORLD_OPEN);
	forget(w, WORLD_REFUSE);
	forget(w, WORLD_FRAME);
}

/* What a server that follows the protocol answers. */
static void
answer(struct world *w, const struct world_frame *f)
{
	struct world_pending p = {
		.at_ms = w->now.mono_ms + 2 * w->latency_ms,
		.what = WORLD_FRAME,
		.link = w->link,
	};
	bool heartbeat = strstr(f->text, ":GTHBD,") != NULL;

	if (heartbeat ? w->deaf : w->mute)
		return;
	if (!heartbeat && strncmp(f->text, "+ACK:", 5) == 0)
		return;
	(void)snprintf(p.text, sizeof(p.text), "+SACK:%s%s$",
	    heartbeat ? "GTHBD,C20100," : "", world_field(f, 1));
	later(w, &p);
}

static void
io_send(struct tracker *t, const void *p, size_t n, bool in_pieces)
{
	struct world *w = world_of(t);
	struct world_frame *f = &w->frames[w->frame_count];
	const char *text = p;

	ck_assert(w->up);
	w->in_pieces += in_pieces;
	if (text[0] != '+') {
		w->junk += n;
		return;
	}
	ck_assert_uint_lt(w->frame_count, WORLD_FRAMES_MAX);
	ck_assert_uint_lt(n, sizeof(f->text));
	ck_assert_int_eq(text[n - 1], '$');
	ck_assert_ptr_eq(memchr(text, '$', n), text + n - 1);
	memcpy(f->text, text, n);
	f->text[n] = '\0';
	f->at_ms = w->now.mono_ms;
	f->link = w->link;
	w->frame_count++;
	answer(w, f);
}

static bool
io_fetch(struct tracker *t, const struct tracker_fetch *fetch)
{
	struct world *w = world_of(t);
	struct world_pending p = {
		.at_ms = w->now.mono_ms + w->fetch_ms,
		.what = WORLD_FETCHED,
		.ok = w->fetch_ok,
	};

	(void)span_copy(w->last_url, sizeof(w->last_url),
	    span_str(fetch->url));
	w->last_timeout_ms = fetch->timeout_ms;
	if (w->fetch_refused)
		return false;
	w->fetches++;
	later(w, &p);
	return true;
}

static void
io_fetch_cancel(struct tracker *t)
{
	struct world *w = world_of(t);

	w->cancels++;
	forget(w, WORLD_FETCHED);
}

static const struct tracker_io world_io = {io_connect, io_disconnect, io_send,
	io_fetch, io_fetch_cancel};

struct world *
world_new(const char *faults)
{
	struct world *w = calloc(1, sizeof(*w));
	struct errtext err = {0};

	ck_assert_ptr_nonnull(w);
	faults_init(&w->faults);
	if (faults != NULL)
		ck_assert_msg(faults_parse(&w->faults, span_str(faults),
		    &err) == 0, "%s", err.text);
	w->conf = (struct tracker_conf){
		.password = "gv620mg",
		.firmware = "0A03",
		.next_firmware = "0A05",
		.faults = &w->faults,
		.seed = 1,
		.speed = 1,
		.heartbeat_ms = 5 * MINUTE,
	};
	w->now = (struct moment){1000, EPOCH_MS};
	w->latency_ms = 20;
	w->fetch_ok = true;
	w->fetch_ms = 40 * SECOND;
	return w;
}

void
world_free(struct world *w)
{
	tracker_done(&w->t);
	faults_done(&w->faults);
	free(w);
}

void
world_start(struct world *w)
{
	struct devid id;

	ck_assert_int_eq(devid_parse(span_str(WORLD_ID), &id), 0);
	tracker_init(&w->t, &w->conf, &world_io, WORLD_ID, id.key, w->now, 1);
}

static void
deliver(struct world *w, const struct world_pending *p)
{
	switch (p->what) {
	case WORLD_OPEN:
		w->up = true;
		tracker_opened(&w->t, w->now);
		break;
	case WORLD_REFUSE:
		tracker_closed(&w->t, w->now);
		break;
	case WORLD_FRAME:
		if (w->up && p->link == w->link)
			tracker_input(&w->t, span_str(p->text), w->now);
		break;
	case WORLD_FETCHED:
		tracker_fetched(&w->t, p->ok, p->ok ? 1000 : 10, w->now);
		break;
	}
}

/* The earliest pending thing, NULL when there is none. */
static struct world_pending *
next_pending(struct world *w)
{
	struct world_pending *first = NULL;

	for (size_t i = 0; i < w->pending_count; i++)
		if (first == NULL || w->pending[i].at_ms < first->at_ms)
			first = &w->pending[i];
	return first;
}

static void
move_clock(struct world *w, int64_t to_ms)
{
	ck_assert_int_ge(to_ms, w->now.mono_ms);
	w->now.wall_ms += to_ms - w->now.mono_ms;
	w->now.mono_ms = to_ms;
}

/* One event, not after end. False: there was none, the clock stands there. */
static bool
step(struct world *w, int64_t end_ms)
{
	struct world_pending *p = next_pending(w), copy;
	int64_t timer = tracker_next(&w->t);

	if (p != NULL && p->at_ms <= timer && p->at_ms <= end_ms) {
		copy = *p;
		*p = w->pending[--w->pending_count];
		move_clock(w, MAX_OF(copy.at_ms, w->now.mono_ms));
		deliver(w, &copy);
		return true;
	}
	if (timer <= end_ms) {
		move_clock(w, MAX_OF(timer, w->now.mono_ms));
		tracker_tick(&w->t, w->now);
		return true;
	}
	move_clock(w, end_ms);
	return false;
}

void
world_run(struct world *w, int64_t ms)
{
	int64_t end = w->now.mono_ms + ms;

	while (step(w, end))
		;
}

void
world_say(struct world *w, const char *text)
{
	ck_assert_msg(w->up, "the tracker is not connected");
	tracker_input(&w->t, span_str(text), w->now);
}

void
world_cut(struct world *w)
{
	w->up = false;
	forget(w, WORLD_FRAME);
	tracker_closed(&w->t, w->now);
}

const struct world_frame *
world_wait(struct world *w, const char *text, int64_t ms)
{
	int64_t end = w->now.mono_ms + ms;

	for (;;) {
		while (w->seen < w->frame_count) {
			struct world_frame *f = &w->frames[w->seen++];

			if (strstr(f->text, text) != NULL)
				return f;
		}
		if (!step(w, end))
			return NULL;
	}
}

unsigned
world_count(const struct world *w, const char *text)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->frame_count; i++)
		n += strstr(w->frames[i].text, text) != NULL;
	return n;
}

static const char *
field_of(const char *text, unsigned from_end, char buf[64])
{
	struct span rest = span_of(text, strlen(text) - 1), field = {0};

	for (unsigned i = 0; i < from_end; i++)
		ck_assert(span_field_last(&rest, ',', &field));
	(void)span_copy(buf, 64, field);
	return buf;
}

const char *
world_field(const struct world_frame *f, unsigned from_end)
{
	static char buf[8][64];
	static unsigned turn;

	return field_of(f->text, from_end, buf[turn++ % 8]);
}

static bool
is_copy(const struct world *w, size_t i)
{
	/* The kind apart, a copy is the same to the last byte. */
	for (size_t k = 0; k < i; k++)
		if (strcmp(w->frames[k].text + 5, w->frames[i].text + 5) == 0)
			return true;
	return false;
}

static const char *
codes(const struct world *w, bool copies)
{
	static char text[2048];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < w->frame_count; i++) {
		const struct world_frame *f = &w->frames[i];
		const char *times;

		if (strncmp(f->text, "+ACK", 4) == 0 ||
		    strncmp(f->text + 5, ":GTUPD", 6) != 0 ||
		    (!copies && is_copy(w, i)))
			continue;
		times = world_field(f, 3);
		ck_assert_uint_lt(at + 16, sizeof(text));
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "%s%s%s%s", at > 0 ? " " : "", world_field(f, 4),
		    times[0] != '\0' ? "/" : "", times);
	}
	return text;
}

const char *
world_codes(const struct world *w)
{
	return codes(w, false);
}

const char *
world_codes_raw(const struct world *w)
{
	return codes(w, true);
}
