#ifndef TRACKUP_STORE_FILE_H
#define TRACKUP_STORE_FILE_H
/*
 * file: what lies at the path, before SQLite opens it for writing.
 *
 * Nothing in here changes a file; a missing one may be created, empty.
 */
#include <stdbool.h>
#include "base/attr.h"
#include "base/errtext.h"

enum file_state {
	FILE_NEW,  /* empty, or what a cut-off creation left */
	FILE_OURS, /* by its mark */
};

/* create: a missing file is made. Negative STORE_ERR_ codes. */
MUST_CHECK int file_look(const char *path, const char *application_id,
    bool create, enum file_state *ret, struct errtext *err);
/* Whether content lies beside the database under this suffix. */
bool file_beside(const char *path, const char *suffix);
/* STORE_ERR_LOCKED, with a text that names the holder where it is known. */
int file_locked(const char *path, struct errtext *err);
/* The STORE_ERR_ code of a code of SQLite. */
int file_error_code(int sqlite_code, int otherwise);

#endif
