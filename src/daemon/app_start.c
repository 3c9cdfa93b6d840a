#include "config.h"
#include "daemon/app_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/fdstore.h"
#include "config/fleet_file.h"
#include "daemon/files.h"
#include "daemon/haltfile.h"
#include "daemon/log.h"
#include "daemon/reload.h"
#include "daemon/firmlist.h"
#include "daemon/pkgwatch.h"
#include "daemon/trialjob.h"
#include "daemon/systemd.h"
#include "daemon/usable.h"
#include "io/listen.h"

/*
 * From nothing to a daemon that listens: configuration, store, core, sockets,
 * campaign files, in this order.
 */
#define EXIT_CONFIG 78
#define STORE_RETRY_MS 1000
#define HTTP_RETRY_MS 10000

static int
load_flags(void *arg, const struct flags_rec *f, const struct stamp_rec *s)
{
	struct app *a = arg;
	struct flags_rec flags = *f;

	if (!flags.halted && haltfile_there(a->conf->store_path)) {
		log_f(NOTE_WARN, "halted: so %s" HALTFILE_SUFFIX " says; the "
		    "database could not be told", a->conf->store_path);
		flags.halted = true;
	}
	core_load_flags(a->core, &flags, s);
	a->alive_base_ms = s->alive_ms;
	a->down_ms = -1;
	if (s->boot != 0 && s->boot == a->boot) {
		a->down_ms = app_clock_ms(CLOCK_BOOTTIME) - s->boot_ms;
		if (a->down_ms < 0)
			a->down_ms = -1;
	}
	return 0;
}

/* A row that fits nothing: the database is not what this daemon wrote. */
static int
loaded(int r, const char *what, int64_t id, uint64_t device)
{
	if (r < 0)
		log_f(NOTE_ERROR,
		    "store: %s %" PRId64 " of device %016" PRIx64 " does not fit "
		    "to the rest of the database, or there is no memory for it",
		    what, id, device);
	return r;
}

static int
load_device(void *arg, const struct device_rec *r)
{
	return loaded(core_load_device(((struct app *)arg)->core, r), "row", 0,
	    r->key);
}

static void
load_device_soon(void *arg, const struct device_rec *r)
{
	core_load_device_soon(((struct app *)arg)->core, r->key);
}

static int
load_campaign(void *arg, const struct campaign_rec *r, const char *text,
    size_t len)
{
	struct app *a = arg;
	struct campaign_spec *spec;
	struct sbuf diag;
	char name[CAMPAIGN_NAME_MAX + 32];

	sbuf_init(&diag, 0);
	(void)snprintf(name, sizeof(name), "%s (stored)", r->name);
	spec = files_stored(a->conf, name, text == NULL ? "" : text, len,
	    &diag);
	if (spec == NULL)
		log_text(NOTE_ERROR, sbuf_str(&diag));
	sbuf_done(&diag);
	return core_load_campaign(a->core, r, spec);
}

static int
load_package(void *arg, const struct package_rec *r)
{
	return loaded(core_load_package(((struct app *)arg)->core, r),
	    "package of campaign", r->campaign, 0);
}

static int
load_target(void *arg, const struct target_rec *r)
{
	return loaded(core_load_target(((struct app *)arg)->core, r),
	    "target of campaign", r->campaign, r->device);
}

static int
load_wave(void *arg, const struct wave_rec *r)
{
	return loaded(core_load_wave(((struct app *)arg)->core, r),
	    "wave of campaign", r->campaign, (uint64_t)r->number);
}

static int
load_attempt(void *arg, const struct attempt_rec *r)
{
	return loaded(core_load_attempt(((struct app *)arg)->core, r),
	    "attempt", r->id, r->device);
}

static int
load_tuple(void *arg, const struct tuple_rec *r)
{
	return loaded(core_load_tuple(((struct app *)arg)->core, r),
	    "frame", r->slot, r->device);
}

/* A large database may take longer to check and migrate than the manager
 * waits for a start. */
static void
store_busy(void *arg)
{
	struct app *a = arg;
	int64_t now = loop_mono_ms();

	if (now - a->extended_at_ms < EXTEND_MS / 6)
		return;
	a->extended_at_ms = now;
	systemd_extend_timeout(EXTEND_MS);
}

