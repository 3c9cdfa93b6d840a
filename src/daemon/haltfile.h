#ifndef TRACKUP_DAEMON_HALTFILE_H
#define TRACKUP_DAEMON_HALTFILE_H
/*
 * haltfile: an empty file beside the database that says "halted" as long as
 * the database cannot.
 *
 * Made with every halt, before it is answered; removed when the batch of that
 * halt, or of the resume-all after it, is on disk. So a halt outlives a
 * restart on a full or broken disk too, where a directory entry still fits
 * when a transaction does not; and a crash in between leaves more halted, not
 * less.
 */
#include <stdbool.h>
#include "base/attr.h"

#define HALTFILE_SUFFIX ".halted"

/* 0, or -1 with errno: it is not there, or may not outlive a power cut. */
MUST_CHECK int haltfile_put(const char *database);
bool haltfile_there(const char *database);
/* 0 also when there is none; -1 with errno. */
MUST_CHECK int haltfile_remove(const char *database);

#endif
