#ifndef TRACKUP_DAEMON_APP_H
#define TRACKUP_DAEMON_APP_H
/*
 * app: joins what must not know each other (io, store, config, core) and
 * carries out the core's effects. It decides nothing.
 *
 * Order of things: the batch goes to the writer first; then the effects, in
 * order; replies wait for their ticket; a command is in an effect only when
 * its own ticket is durable already.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/list.h"
#include "config/daemon_conf.h"
#include "core/core.h"
#include "daemon/backup.h"
#include "io/api.h"
#include "io/fwfile.h"
#include "io/loop.h"
#include "io/trackers.h"
#include "store/store.h"

/* An acknowledgement that waits for its ticket. */
struct held_reply {
	struct held_reply *next;
	struct held_reply *mate; /* of the same connection, a ring by age */
	uint64_t ticket;
	struct core_conn *conn; /* NULL: closed meanwhile */
	size_t len;
	char bytes[64];
};

struct app_options {
	const char *config_path;
	double time_scale;
	bool restored;
	int verbose; /* levels above log.level */
	bool quiet;  /* warnings and errors only */
};

struct app {
	struct app_options opt;
	struct daemon_conf *conf;
	struct loop *loop;
	struct core *core;
	struct store *store;
	struct trackers *trackers;
	struct fwfile *files;
	struct fwtokens *tokens;  /* between the core and files */
	unsigned char file_key[FILE_TOKEN_KEY];
	struct api *api;
	struct fx fx;
	struct fx_item *spare;
	size_t spare_cap;
	struct core_now read_now; /* of the turn whose frames are handled */
	char reply[COMMAND_MAX + 1]; /* to the frame that is handled */
	struct held_reply *held, **held_end;
	size_t held_count;
	uint64_t held_refused;
	uint64_t durable;
	uint64_t submitted;
	enum store_state store_state;
	int64_t alive_base_ms, mono_base_ms;
	int64_t armed_at_ms;
	int64_t wall_offset_ms;   /* wall minus monotonic, at the last look */
	char fleet_trouble[160];  /* "" = inventory and never_file are read */
	uint64_t fleet_refused;   /* inventories and never_files */
	struct reload *reload;
	bool conf_voided;         /* read well, and refused all the same */
	uint64_t conf_refused;    /* reloads of trackupd.yaml */
	bool reload_ok;
	int64_t reload_wall_ms;
	struct histogram dispatch;
	char http_error[200];     /* why nothing listens there; "" */
	int64_t http_retry_at_ms;
	int64_t down_ms;
	uint64_t boot;
	struct loop_timer *timer, *upkeep, *ending;
	struct loop_watch *watch[4];
	int max_connections;
	bool stopping;
	bool pure;                /* a relay and nothing else */
	struct relay_config relay;
	int exit_code;
	struct campaign_files *campaign_files;
	uint64_t halt_ticket;     /* halt or resume-all not durable yet */
	bool halt_noted;          /* … and beside the database, that halt */
	struct pkgwatch *pkgwatch;
	struct trialjob *trial;
	struct firmlist *firmlist;
	int64_t pkgwatch_at_ms;   /* of its last look */
	struct list timelines;  /* history reads under way */
	struct backups backups;
	int kept[512];            /* of the manager, until they are read */
	size_t kept_count, resumed;
	int64_t extended_at_ms;
	int64_t watchdog_ms;      /* half of the manager's; 0 = none */
	char reason[6][320];      /* of status, as last shown */
	uint64_t commit_bucket[12]; /* as last shown */
};

/* 0, 1 or 78: the exit status of the process. */
int app_run(const struct app_options *opt);

/* The moment, as the core wants it. */
struct core_now app_now(const struct app *a);
/* Carries out what the last call of the core wanted. */
void app_effects(struct app *a);

#endif