static void
store_copied(void *arg, const char *path)
{
	(void)arg;
	log_f(NOTE_WARN, "store: the database is of an older version; as it "
	    "was it is kept in %s", path);
}

static int
load_exclusion(void *arg, const struct exclusion_rec *r)
{
	return loaded(core_load_exclusion(((struct app *)arg)->core, r),
	    "exclusion", 0, r->device);
}

static int
start_store(struct app *a)
{
	const struct store_config cfg = {
	    .path = a->conf->store_path,
	    .retry_ms = MAX_OF(app_scaled(a, STORE_RETRY_MS), 50),
	    .hook_arg = a,
	    .busy = store_busy,
	    .copied = store_copied,
	};
	const struct store_loader loader = {
	    .arg = a,
	    .flags = load_flags,
	    .device = load_device,
	    .device_soon = load_device_soon,
	    .campaign = load_campaign,
	    .package = load_package,
	    .wave = load_wave,
	    .target = load_target,
	    .attempt = load_attempt,
	    .tuple = load_tuple,
	    .exclusion = load_exclusion,
	};
	struct core_config cc;
	struct errtext err = {0};
	uint64_t seed = 0;

	/* A token that can be guessed is worse than none. */
	if (getrandom(a->file_key, sizeof(a->file_key), 0) !=
	    sizeof(a->file_key)) {
		log_f(NOTE_ERROR, "no random numbers: %s", strerror(errno));
		return -1;
	}
	cc = app_core_config_of(a);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint64_t)app_clock_ms(CLOCK_REALTIME);
	if ((a->core = core_new(&cc, seed)) == NULL)
		app_die(a, "out_of_memory");
	if (store_open(&a->store, &cfg, &err) < 0 ||
	    store_load(a->store, &loader, &err) < 0 ||
	    store_start(a->store, &err) < 0) {
		log_f(NOTE_ERROR, "store: %s", err.text[0] != '\0'
			? err.text : "could not be loaded");
		return -1;
	}
	app_set_store_limits(a);
	a->mono_base_ms = loop_mono_ms();
	if (core_load_done(a->core, app_now(a), a->down_ms, a->opt.restored,
		&a->fx) < 0)
		app_die(a, "out_of_memory");
	/* On record from this batch on. */
	if (haltfile_there(a->conf->store_path))
		a->halt_ticket = a->fx.ticket;
	app_effects(a);
	if (a->opt.restored)
		log_f(NOTE_WARN,
		    "restored: everything is halted, and every device is fenced "
		    "before its next start; resume-all lifts the halt");
	return 0;
}

static bool
put_token(void *arg, const char *token, int64_t attempt, uint64_t device)
{
	struct app *a = arg;

	if (fwtokens_put(a->tokens, token, attempt, device) < 0)
		app_die(a, "out_of_memory");
	return true;
}

/* Before the server listens: a tracker may be waiting to come back. */
static void
start_tokens(struct app *a)
{
	if ((a->tokens = fwtokens_new()) == NULL)
		app_die(a, "out_of_memory");
	core_tokens(a->core, put_token, a);
}

static int
start_files(struct app *a)
{
	struct trackers_address *listen;
	struct errtext err = {0};
	struct fwfile_config cfg;
	int r;

	if (a->conf->files_listen_count == 0)
		return 0;
	listen = app_addresses_of(a->conf->files_listen,
	    a->conf->files_listen_count);
	if (listen == NULL)
		app_die(a, "out_of_memory");
	start_tokens(a);
	cfg = (struct fwfile_config){
	    .tokens = a->tokens,
	    .rate = (int64_t)a->conf->files_rate,
	    .listen = listen,
	    .listen_count = a->conf->files_listen_count,
	    .root = a->conf->files_root,
	    .user = a->conf->files_user,
	    .password = a->conf->files_password,
	    .max_connections = app_files_connections(a),
	    .busy_max = FILES_BUSY(app_files_connections(a)),
	    .request_timeout_ms = MAX_OF(app_scaled(a, 30000), 1000),
	    /* The longest download_timeout that a campaign can ask for. */
	    .download_timeout_ms = MAX_OF(app_scaled(a, 31 * 60000), 1000),
	    .arg = a,
	    .note = app_note,
	};
	r = fwfile_start(&a->files, &cfg, &err);
	free(listen);
	if (r < 0)
		log_f(NOTE_ERROR, "files.listen: %s", err.text);
	return r;
}

