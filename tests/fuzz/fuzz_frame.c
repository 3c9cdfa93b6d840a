/*
 * fuzz_frame: framer, decoder and the answers that follow from them.
 *
 * The first line of the input says how the stream behind it is cut: each of
 * its bytes is the length of one portion, over and over. So a seed is a text
 * file that a person can write.
 */
#include "config.h"

#include <string.h>

#include "../unit/feeder.h"
#include "fuzz.h"
#include "proto/encode.h"
#include "proto/message.h"

/* Views are of the frame, or of what a binary frame had spelt. */
static void
check_inside(const struct message *m, struct span part)
{
	const char *own = (const char *)&m->own;
	struct span s = m->raw;

	if (part.n > 0 && part.p >= own && part.p < own + sizeof(m->own)) {
		MUST(m->family != FRAME_ASCII);
		s = span_of(own, sizeof(m->own));
	}
	if (part.n > 0)
		MUST(part.p >= s.p && part.p + part.n <= s.p + s.n);
}

static void
check_ends(const struct frame *f)
{
	const char *p = f->bytes.p;
	size_t n = f->bytes.n;

	switch (f->family) {
	case FRAME_ASCII:
		MUST(p[0] == '+' && (p[n - 1] == '$' || p[n - 1] == '\0'));
		break;
	case FRAME_HEX1:
		MUST(n >= 9 && p[0] == '+' && p[1] >= 'A' && p[1] <= 'Z');
		MUST(p[n - 2] == '\r' && p[n - 1] == '\n');
		break;
	case FRAME_HEX2:
		MUST(n >= 17 && n <= 1440 && (p[0] == '+' || p[0] == '-'));
		MUST(p[n - 1] == '$');
		break;
	}
}

/* What a tracker sent may come back to it, and then only as a frame that the
 * grammar knows. */
static void
check_answers(const struct message *m)
{
	char buf[COMMAND_MAX + 1];
	int n = encode_sack(buf, sizeof(buf), m->count_text);

	MUST(n > 0 && command_check(span_of(buf, (size_t)n)) == 0);
	n = encode_sack_heartbeat(buf, sizeof(buf), m->protover,
	    m->count_text);
	MUST(n > 0 ? command_check(span_of(buf, (size_t)n)) == 0 :
	    buf[0] == '\0');
}

static void
check_frame(const struct frame *f)
{
	struct message m;
	enum msg_bad bad;
	int r = message_decode(f, &m, &bad);

	check_ends(f);
	MUST((r == 0) == (bad == MSG_BAD_NONE));
	MUST(m.kind < MSG_KIND_COUNT_ && m.code >= -1 && m.code <= 999);
	MUST(span_eq(m.raw, f->bytes));
	/* Of a binary frame it is a constant. */
	if (m.family == FRAME_ASCII)
		check_inside(&m, m.type);
	check_inside(&m, m.protover);
	check_inside(&m, m.name);
	check_inside(&m, m.send_time);
	check_inside(&m, m.count_text);
	check_inside(&m, m.device_type);
	check_inside(&m, m.firmware);
	check_inside(&m, m.hardware);
	MUST(m.has_id == (m.id.key != 0));
	/* Their masks may leave out what family A always has. */
	if (r == 0 && m.family == FRAME_ASCII)
		MUST(m.has_id && m.count_text.n > 0);
	if (m.count_text.n > 0)
		check_answers(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	const char *line = size == 0 ? NULL : memchr(p, '\n', size);
	size_t cuts = line == NULL ? 0 : (size_t)(line - p);
	size_t max = cuts % 2 == 0 ? FRAME_MAX_DEFAULT : FRAME_MAX_LEAST;
	struct span s = line == NULL ? span_of(p, size) :
	    span_of(line + 1, size - cuts - 1);
	struct feeder whole, parts;
	size_t at = 0, lost = 0;

	feeder_init(&whole, max);
	feeder_init(&parts, max);
	whole.room = s.n + max;
	whole.on_frame = check_frame;
	if (s.n > 0)
		feeder_push(&whole, s.p, s.n);
	for (size_t i = 0; at < s.n; i++) {
		size_t n = cuts == 0 ? 1 : (uint8_t)p[i % cuts] % 64U + 1;

		n = n < s.n - at ? n : s.n - at;
		feeder_push(&parts, s.p + at, n);
		at += n;
	}
	MUST(strcmp(feeder_end(&whole), feeder_end(&parts)) == 0);
	for (int why = 0; why < FRAME_WHY_COUNT_; why++) {
		MUST(whole.lost[why] == parts.lost[why]);
		lost += whole.lost[why];
	}
	MUST(lost + whole.len <= s.n && whole.len < max);
	feeder_done(&whole);
	feeder_done(&parts);
	return 0;
}
