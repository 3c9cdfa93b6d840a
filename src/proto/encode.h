#ifndef TRACKUP_PROTO_ENCODE_H
#define TRACKUP_PROTO_ENCODE_H
/*
 * encode: commands and acknowledgements, server to tracker (protocol.md 1).
 *
 * Pure. Writes into the caller's buffer and a NUL behind, which is not counted. Every frame is
 * parsed again by command_check() before it is handed out; a value that the
 * grammar does not allow (comma, '$', blank, control or non-ASCII byte, too
 * long) gives -1 and an empty buffer, whoever checked it before.
 */
#include <stdint.h>
#include "base/span.h"

#define COMMAND_MAX 256 /* longest frame out, without NUL */
#define URL_MAX 100     /* SPEC 2.1.1 */
#define PASSWORD_MIN 4  /* protocol.md 7: SPEC says 4 to 6 and ships 7 */
#define PASSWORD_MAX 20
#define CREDENTIAL_MAX 6
#define PROTOVER_ECHO_MAX 32 /* longest protocol version that is echoed */

enum update_type { UPDATE_MCU = 1, UPDATE_BLE = 2 };

struct start_command {
	const char *password;  /* 4..20 of 0-9a-zA-Z */
	int max_retry;         /* 0..3 */
	int timeout_min;       /* 5..30 */
	const char *user;      /* <= 6, "" for none */
	const char *secret;    /* <= 6 */
	const char *url;       /* http://…, <= URL_MAX */
	enum update_type type;
	uint16_t serial;
};

/* Length written, or -1. size >= COMMAND_MAX + 1 always suffices. */
MUST_CHECK int encode_start(char *buf, size_t size,
    const struct start_command *cmd);
MUST_CHECK int encode_stop(char *buf, size_t size, const char *password,
    uint16_t serial);
/* AT+GTRTO sub-command 8: read the version. */
MUST_CHECK int encode_read_version(char *buf, size_t size,
    const char *password, uint16_t serial);
/* +SACK:GTHBD,<protover>,<count>$ */
MUST_CHECK int encode_sack_heartbeat(char *buf, size_t size,
    struct span protover, struct span count);
/* +SACK:<count>$ */
MUST_CHECK int encode_sack(char *buf, size_t size, struct span count);

/* The strict grammar of every frame out: 0, or -1. */
MUST_CHECK int command_check(struct span frame);
/* A password, an URL that may stand in a command. */
bool command_password_ok(const char *s);
bool command_credential_ok(const char *s); /* user, secret: <= 6, may be "" */
bool command_url_ok(const char *s);        /* http only */

#endif
