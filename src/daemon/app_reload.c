#include "config.h"
#include "daemon/app_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "config/fleet_file.h"
#include "daemon/files.h"
#include "daemon/log.h"
#include "daemon/systemd.h"
#include "daemon/usable.h"

/*
 * trackupd.yaml as each part wants it, at start and at a reload.
 */
#define OBSERVED_MAX 200000
#define DESCRIPTORS_RESERVED 64
#define FILES_DESCRIPTORS(connections) \
	((connections) + FILES_BUSY(connections))
#define REGISTERED_MAX 200000
#define OWED_MS 240000
#define LINGER_MS 1000
#define BUSY_LOOK_MS 60000

void
app_log_level(const struct app *a)
{
	enum note_level level = a->conf->log_level;

	log_level(a->opt.quiet ? MIN_OF(level, NOTE_WARN) : level,
	    a->opt.verbose);
}

void
app_set_store_limits(struct app *a)
{
	const struct store_limits l = {
	    .retain_ms = app_scaled(a, a->conf->store_retain_ms),
	    .min_free = a->conf->store_min_free,
	    .prune_every_ms = app_scaled(a, PRUNE_EVERY_MS),
	};

	store_set_limits(a->store, &l);
}

/* Downloads at a time. A quarter of the connections is left to trackers that
 * come back for another try, and to whoever else asks. */
static int
file_downloads(const struct app *a)
{
	int room = MAX_OF(app_files_connections(a) * 3 / 4, 1);
	int max = (int)a->conf->files_max_downloads;

	return max > 0 ? MIN_OF(max, room) : room;
}

struct core_config
app_core_config_of(const struct app *a)
{
	const struct daemon_conf *f = a->conf;
	struct core_config c = {
	    .time_scale = a->opt.time_scale,
	    .boot = a->boot,
	    .unknown = f->unknown,
	    .sack = f->sack,
	    .observed_max = OBSERVED_MAX,
	    .registered_max = REGISTERED_MAX,
	    .in_flight = f->limit_in_flight,
	    .start_per_hour = f->limit_start_per_hour,
	    .read_per_hour = f->limit_read_per_hour,
	    .hide_own = f->relay_hide_own,
	};

	memcpy(c.password, f->password, sizeof(c.password));
	memcpy(c.file_user, f->files_user, sizeof(c.file_user));
	memcpy(c.file_secret, f->files_password, sizeof(c.file_secret));
	/* Who listens nowhere serves nothing: another server has that root,
	 * and it knows no tokens. */
	c.file_server = f->files_listen_count > 0;
	memcpy(c.file_key, a->file_key, sizeof(c.file_key));
	c.file_downloads = file_downloads(a);
	c.file_rate = (int64_t)f->files_rate;
	return c;
}

/* Those over TCP, of them those with PROXY protocol last, then over UDP. */
struct trackers_address *
app_tracker_addresses(const struct daemon_conf *f)
{
	const struct conf_address *list[3] = {f->all_listen, f->proxy_listen,
	    f->udp_listen};
	const size_t count[3] = {f->all_listen_count, f->proxy_listen_count,
	    f->udp_listen_count};
	struct trackers_address *r = calloc(count[0] + count[1] + count[2] + 1,
	    sizeof(*r));
	size_t n = 0;

	for (int k = 0; r != NULL && k < 3; k++)
		for (size_t i = 0; i < count[k]; i++, n++) {
			memcpy(r[n].host, list[k][i].host, sizeof(r[n].host));
			r[n].port = list[k][i].port;
		}
	return r;
}

struct trackers_address *
app_addresses_of(const struct conf_address *v, size_t n)
{
	struct trackers_address *r = calloc(n == 0 ? 1 : n, sizeof(*r));

	for (size_t i = 0; r != NULL && i < n; i++) {
		memcpy(r[i].host, v[i].host, sizeof(r[i].host));
		r[i].port = v[i].port;
	}
	return r;
}

/* With the ports that were bound: 0 in the configuration is any. */
static void
log_listening(const char *what, const struct conf_address *v, size_t i,
    unsigned port)
{
	bool ipv6 = strchr(v[i].host, ':') != NULL;

	log_f(NOTE_INFO, "listening for=%s address=%s%s%s:%u", what,
	    ipv6 ? "[" : "", v[i].host, ipv6 ? "]" : "", port);
}

