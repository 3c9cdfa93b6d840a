#ifndef TRACKUP_DAEMON_APP_PRIV_H
#define TRACKUP_DAEMON_APP_PRIV_H
/*
 * app_priv: what the files of the app share; for them only. app_start.c brings
 * everything up, app.c runs it and takes it down, app_trackers.c feeds the core
 * what connections tell, app_effects.c carries out what the core wants,
 * app_reload.c turns the configuration into that of each part, app_api.c
 * answers the API.
 */
#include <time.h>

#include "daemon/app.h"

#define EXTEND_MS 60000 /* of a start that takes long */
#define PRUNE_EVERY_MS 3600000
#define DOWNLOADS_A_TURN 64 /* reports of the file server */
#define HELD_MAX 64 /* acknowledgements that wait, per connection */
#define FILES_BUSY(connections) MIN_OF(connections, 64)

/* --- app.c -----------------------------------------------------------------*/
int64_t app_clock_ms(clockid_t id);
/* A duration of the shell's own, under --time-scale. */
int64_t app_scaled(const struct app *a, int64_t ms);
_Noreturn void app_die(struct app *a, const char *why);
/* One event through the core, its effects carried out, the timer armed. */
void app_event(struct app *a, const struct ev *ev);
void app_arm(struct app *a);
void app_note(void *arg, enum note_level level, const char *line);
/* Signals, timers and the writer's descriptor. -1: no memory. */
MUST_CHECK int app_start_watches(struct app *a);

/* A halt is noted beside the database until its ticket is durable. */
void app_note_halt(struct app *a, bool on, uint64_t ticket);

/* --- app_effects.c ---------------------------------------------------------*/
/* What is durable now. */
void app_release_replies(struct app *a);
/* conn is gone: what waited for it goes nowhere. */
void app_forget_replies(struct core_conn *conn);
void app_drop_replies(struct app *a);

/* --- app_trackers.c --------------------------------------------------------*/
struct trackers_ops app_trackers_ops(struct app *a);
/* Hands the connections to the manager, when the process ends in order. */
void app_keep_connections(struct app *a);

/* --- app_start.c -----------------------------------------------------------*/
/* 0, or the exit status of the process. */
MUST_CHECK int app_start(struct app *a);

/* Page, API and metrics over TCP. What does not work is logged, shown as
 * degraded and tried again: trackers do not wait for it. */
void app_start_http(struct app *a);

/* --- app_reload.c ----------------------------------------------------------*/
struct core_config app_core_config_of(const struct app *a);
/* From malloc; NULL: no memory. */
struct trackers_address *app_addresses_of(const struct conf_address *v,
    size_t n);
/* a->relay, from the configuration. Before the next. */
void app_relay_config(struct app *a);
/* listen: of app_tracker_addresses(). */
struct trackers_address *app_tracker_addresses(const struct daemon_conf *f);
struct trackers_config app_trackers_config_of(const struct app *a,
    const struct trackers_address *listen);
/* Raises the descriptor limit and fits the number of connections to it. */
void app_fit_descriptors(struct app *a);
int app_files_connections(const struct app *a);
void app_log_listeners(const struct app *a);
/* log.level, as -v and -q change it. */
void app_log_level(const struct app *a);
/* store.retain and store.min_free, to the writer. */
void app_set_store_limits(struct app *a);
/* trackupd.yaml with its inventory, as read; conf NULL: it is not good. */
struct app_fresh {
	struct daemon_conf *conf;
	struct core_fleet fleet;
	bool fleet_refused; /* inventory or never_file */
};
struct files_batch;
/* On whatever thread. 0, or -1 with the errors in diag. */
MUST_CHECK int app_read_conf(const struct app *a, bool force,
    struct app_fresh *ret, struct sbuf *diag);
/* On the loop: takes what f holds, and files. 0, or -1: something was
 * refused. */
int app_apply(struct app *a, struct app_fresh *f, struct files_batch *files,
    const char *who, const char *reason, struct sbuf *diag);

/* --- app_api.c -------------------------------------------------------------*/
struct api_ops app_api_ops(struct app *a);
void app_timelines_free(struct app *a);

#endif
