#ifndef TRACKUP_PROTO_FRAME_H
#define TRACKUP_PROTO_FRAME_H
/*
 * frame: cuts a stream of bytes into frames (protocol.md 4).
 *
 * Pure. Bytes in, views out; nothing is allocated or kept: the caller drops
 * what was used, holds the rest and calls again with more behind it. The
 * sequence of OK and BAD, with the bytes of each, never depends on how bytes
 * were split or glued: what is lost is only reported when its end is known or
 * the limit is reached. The reader loops until MORE. A buffer of max bytes
 * always suffices.
 */
#include <stddef.h>
#include "base/span.h"

#define FRAME_MAX_DEFAULT 4096
#define FRAME_MAX_LEAST 64 /* smallest limit a caller may ask for */

enum frame_status {
	FRAME_OK,   /* *ret is a frame; *ret_used covers it and what it skipped */
	FRAME_MORE, /* nothing whole yet; *ret_used covers blanks only */
	FRAME_BAD,  /* ret->bytes are lost, *ret_why says why, *ret_used covers
	             * them and the blanks before; call again */
};

enum frame_family { FRAME_ASCII, FRAME_HEX1, FRAME_HEX2 };

enum frame_why {
	FRAME_WHY_NONE,
	FRAME_WHY_GARBAGE,  /* bytes before a '+' that belong to no frame */
	FRAME_WHY_PREFIX,   /* a frame broke off, a new one begins behind it */
	FRAME_WHY_OVERSIZE, /* no end within the limit */
	FRAME_WHY_KIND,     /* begins with '+', but is no family we know */
	FRAME_WHY_COUNT_
};

struct frame {
	enum frame_family family;
	struct span bytes; /* whole: from the first byte through the last */
};

/* Borrows buf; ret->bytes points into it. max: bytes of one frame. *scan is
 * the caller's, 0 for a fresh buffer; it is how far the bytes from ret_used on
 * were searched already, so that a byte that drips in is looked at once. */
enum frame_status frame_next(const char *buf, size_t len, size_t max,
    size_t *scan, struct frame *ret, size_t *ret_used,
    enum frame_why *ret_why);

const char *frame_why_name(enum frame_why why); /* log and metric label */

#endif