static void
log_tracker_listeners(const struct app *a)
{
	for (size_t i = 0; i < a->conf->proxy_listen_count; i++)
		log_listening("proxy", a->conf->proxy_listen, i,
		    trackers_port(a->trackers,
			a->conf->all_listen_count + i));
	for (size_t i = 0; i < a->conf->udp_listen_count; i++)
		log_listening("udp", a->conf->udp_listen, i,
		    trackers_udp_port(a->trackers, i));
	for (size_t i = 0; i < a->conf->all_listen_count; i++)
		log_listening("trackers", a->conf->all_listen, i,
		    trackers_port(a->trackers, i));
}

/* A reload may move the trackers' addresses, and no others. */
static bool
listen_same(const struct daemon_conf *x, const struct daemon_conf *y)
{
	if (x->all_listen_count != y->all_listen_count)
		return false;
	for (size_t i = 0; i < x->all_listen_count; i++)
		if (strcmp(x->all_listen[i].text, y->all_listen[i].text) != 0)
			return false;
	if (x->proxy_listen_count != y->proxy_listen_count ||
	    x->udp_listen_count != y->udp_listen_count)
		return false;
	for (size_t i = 0; i < x->proxy_listen_count; i++)
		if (strcmp(x->proxy_listen[i].text,
			y->proxy_listen[i].text) != 0)
			return false;
	for (size_t i = 0; i < x->udp_listen_count; i++)
		if (strcmp(x->udp_listen[i].text, y->udp_listen[i].text) != 0)
			return false;
	return true;
}

void
app_log_listeners(const struct app *a)
{
	log_tracker_listeners(a);
	for (size_t i = 0; i < a->conf->files_listen_count; i++)
		log_listening("files", a->conf->files_listen, i,
		    fwfile_port(a->files, i));
	for (size_t i = 0; i < a->conf->http_listen_count; i++)
		if (api_port(a->api, i) != 0)
			log_listening("http", a->conf->http_listen, i,
			    api_port(a->api, i));
	log_f(NOTE_INFO, "listening for=control address=%s",
	    a->conf->control_socket);
}

/* A share of the descriptors. Over the cap as many again are accepted to be
 * told that it is full, at most 64. */
int
app_files_connections(const struct app *a)
{
	struct rlimit rl;
	long room;

	(void)a;
	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return 256;
	room = (long)MIN_OF(rl.rlim_cur, (rlim_t)0x3fffffff) -
	    DESCRIPTORS_RESERVED;
	return (int)MAX_OF(MIN_OF(room / 8, 2000), 2);
}

/* The soft descriptor limit goes up to the hard one; what does not fit lowers
 * the number of connections. */
void
app_fit_descriptors(struct app *a)
{
	struct rlimit rl;
	long room;
	int before;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return;
	if (rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
			(void)getrlimit(RLIMIT_NOFILE, &rl);
	}
	room = (long)MIN_OF(rl.rlim_cur, (rlim_t)0x3fffffff) -
	    DESCRIPTORS_RESERVED;
	if (a->conf->files_listen_count > 0)
		room -= FILES_DESCRIPTORS(app_files_connections(a));
	/* With a platform behind us each takes two. */
	if (a->conf->relay_upstream[0] != '\0' ||
	    a->conf->relay_listener_count > 0)
		room /= 2;
	before = a->max_connections;
	a->max_connections = (int)MAX_OF(MIN_OF(room,
	    (long)a->conf->max_connections), 1L);
	/* Once, and not at each reload. */
	if (a->max_connections < a->conf->max_connections &&
	    a->max_connections != before)
		log_f(NOTE_WARN,
		    "max_connections lowered to %d: the descriptor limit is "
		    "%ld",
		    a->max_connections, (long)rl.rlim_cur);
}

