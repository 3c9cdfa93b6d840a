#ifndef TRACKUP_PROTO_HEX_H
#define TRACKUP_PROTO_HEX_H
/*
 * hex: the two binary families, as frame.c and message.c need them.
 *
 * Pure, and for proto alone. hex_match() says whether bytes begin a binary
 * frame, hex_find() where that frame ends; hex1_head_read() and the decoders
 * say what is in it. What is found depends on the bytes only, never on how
 * many of them a call saw: of all that could settle a frame (its declared end,
 * a check sum that fits, the proven beginning of another frame) the one whose
 * last byte comes first settles it.
 */
#include "proto/message.h"

#define HEX1_TAIL 4         /* CRC and line end */
#define HEX2_REPORT_MAX 1440
#define HEX2_BEAT_LEN 24

enum hex_match { HEX_NO, HEX_PART, HEX_ONE, HEX_TWO };

enum hex_found {
	HEX_MORE,
	HEX_END,   /* the frame ends before *ret_pos */
	HEX_BREAK, /* another frame begins at *ret_pos */
	HEX_FALSE, /* it is no frame after all: lost up to *ret_pos, for what
	            * else was in there would have shown itself */
};

/* How the fields behind the kind are laid out. */
enum hex1_layout {
	HEX1_REPORT, HEX1_INFO, HEX1_ACK, HEX1_BEAT, HEX1_CRASH, HEX1_LOGIN,
	HEX1_OPAQUE, HEX1_LAYOUT_COUNT_
};

struct hex1_head {
	char kind[4];         /* "RSP"; a buffered one has a B: "BSP" */
	enum hex1_layout layout;
	bool buffered;
	unsigned type;        /* of report, information, ACK: its id */
	uint32_t mask;
	size_t body;          /* where the fields begin */
	size_t length;        /* as declared; 0 = masked out, or impossible */
};

static inline unsigned
byte_at(struct span s, size_t at)
{
	return (unsigned char)s.p[at];
}

static inline unsigned
word_at(struct span s, size_t at)
{
	return byte_at(s, at) << 8 | byte_at(s, at + 1);
}

/* Two digits a byte, upper case, no NUL. */
void hex_text(char *to, struct span s);

/* Whether s begins with a binary frame; PART: too few bytes to tell. */
enum hex_match hex_match(struct span s);
/* kind: HEX_ONE or HEX_TWO. Bytes before from were searched already. */
enum hex_found hex_find(struct span s, enum hex_match kind, size_t from,
    size_t *ret_pos);
/* Whether a binary frame of the first family begins inside text: its kind, and
 * then something that is no text, which ends before *ret_proof. */
enum hex_match hex1_in_text(struct span s, size_t *ret_proof);
/* Length of the kind of family A that s begins with and that breaks off another
 * frame; 0: none. In frame.c. */
size_t ascii_breaks(struct span s);
/* The same, or too few bytes to tell. */
bool ascii_may_break(struct span s);

/* False: too few bytes. s must begin with a kind of the first family. */
bool hex1_head_read(struct span s, struct hex1_head *ret);

/* *ret is empty but for family and raw. */
enum msg_bad hex1_decode(struct span s, struct message *ret);
enum msg_bad hex2_decode(struct span s, struct message *ret);

#endif