static int
start_trackers(struct app *a)
{
	const struct trackers_ops ops = app_trackers_ops(a);
	struct trackers_address *listen;
	struct trackers_config cfg;
	struct errtext err = {0};
	int r;

	listen = app_tracker_addresses(a->conf);
	if (listen == NULL)
		app_die(a, "out_of_memory");
	app_relay_config(a);
	cfg = app_trackers_config_of(a, listen);
	r = trackers_new(&a->trackers, a->loop, &cfg, &ops, &err);
	free(listen);
	if (r < 0)
		log_f(NOTE_ERROR, "trackers.listen: %s", err.text);
	return r;
}

static int
start_api(struct app *a)
{
	const struct api_config cfg = {
	    .socket = a->conf->control_socket,
	    .group = a->conf->control_group,
	    .read_group = a->conf->control_read_group,
	    .request_timeout_ms = MAX_OF(app_scaled(a, 30000), 1000),
	    .durable_timeout_ms = MAX_OF(app_scaled(a, 10000), 1000),
	};
	const struct api_ops ops = app_api_ops(a);
	struct errtext err = {0};

	if (api_new(&a->api, a->loop, &cfg, &ops, &err) < 0) {
		log_f(NOTE_ERROR, "control.socket: %s", err.text);
		return -1;
	}
	/* Without its tokens nobody may come in over TCP. */
	if (api_tokens(a->api, a->conf->http_token_path, &err) < 0) {
		log_f(NOTE_ERROR, "http.token_file: %s", err.text);
		return -1;
	}
	app_start_http(a);
	a->reload_ok = true;
	a->reload_wall_ms = loop_wall_ms();
	return 0;
}

void
app_start_http(struct app *a)
{
	struct errtext err = {0};
	struct trackers_address *listen =
	    app_addresses_of(a->conf->http_listen, a->conf->http_listen_count);

	if (listen == NULL)
		app_die(a, "out_of_memory");
	if (api_listen(a->api, listen, a->conf->http_listen_count, &err) < 0) {
		if (a->http_error[0] == '\0')
			log_f(NOTE_ERROR, "http.listen: %s: no page, metrics "
			    "and API over TCP until that works", err.text);
		(void)snprintf(a->http_error, sizeof(a->http_error), "%.*s",
		    (int)sizeof(a->http_error) - 1, err.text);
		a->http_retry_at_ms = loop_mono_ms() + HTTP_RETRY_MS;
	} else {
		if (a->http_error[0] != '\0')
			log_f(NOTE_INFO, "http.listen works now");
		a->http_error[0] = '\0';
	}
	free(listen);
}

static enum file_verdict
sink_campaign_start(void *arg, struct campaign_spec *spec,
    struct errtext *err)
{
	struct app *a = arg;
	enum file_verdict v = core_campaign_file(a->core, spec, true,
	    app_now(a), &a->fx, err);

	app_effects(a);
	return v;
}

static void
sink_lost_start(void *arg, const char *name, enum pause_reason why,
    const char *text)
{
	struct app *a = arg;

	core_campaign_file_lost(a->core, name, why, text, true, app_now(a),
	    &a->fx);
	app_effects(a);
}

static void
start_campaigns(struct app *a)
{
	const struct files_sink sink = {
	    .arg = a,
	    .campaign = sink_campaign_start,
	    .lost = sink_lost_start,
	};
	struct sbuf diag;

	sbuf_init(&diag, 0);
	if (files_scan(a->campaign_files, a->conf, &sink, &diag) < 0)
		log_text(NOTE_ERROR, sbuf_str(&diag));
	else
		log_text(NOTE_WARN, sbuf_str(&diag));
	sbuf_done(&diag);
	core_campaigns_without_file(a->core, app_now(a), &a->fx);
	app_effects(a);
}

/* Sockets that the manager opened for us, and what it kept. A listener is
 * offered to whoever is configured for its address. */
