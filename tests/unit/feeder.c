#include "config.h"

#include "feeder.h"

#include <stdio.h>
#include <stdlib.h>

#define MUST(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: broken promise: %s\n", \
			    __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

void
feeder_init(struct feeder *fd, size_t max)
{
	*fd = (struct feeder){.max = max, .room = max};
	sbuf_init(&fd->log, 0);
}

void
feeder_done(struct feeder *fd)
{
	free(fd->buf);
	sbuf_done(&fd->log);
}

static void
log_bytes(struct feeder *fd, const char *what, struct span s)
{
	sbuf_addf(&fd->log, "%s %zu ", what, s.n);
	sbuf_add_escaped(&fd->log, s.p, s.n);
	sbuf_adds(&fd->log, "\n");
	MUST(!fd->log.failed);
}

/* Only blanks may be used and yet be neither frame nor loss. */
static void
check_blanks(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		MUST(memchr("\0\r\n ", p[i], 4) != NULL);
}

/* One call; true while the reader has to go on. */
static bool
feeder_step(struct feeder *fd)
{
	struct frame f;
	size_t used;
	enum frame_why why;
	enum frame_status status;
	char *rest;

	MUST(fd->scan <= fd->len);
	fd->looked += fd->len - fd->scan;
	status = frame_next(fd->buf, fd->len, fd->max, &fd->scan, &f, &used,
	    &why);
	MUST(used <= fd->len);
	if (status == FRAME_MORE) {
		MUST(why == FRAME_WHY_NONE);
		MUST(fd->scan <= fd->len - used);
		check_blanks(fd->buf, used);
	} else {
		MUST(fd->scan == 0);
		MUST(f.bytes.n > 0 && f.bytes.n <= fd->max &&
		    f.bytes.n <= used);
		MUST(f.bytes.p == fd->buf + used - f.bytes.n);
		check_blanks(fd->buf, used - f.bytes.n);
	}
	if (status == FRAME_OK) {
		MUST(why == FRAME_WHY_NONE);
		log_bytes(fd, "ok", f.bytes);
		fd->frames++;
		if (fd->on_frame != NULL)
			fd->on_frame(&f);
	} else if (status == FRAME_BAD) {
		MUST(why > FRAME_WHY_NONE && why < FRAME_WHY_COUNT_);
		log_bytes(fd, frame_why_name(why), f.bytes);
		fd->lost[why] += f.bytes.n;
		fd->losses[why]++;
	}
	/* A block of its own for the rest, as long as the rest. */
	fd->len -= used;
	rest = malloc(fd->len == 0 ? 1 : fd->len);
	MUST(rest != NULL);
	if (fd->len > 0)
		memcpy(rest, fd->buf + used, fd->len);
	free(fd->buf);
	fd->buf = rest;
	return status != FRAME_MORE;
}

void
feeder_push(struct feeder *fd, const char *p, size_t n)
{
	while (n > 0) {
		size_t part = MIN_OF(n, fd->room - fd->len);
		char *buf;

		/* "A buffer of max bytes always suffices." */
		MUST(part > 0);
		buf = realloc(fd->buf, fd->len + part);
		MUST(buf != NULL);
		memcpy(buf + fd->len, p, part);
		fd->buf = buf;
		fd->len += part;
		p += part;
		n -= part;
		while (feeder_step(fd))
			continue;
	}
}

const char *
feeder_end(struct feeder *fd)
{
	log_bytes(fd, "rest", span_of(fd->buf, fd->len));
	return sbuf_str(&fd->log);
}