static void
rule_add(struct relay_config *c, const char *listen, const char *upstream)
{
	struct relay_rule *r = &c->rule[c->rule_count];
	const char *colon = strrchr(upstream, ':');
	size_t n;

	assert(colon != NULL && c->rule_count < RELAY_RULES_MAX);
	c->rule_count++;
	(void)snprintf(r->listen, sizeof(r->listen), "%s", listen);
	/* [2001:db8::1]:7000 */
	if (upstream[0] == '[' && colon[-1] == ']')
		n = (size_t)(colon - ++upstream) - 1;
	else
		n = (size_t)(colon - upstream);
	(void)snprintf(r->host, sizeof(r->host), "%.*s", (int)n, upstream);
	r->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

void
app_relay_config(struct app *a)
{
	const struct daemon_conf *f = a->conf;
	struct relay_config *c = &a->relay;

	*c = (struct relay_config){
	    .proxy = (enum relay_proxy)f->relay_proxy,
	    .hold = (size_t)f->relay_hold,
	    .connect_timeout_ms = MAX_OF(app_scaled(a, 10000), 1000),
	    .retry_ms = MAX_OF(app_scaled(a, 1000), 50),
	    .retry_max_ms = MAX_OF(app_scaled(a, 30000), 200),
	    .partial_ms = MAX_OF(app_scaled(a, 2000), 100),
	    .linger_ms = MAX_OF(app_scaled(a, OWED_MS), 1000),
	};
	for (size_t i = 0; i < f->relay_listener_count; i++)
		rule_add(c, f->relay_listener[i].listen.text,
		    f->relay_listener[i].upstream);
	if (f->relay_upstream[0] != '\0')
		rule_add(c, "", f->relay_upstream);
	for (size_t i = 0; i < f->relay_source_count; i++)
		memcpy(c->source[i], f->relay_source[i],
		    sizeof(c->source[i]));
	c->source_count = f->relay_source_count;
}

struct trackers_config
app_trackers_config_of(const struct app *a, const struct trackers_address *listen)
{
	const struct daemon_conf *f = a->conf;

	return (struct trackers_config){
	    .listen = listen,
	    .listen_count = f->all_listen_count + f->proxy_listen_count,
	    .max_connections = a->max_connections,
	    .max_connections_per_address = f->max_connections_per_address,
	    .max_unidentified = f->max_unidentified,
	    .frame_max = f->frame_max,
	    .identify_timeout_ms = app_scaled(a, f->identify_timeout_ms),
	    .idle_timeout_ms = app_scaled(a, f->idle_timeout_ms),
	    .keepalive_ms = f->keepalive_ms == 0
		? 0 : MAX_OF(app_scaled(a, f->keepalive_ms), 1000),
	    .bad_frames_max = f->bad_frames_max,
	    .relay = &a->relay,
	    .proxy_count = f->proxy_listen_count,
	    .proxy_trust = f->proxy_trust,
	    .proxy_trust_count = f->proxy_trust_count,
	    .proxy_timeout_ms = MAX_OF(app_scaled(a, 10000), 3000),
	    .udp = listen + f->all_listen_count + f->proxy_listen_count,
	    .udp_count = f->udp_listen_count,
	    .owed_timeout_ms = MAX_OF(app_scaled(a, OWED_MS), 1000),
	    .linger_ms = MAX_OF(app_scaled(a, LINGER_MS), 100),
	    .busy_look_ms = MAX_OF(app_scaled(a, BUSY_LOOK_MS), 100),
	};
}

static enum file_verdict
sink_campaign_reload(void *arg, struct campaign_spec *spec,
    struct errtext *err)
{
	struct app *a = arg;
	enum file_verdict v = core_campaign_file(a->core, spec, false,
	    app_now(a), &a->fx, err);

	app_effects(a);
	return v;
}

static void
sink_lost_reload(void *arg, const char *name, enum pause_reason why,
    const char *text)
{
	struct app *a = arg;

	core_campaign_file_lost(a->core, name, why, text, false, app_now(a),
	    &a->fx);
	app_effects(a);
}

/* What an export that broke off would do: a twentieth of the fleet gone. */
static bool
fleet_shrinks(const struct app *a, const struct core_fleet *fresh)
{
	const struct inventory *old = core_fleet_now(a->core)->inventory;
	size_t rows = inventory_count(old);

	return inventory_lost(old, fresh->inventory) * 20 > rows;
}

/* Inventory and never_file belong to trackupd.yaml: all or nothing. */
static int
load_fleet(const struct app *a, const struct daemon_conf *conf, bool force,
    struct core_fleet *ret, struct sbuf *diag)
{
	size_t rows, lost;

	if (fleet_load(conf, ret, diag) < 0) {
		core_fleet_free(ret);
		return -1;
	}
	if (force || !fleet_shrinks(a, ret))
		return 0;
	rows = inventory_count(core_fleet_now(a->core)->inventory);
	lost = inventory_lost(core_fleet_now(a->core)->inventory,
	    ret->inventory);
	daemon_conf_where(conf, "devices.inventory", diag);
	sbuf_addf(diag, "%zu of %zu devices are gone, more than 5%%; nothing "
	    "is taken over (reload --force, if it is meant)\n", lost, rows);
	core_fleet_free(ret);
	return -1;
}

/* A key that only a restart changes keeps its value, for every part: what the
 * file server has, and what trackers are told of it, are one thing. */
static int
keep_values(const struct app *a, struct daemon_conf *c, struct sbuf *diag)
{
	const char *door;
	struct sbuf keys;

	sbuf_init(&keys, 0);
	daemon_conf_restart_keys(a->conf, c, &keys);
	if (keys.len > 0)
		sbuf_addf(diag,
		    "warning: %s: only a restart brings about: %s\n",
		    a->opt.config_path, sbuf_str(&keys));
	sbuf_done(&keys);
	if (daemon_conf_keep(c, a->conf) < 0) {
		sbuf_addf(diag, "%s: out of memory\n", a->opt.config_path);
		return -1;
	}
	if ((door = daemon_conf_open_door(c)) == NULL)
		return 0;
	daemon_conf_where(c, "http.token_file", diag);
	sbuf_addf(diag, "cannot go before a restart: %s is still listened at, "
	    "and can be reached from other machines\n", door);
	return -1;
}

/* On whatever thread: nothing of the app changes. */
int
app_read_conf(const struct app *a, bool force, struct app_fresh *ret,
    struct sbuf *diag)
{
	struct daemon_conf *c = daemon_conf_load(a->opt.config_path, diag);
	bool bad;

	*ret = (struct app_fresh){.conf = NULL};
	if (c == NULL)
		return -1;
	c->time_scale = a->opt.time_scale;
	bad = usable_check(c, diag) < 0;
	bad |= keep_values(a, c, diag) < 0;
	if (load_fleet(a, c, force, &ret->fleet, diag) < 0) {
		ret->fleet_refused = true;
		bad = true;
	}
	if (bad) {
		core_fleet_free(&ret->fleet);
		daemon_conf_free(c);
		return -1;
	}
	ret->conf = c;
	return 0;
}

/* trackupd.yaml, all or nothing. Takes what f holds. */
static int
apply_conf(struct app *a, struct app_fresh *f, struct sbuf *diag)
{
	struct daemon_conf *fresh = f->conf, *old = a->conf;
	struct trackers_address *listen;
	struct trackers_config tc;
	struct core_config cc;
	struct errtext err = {0};

	if (fresh == NULL) {
		a->fleet_refused += f->fleet_refused ? 1 : 0;
		a->conf_refused++;
		return -1;
	}
	f->conf = NULL;
	listen = app_tracker_addresses(fresh);
	a->conf = fresh;
	app_fit_descriptors(a);
	app_relay_config(a);
	tc = app_trackers_config_of(a, listen);
	if (listen == NULL ||
	    trackers_reconfigure(a->trackers, &tc, &err) < 0) {
		a->conf_voided = true;
		daemon_conf_where(fresh, "trackers.listen", diag);
		sbuf_addf(diag, "%s\n", err.text);
		a->conf = old;
		a->conf_refused++;
		core_fleet_free(&f->fleet);
		daemon_conf_free(fresh);
		free(listen);
		app_fit_descriptors(a);
		app_relay_config(a);
		return -1;
	}
	free(listen);
	cc = app_core_config_of(a);
	core_configure(a->core, &cc);
	if (a->files != NULL)
		fwfile_set_rate(a->files, (int64_t)a->conf->files_rate);
	core_fleet(a->core, &f->fleet, app_now(a), &a->fx);
	app_effects(a);
	a->fleet_trouble[0] = '\0';
	app_set_store_limits(a);
	app_log_level(a);
	if (!listen_same(old, fresh))
		log_tracker_listeners(a);
	if (api_tokens(a->api, fresh->http_token_path, &err) < 0) {
		daemon_conf_where(fresh, "http.token_file", diag);
		sbuf_addf(diag, "%s; those in force stay\n", err.text);
		daemon_conf_free(old);
		return -1;
	}
	daemon_conf_free(old);
	return 0;
}

int
app_apply(struct app *a, struct app_fresh *f, struct files_batch *files,
    const char *who, const char *reason, struct sbuf *diag)
{
	const struct files_sink sink = {
	    .arg = a,
	    .campaign = sink_campaign_reload,
	    .lost = sink_lost_reload,
	};
	bool read = f->conf != NULL;
	int bad;

	a->conf_voided = false;
	bad = apply_conf(a, f, diag);

	/* They were read by a configuration that was then refused. */
	if (read && bad < 0 && a->conf_voided) {
		files_batch_free(files);
		files = files_read(a->conf);
	}
	core_files_by(a->core, who, reason);
	if (files_apply(a->campaign_files, files, &sink, diag) < 0)
		bad = -1;
	core_files_by(a->core, NULL, NULL);
	a->reload_ok = bad == 0;
	a->reload_wall_ms = loop_wall_ms();
	log_text(bad < 0 ? NOTE_ERROR : NOTE_WARN, sbuf_str(diag));
	log_f(bad < 0 ? NOTE_ERROR : NOTE_INFO, "reloaded result=%s",
	    bad < 0 ? "partly_refused" : "ok");
	app_event(a, &(struct ev){.kind = EV_TICK});
	return bad;
}

