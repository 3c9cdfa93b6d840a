#ifndef TRACKUP_DAEMON_BACKUP_H
#define TRACKUP_DAEMON_BACKUP_H
/*
 * backup: copies of the database, on a schedule (store.backup) and when an
 * operator asks.
 *
 * One at a time, made by the store. Each that was made is in the audit log, and
 * so is a failure: of a schedule that keeps failing, the first. What went wrong
 * with the last scheduled one is a reason of status until one succeeds.
 */
#include <stdbool.h>
#include <stdint.h>
#include "core/record.h"
#include "io/api.h"

struct app;

struct backups {
	int64_t due_at_ms;      /* monotonic; 0 = look at the directory first */
	char *directory;        /* that due_at_ms is about */
	char trouble[300];      /* of the last scheduled one, "" = none */
	bool running;           /* a scheduled one */
	/* who asked through the API; fn NULL = nobody */
	api_backup_fn *fn;
	void *fn_arg;
	char who[WHO_MAX + 1];
	char reason[REASON_MAX + 1];
};

/* Once a second. */
void backups_upkeep(struct app *a);
/* As api_ops.backup and backup_forget. */
bool backups_api(void *arg, const struct api_backup_order *o,
    api_backup_fn *fn, void *fn_arg, struct api_backup_result *ret);
void backups_api_forget(void *arg, void *fn_arg);
void backups_done(struct app *a);

#endif
