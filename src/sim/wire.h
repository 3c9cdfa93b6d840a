#ifndef TRACKUP_SIM_WIRE_H
#define TRACKUP_SIM_WIRE_H
/*
 * wire: @Track as a tracker speaks and hears it; what a unit in HEX mode says
 * is in hexwire.c.
 *
 * Pure, written from the protocol's description alone: it shares no line with
 * the daemon's codec, so that the two can check each other. What a server
 * sends is read strictly, as a unit with little firmware would: the wrong
 * number of fields is no command.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/devid.h"
#include "base/span.h"
#include "base/version.h"
#include "sim/url.h"

#define WIRE_IN_MAX 1024 /* no command comes near; then the server is mad */
#define WIRE_OUT_MAX 512
#define WIRE_TIME 14 /* digits of a send time */
#define WIRE_PASSWORD_MAX 20

enum wire_kind {
	WIRE_BAD, /* not a command, or one with wrong fields; see why */
	WIRE_SACK, /* of a report: count */
	WIRE_SACK_HEARTBEAT, /* count */
	WIRE_START, /* AT+GTUPD, sub-command 0 */
	WIRE_STOP, /* AT+GTUPD, sub-command 1 */
	WIRE_REALTIME, /* AT+GTRTO: sub */
	WIRE_OTHER /* any other AT command */
};

/* One frame from the server. Text fields are "" where the frame has none. */
struct wire_in {
	enum wire_kind kind;
	const char *why; /* of WIRE_BAD, static */
	bool is_start; /* WIRE_BAD, but the server meant a start */
	char password[WIRE_PASSWORD_MAX + 1];
	char serial[5]; /* upper case */
	char count[5]; /* upper case */
	unsigned sub; /* of WIRE_REALTIME */
	unsigned retry; /* 0..3 */
	unsigned timeout_min; /* 5..30 */
	unsigned update_type; /* 1 MCU, 2 BLE */
	char user[7];
	char secret[7];
	char url[URL_MAX + 1];
};

/* Takes the next frame (its `$` included) off *rest, skipping blanks, CR, LF
 * and NUL before it. 1: *ret_frame is set; 0: more bytes are needed; -1:
 * WIRE_IN_MAX bytes without an end. */
MUST_CHECK int wire_split(struct span *rest, struct span *ret_frame);
void wire_parse(struct span frame, struct wire_in *ret);

/* Who sends. All borrowed, no comma in any. */
struct wire_unit {
	const char *protocol;
	const char *id;
	const char *name;
	bool hex; /* HEX mode: an IMEI as id, and … */
	const char *firmware; /* … of 4 hex digits, which each frame carries */
};

enum wire_report_kind { WIRE_POSITION, WIRE_UPDATE, WIRE_VERSION,
	WIRE_POWER_ON, WIRE_POWER_OFF };

struct wire_report {
	enum wire_report_kind kind;
	uint16_t count;
	char time[WIRE_TIME + 1];
	unsigned code; /* WIRE_UPDATE */
	unsigned times; /* WIRE_UPDATE; 0 leaves the field empty */
	char firmware[VERSION_MAX + 1]; /* WIRE_VERSION */
	int32_t longitude_e6; /* WIRE_POSITION */
	int32_t latitude_e6;
};

/* These write a frame and return its length; text ends in NUL besides. */
size_t wire_heartbeat(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const char *time, uint16_t count);
/* ACK of AT+GTUPD. */
size_t wire_ack_update(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const char *serial, const char *time, uint16_t count);
/* ACK of AT+GTRTO; sub_name NULL leaves that field out, as some units do. */
size_t wire_ack_realtime(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const char *sub_name, const char *serial, const char *time,
    uint16_t count);
/* late: as +BUFF, with the report's own time and count. */
size_t wire_report(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const struct wire_report *r, bool late);

/* The name of a GTRTO sub-command in its ACK, NULL when it has none. */
const char *wire_realtime_name(unsigned sub);
/* 14 digits of UTC, for seconds since 1970. */
void wire_time(int64_t seconds, char buf[WIRE_TIME + 1]);

#endif
