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

static void
check_inside(struct span part, struct span whole)
{
	if (part.n > 0)
		MUST(part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
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
	char last = f->bytes.p[f->bytes.n - 1];

	MUST(f->bytes.p[0] == '+' && (last == '$' || last == '\0'));
	MUST((r == 0) == (bad == MSG_BAD_NONE));
	MUST(m.kind < MSG_KIND_COUNT_ && m.code >= -1 && m.code <= 999);
	MUST(span_eq(m.raw, f->bytes));
	check_inside(m.type, f->bytes);
	check_inside(m.protover, f->bytes);
	check_inside(m.name, f->bytes);
	check_inside(m.send_time, f->bytes);
	check_inside(m.count_text, f->bytes);
	check_inside(m.device_type, f->bytes);
	check_inside(m.firmware, f->bytes);
	check_inside(m.hardware, f->bytes);
	if (r == 0)
		MUST(m.id.key != 0 && m.count_text.n > 0);
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