static void
take_descriptors(struct app *a)
{
	size_t n;
	struct systemd_fd *v = systemd_fds(&n);

	for (size_t i = 0; i < n; i++) {
		int on = 0;
		socklen_t len = sizeof(on);

		if (strcmp(v[i].name, FDSTORE_NAME) == 0 &&
		    a->kept_count < ARRAY_LEN(a->kept)) {
			a->kept[a->kept_count++] = v[i].fd;
		} else if (getsockopt(v[i].fd, SOL_SOCKET, SO_ACCEPTCONN, &on,
		    &len) == 0 && on != 0) {
			listen_offer(v[i].fd);
		} else {
			log_f(NOTE_WARN, "a descriptor named %s is not known, "
			    "ignoring it", v[i].name);
			(void)close(v[i].fd);
		}
	}
	free(v);
}

static void
on_kept(void *arg, const struct trackers_kept *k)
{
	struct app *a = arg;

	if (!a->conf->keep_over_restart) {
		(void)close(k->fd);
		if (k->relay.host[0] != '\0')
			(void)close(k->relay.fd);
	} else if (trackers_adopt(a->trackers, k)) {
		a->resumed++;
	}
}

static void
resume_connections(struct app *a)
{
	size_t taken = 0, bad = 0;

	if (a->kept_count == 0)
		return;
	for (size_t i = 0; i < a->kept_count; i++)
		taken += fdstore_read(a->kept[i], on_kept, a, &bad);
	/* They are here now; a copy with the manager would hold a connection
	 * open that we close. */
	systemd_forget_fds(FDSTORE_NAME);
	log_f(NOTE_INFO, "connections_resumed count=%zu of=%zu", a->resumed,
	    taken + bad);
}

/* Only trackupd.yaml can keep the daemon from starting. Without these files
 * it answers, and commands nobody. */
static void
start_fleet(struct app *a)
{
	struct core_fleet fleet;
	struct sbuf diag;

	sbuf_init(&diag, 0);
	if (fleet_load(a->conf, &fleet, &diag) < 0) {
		a->fleet_refused++;
		log_text(NOTE_ERROR, sbuf_str(&diag));
		(void)snprintf(a->fleet_trouble, sizeof(a->fleet_trouble),
		    "devices: inventory or never_file cannot be read: nobody "
		    "is commanded; see the log");
		log_f(NOTE_ERROR, "%s", a->fleet_trouble);
	} else {
		log_text(NOTE_WARN, sbuf_str(&diag));
	}
	sbuf_done(&diag);
	if (inventory_count(fleet.inventory) > 0)
		log_f(NOTE_INFO, "inventory devices=%zu bytes=%zu",
		    inventory_count(fleet.inventory),
		    inventory_bytes(fleet.inventory));
	core_fleet(a->core, &fleet, app_now(a), &a->fx);
	app_effects(a);
}

int
app_start(struct app *a)
{
	struct sbuf diag;
	bool good;

	sbuf_init(&diag, 0);
	a->conf = daemon_conf_load(a->opt.config_path, &diag);
	good = a->conf != NULL && usable_check(a->conf, &diag) == 0;
	log_text(good ? NOTE_WARN : NOTE_ERROR, sbuf_str(&diag));
	sbuf_done(&diag);
	if (!good)
		return EXIT_CONFIG;
	a->conf->time_scale = a->opt.time_scale;
	app_log_level(a);
	if (a->opt.time_scale != 1)
		log_f(NOTE_WARN,
		    "time_scale %g: every duration is divided; for trials only",
		    a->opt.time_scale);
	loop_set_log(app_note, a);
	if ((a->loop = loop_new()) == NULL ||
	    (a->campaign_files = files_new()) == NULL ||
	    (a->pkgwatch = pkgwatch_new()) == NULL ||
	    (a->reload = reload_new(a)) == NULL ||
	    (a->trial = trialjob_new(a->loop)) == NULL ||
	    (a->firmlist = firmlist_new(a->loop)) == NULL)
		app_die(a, "out_of_memory");
	app_fit_descriptors(a);
	take_descriptors(a);
	if (start_store(a) < 0 || start_trackers(a) < 0 ||
	    start_api(a) < 0 || start_files(a) < 0)
		return 1;
	start_fleet(a);
	start_campaigns(a);
	resume_connections(a);
	if (app_start_watches(a) < 0)
		app_die(a, "out_of_memory");
	return 0;
}

