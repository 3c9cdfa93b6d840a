#ifndef TRACKUP_IO_API_H
#define TRACKUP_IO_API_H
/*
 * api: the HTTP API on the control socket and over TCP, with the page and the
 * metrics there (contract.md, trackupctl and the API). One route table; one
 * file per resource.
 *
 * Reads answer from the core's memory; a change is answered when its ticket is
 * durable. Who asks is the peer's uid ("uid:0") or the name of its token.
 * Connections, bodies and headers are bounded. All of it runs on the loop; ops
 * and what they point at outlive the api.
 */
#include "base/attr.h"
#include "base/errtext.h"
#include "base/histogram.h"
#include "base/sbuf.h"
#include "core/feed.h"
#include "core/plan.h"
#include "core/trial.h"
#include "core/view.h"
#include "io/fwfile.h"
#include "io/loop.h"
#include "io/trackers.h"

struct api;

#define API_LIMITS_MAX 40

/* One of status.limits; a negative number is null. */
struct api_limit {
	const char *name;
	int64_t limit, now, hits;
};

/* The shell's share of GET /api/v1/status. */
struct api_status {
	const char *version;
	int64_t uptime_ms;
	const char *store_state;      /* ok | low | full | broken */
	uint64_t wal_bytes;
	uint64_t store_queue_bytes, store_queue_max, store_queue_hits;
	struct trackers_stats trackers;
	struct relay_view relay[RELAY_RULES_MAX];
	size_t relay_count;
	struct fwfile_stats files;
	int limit_in_flight;
	int64_t limit_start_per_hour, limit_read_per_hour;
	struct api_limit limit[API_LIMITS_MAX]; /* of layers we do not see */
	size_t limit_count;
	const char *reasons[8];       /* why degraded; NULL-terminated */
	/* For the metrics. */
	struct histogram dispatch;
	const double *commit_le;      /* bounds, commit_count of them */
	const uint64_t *commit_bucket;
	size_t commit_count;
	double commit_sum_s;
	bool reload_ok;
	int64_t reload_wall_ms;
	bool halt_kept;               /* a halt is on disk beside the database */
};

typedef void api_event_fn(void *arg, int status, const struct event_rec *ev,
    const int64_t *ids, const char *const *campaigns, size_t count, bool more);

struct api_backup_order {
	const char *who, *reason;
	const char *path;             /* "" = a name in the directory of the
	                               * scheduled ones */
	bool force;
};

struct api_backup_result {
	int http;                     /* 200, or with code and text */
	const char *code, *text;
	const char *path;
	uint64_t bytes;
	int64_t took_ms;
};

typedef void api_backup_fn(void *arg, const struct api_backup_result *r);

struct api_trial_order {
	uint64_t seed;
	size_t devices;               /* made-up ones; 0 = those we know */
};
/* r NULL: err says why there is no result. */
typedef void api_trial_fn(void *arg, const struct trial_result *r,
    const char *err);

/* result: 0, or -1: something was refused, diag says what. */
typedef void api_reload_fn(void *arg, int result, const char *diag);

/* A file below files.root. */
struct api_firmware {
	const char *path;
	uint64_t bytes;
	int64_t mtime_wall;
	const char *sha256;           /* "" = it could not be read */
};
/* error: an errno, of the directory. */
typedef void api_firmware_fn(void *arg, int error,
    const struct api_firmware *v, size_t count);

struct api_files {                    /* posted texts of check */
	size_t count;
	const char **name, **text;
	size_t *len;
};

struct api_ops {
	void *arg;
	const struct core *(*core)(void *arg);
	struct core_now (*now)(void *arg);
	void (*status)(void *arg, struct api_status *ret);
	/* *ret_ticket: 0 = nothing to wait for. */
	void (*operate)(void *arg, const struct oper *op,
	    struct oper_result *ret, uint64_t *ret_ticket);
	/* As store_timeline(). */
	bool (*timeline)(void *arg, uint64_t device, int64_t after,
	    size_t limit, api_event_fn *fn, void *fn_arg);
	void (*timeline_forget)(void *arg, void *fn_arg);
	/* As store_feed() and store_forget(). */
	bool (*feed)(void *arg, const struct feed_query *q, feed_fn *fn,
	    void *fn_arg);
	void (*feed_forget)(void *arg, void *fn_arg);
	/* 0 = good; -1 = errors in diag; -2 = list files missing, one a line */
	int (*check)(void *arg, const char *file, const struct api_files *files,
	    struct sbuf *diag, struct sbuf *missing);
	/* As check; with 0 the caller releases both. */
	int (*plan)(void *arg, const char *file, const struct api_files *files,
	    struct sbuf *diag, struct sbuf *missing,
	    struct campaign_spec **ret_spec, struct plan **ret);
	/* As check; with 0, fn is told later. -3: another one runs. */
	int (*simulate)(void *arg, const char *file,
	    const struct api_files *files, const struct api_trial_order *o,
	    struct sbuf *diag, struct sbuf *missing, api_trial_fn *fn,
	    void *fn_arg, struct errtext *err);
	void (*simulate_forget)(void *arg, void *fn_arg);
	/* True: fn is told when it is done. False: one is under way. */
	bool (*reload)(void *arg, bool force, const char *who,
	    const char *reason, api_reload_fn *fn, void *fn_arg);
	void (*reload_forget)(void *arg, void *fn_arg);
	/* True: fn is told when it is done. False: *ret says why not. */
	bool (*backup)(void *arg, const struct api_backup_order *o,
	    api_backup_fn *fn, void *fn_arg, struct api_backup_result *ret);
	void (*backup_forget)(void *arg, void *fn_arg);
	/* fn is told later, once, unless it is forgotten. False: no memory. */
	bool (*firmware)(void *arg, api_firmware_fn *fn, void *fn_arg);
	void (*firmware_forget)(void *arg, void *fn_arg);
	void (*note)(void *arg, enum note_level level, const char *line);
};

struct api_config {
	const char *socket;           /* path; its directory must exist */
	const char *group;            /* "" = mode 0600, else 0660 */
	const char *read_group;       /* "" = none; else 0666, and who connects
	                               * is looked at */
	/* A connection without a whole request by then is closed; a change
	 * that is not durable by then is answered so. 0 = 30 s and 10 s. */
	int64_t request_timeout_ms, durable_timeout_ms;
};

MUST_CHECK int api_new(struct api **ret, struct loop *l,
    const struct api_config *cfg, const struct api_ops *ops,
    struct errtext *err);
void api_free(struct api *a); /* removes the socket */
/* The same over TCP, with page and metrics: adds listeners, all or nothing.
 * Without it the API lives on the control socket alone. May be called again
 * after a failure. */
MUST_CHECK int api_listen(struct api *a, const struct trackers_address *listen,
    size_t count, struct errtext *err);
/* The port of the i-th; 0: no such. */
uint16_t api_port(const struct api *a, size_t i);
/* Who may come in over TCP, from lines "name role sha256hex". "" = anybody on
 * this machine. -1: err says why, and what was in force stays. */
MUST_CHECK int api_tokens(struct api *a, const char *path,
    struct errtext *err);
/* Only looks at the file. */
MUST_CHECK int api_tokens_check(const char *path, struct errtext *err);
/* Answers what waited for it. */
void api_durable(struct api *a, uint64_t ticket);

#endif
