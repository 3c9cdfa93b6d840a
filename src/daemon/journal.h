#ifndef TRACKUP_DAEMON_JOURNAL_H
#define TRACKUP_DAEMON_JOURNAL_H
/*
 * journal: one line of the log as an entry with fields.
 *
 * A line is "event key=value key="value" …"; what it says is in MESSAGE whole,
 * and the keys that people filter by are fields as well. Events that the
 * catalog (etc/trackupd.catalog) explains have its MESSAGE_ID.
 */
#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"

#define JOURNAL_FIELDS_MAX 10
#define JOURNAL_FIELD_BYTES 256

struct journal_fields {
	size_t count;
	char text[JOURNAL_FIELDS_MAX][JOURNAL_FIELD_BYTES]; /* "NAME=value" */
};

/* All but MESSAGE and PRIORITY. */
void journal_fields_of(const char *line, struct journal_fields *ret);
/* Whether stderr is a stream to the journal. Asked once. */
void journal_init(void);
/* False: the line is to be written as text. */
bool journal_send(int priority, const char *line);

#endif
