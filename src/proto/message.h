#ifndef TRACKUP_PROTO_MESSAGE_H
#define TRACKUP_PROTO_MESSAGE_H
/*
 * message: what a frame says, as views into it (protocol.md 2 and 4, SPEC
 * 3.1-3.4).
 *
 * Pure. Unknown kinds are data, not errors: MSG_REPORT or MSG_ACK_OTHER. Only
 * what identifies and acknowledges is split for those; fields of an ordinary
 * position report never are. The binary families say the same with numbers;
 * their text is spelt in the message itself, so that a message may be pointed
 * at and must not be copied.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/devid.h"
#include "base/span.h"
#include "proto/frame.h"

enum msg_kind {
	MSG_REPORT,     /* any +RESP, +BUFF or +QRY that is not below */
	MSG_ACK_GTUPD,  /* +ACK:GTUPD, carries the serial */
	MSG_GTUPD,      /* +RESP:GTUPD or +BUFF:GTUPD, carries code and times */
	MSG_HEARTBEAT,  /* +ACK:GTHBD or +RESP:GTHBD */
	MSG_ACK_GTRTO,  /* +ACK:GTRTO, carries the serial */
	MSG_GTVER,      /* +RESP:GTVER or +BUFF:GTVER */
	MSG_NACK,       /* +NACK:GT… */
	MSG_POWER_ON,   /* +RESP:GTPNA */
	MSG_POWER_OFF,  /* +RESP:GTPFA */
	MSG_ACK_OTHER,  /* any other +ACK */
	MSG_KIND_COUNT_
};

enum msg_bad {
	MSG_BAD_NONE,
	MSG_BAD_HEAD,   /* not +KIND:GTXXX, */
	MSG_BAD_FIELDS, /* too few fields for its kind */
	MSG_BAD_ID,     /* no usable unique id */
	MSG_BAD_TAIL,   /* send time or count is not one */
	MSG_BAD_VALUE,  /* a serial, code, download times or version that is none */
	MSG_BAD_CRC,    /* the check sum of a binary frame */
	MSG_BAD_COUNT_
};

struct message {
	enum msg_kind kind;
	enum frame_family family;
	bool buffered;          /* +BUFF: a late copy */
	bool has_id;            /* else the unit goes by its name, or by nothing:
				 * the frame is of whom the connection last
				 * identified */
	struct devid id;
	struct span type;       /* the letters after GT: "UPD"; binary families:
				 * empty where they have none */
	struct span protover;   /* may be empty */
	struct span name;       /* device name, opaque, may be empty; not split
				 * off in MSG_REPORT, MSG_POWER_… */
	struct span send_time;  /* raw; the tracker's clock orders nothing */
	struct span count_text; /* echoed in the SACK as it came */
	uint16_t count;
	bool has_serial;        /* ACK_GTUPD, ACK_GTRTO, NACK, ACK_OTHER */
	uint16_t serial;
	int code;               /* MSG_GTUPD: 0..999, else -1 */
	int times;              /* MSG_GTUPD: download times, -1 when empty */
	/* MSG_GTVER; of the binary families in every frame that carries them,
	 * and there the type is its code, "C2". */
	struct span device_type;
	struct span firmware;
	struct span hardware;
	struct span raw;        /* the whole frame */
	struct {
		char count[4], time[14], protover[8], firmware[4], hardware[4];
	} own;                  /* the spans of a binary frame point here */
};

/* Borrows; *ret points into f and into itself. 0, or negative with *ret_bad.
 * With MSG_BAD_FIELDS and MSG_BAD_VALUE after a good id and tail, *ret still
 * says who sent it (ret->has_id) and which count would acknowledge it
 * (ret->count_text.n > 0).
 * Never more work than linear in the frame. */
MUST_CHECK int message_decode(const struct frame *f, struct message *ret,
    enum msg_bad *ret_bad);
/* The same, where *ret holds the message before, or zeros: mostly it was the
 * same unit's, whose id need not be read again. */
MUST_CHECK int message_decode_next(const struct frame *f, struct message *ret,
    enum msg_bad *ret_bad);

/* "ascii", "hex1", "hex2": what operators and metrics call them. */
const char *frame_family_name(enum frame_family family);
const char *msg_kind_name(enum msg_kind kind);  /* metric label */
const char *msg_bad_name(enum msg_bad bad);

#endif
