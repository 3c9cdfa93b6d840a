#ifndef TRACKUP_PROTO_TEMPLATE_H
#define TRACKUP_PROTO_TEMPLATE_H
/*
 * template: GTUPD commands of models that want other fields than SPEC's.
 *
 * Pure. A template is the whole frame with names in braces: {password} {retry}
 * {timeout} {user} {secret} {url} {type} {serial}. It begins with AT+GTUPD=,
 * ends with ",{serial}$" (the ACK brings the serial back), names the password,
 * a start also the url, each at most once, and is at its longest no longer than
 * COMMAND_MAX. What was filled in is checked again before it is handed out.
 */
#include <stdint.h>
#include "base/span.h"
#include "proto/encode.h"

#define TEMPLATE_TYPE_MAX 255

/* SPEC's own, for a model that has only other update types, and to be shown. */
#define TEMPLATE_SPEC_START \
	"AT+GTUPD={password},0,{retry},{timeout},0,{user},{secret},{url},," \
	"{type},,,{serial}$"

#define TEMPLATE_SPEC_STOP "AT+GTUPD={password},1,,,,,{serial}$"

/* NULL, or what is wrong: "has a blank". stop: may not name url and the
 * like. */
const char *template_check(struct span text, bool stop);
/* Length written, or -1 and an empty buffer. type takes the place of
 * cmd->type; url NULL: a stop. */
MUST_CHECK int template_fill(char *buf, size_t size, const char *text,
    const struct start_command *cmd, int type);
/* The same to be kept and shown, with asterisks for password and secret. */
MUST_CHECK int template_show(char *buf, size_t size, const char *text,
    const struct start_command *cmd, int type);

#endif
