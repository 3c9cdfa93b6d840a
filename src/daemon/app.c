#include "config.h"
#include "daemon/app.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "daemon/crash.h"
#include "daemon/files.h"
#include "daemon/log.h"
#include "daemon/systemd.h"
#include "io/digest.h"

#define OBSERVED_MAX 200000
#define DESCRIPTORS_RESERVED 64
#define FILES_BUSY(connections) MIN_OF(connections, 64)
#define FILES_DESCRIPTORS(connections) \
	((connections) + FILES_BUSY(connections))
#define REGISTERED_MAX 200000
#define UPKEEP_MS 1000
#define CLOCK_JUMP_MS 60000
#define OWED_MS 240000
#define HELD_MAX 64 /* acknowledgements that wait, per connection */
#define ENDING_MS 3000
#define EXIT_CONFIG 78

/* --- time ------------------------------------------------------------------*/

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct core_now
app_now(const struct app *a)
{
	return (struct core_now){
	    .at_ms = a->alive_base_ms + (loop_mono_ms() - a->mono_base_ms),
	    .wall_ms = loop_wall_ms(),
	    .boot_ms = clock_ms(CLOCK_BOOTTIME),
	};
}

static int64_t
scaled(const struct app *a, int64_t ms)
{
	int64_t v = (int64_t)((double)ms / a->opt.time_scale);

	return ms > 0 && v < 1 ? 1 : v;
}

/* Which boot this is, so that down time can be told from a clock that jumped. */
static uint64_t
boot_number(void)
{
	char text[64];
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	for (ssize_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return n <= 0 ? 0 : (h >> 1) | 1; /* fits the store's integers */
}

/* --- effects ---------------------------------------------------------------*/

static void
die(struct app *a, const char *why)
{
	(void)a;
	/* What is in memory is ahead of the record: only a restart is safe. */
	log_f(NOTE_ERROR, "fatal reason=%s", why);
	_exit(1);
}

static void
hold_reply(struct app *a, const struct fx_item *it)
{
	struct held_reply *h;

	/* The tracker sends its report again: so it may, as often as it likes,
	 * while the disk is full. */
	if (it->conn->held >= HELD_MAX) {
		a->held_refused++;
		return;
	}
	if (it->len > sizeof(h->bytes) || (h = malloc(sizeof(*h))) == NULL)
		return;
	h->next = NULL;
	h->ticket = it->ticket;
	h->conn = it->conn;
	h->len = it->len;
	memcpy(h->bytes, it->bytes, it->len);
	it->conn->held++;
	*a->held_end = h;
	a->held_end = &h->next;
	a->held_count++;
}

static void
release_replies(struct app *a)
{
	struct held_reply *h;

	while ((h = a->held) != NULL && h->ticket <= a->durable) {
		a->held = h->next;
		if (a->held == NULL)
			a->held_end = &a->held;
		a->held_count--;
		if (h->conn != NULL) {
			h->conn->held--;
			trackers_reply(h->conn, h->bytes, h->len);
		}
		free(h);
	}
}

static void
forget_replies(struct app *a, struct core_conn *conn)
{
	struct held_reply *h;

	for (h = a->held; h != NULL && conn->held > 0; h = h->next)
		if (h->conn == conn) {
			h->conn = NULL;
			conn->held--;
		}
}

static void
send_command(struct app *a, const struct fx_item *it)
{
	struct ev ev = {
	    .kind = EV_SENT,
	    .conn = it->conn,
	    .send_id = it->send_id,
	};
	bool start = it->len > 11 && memcmp(it->bytes, "AT+GTUPD=", 9) == 0 &&
	    memmem(it->bytes, it->len, ",http://", 8) != NULL;

	if (start)
		crashpoint("after_intent_commit");
	ev.ok = trackers_send(it->conn, it->bytes, it->len);
	if (start)
		crashpoint("after_start_write");
	core_handle(a->core, &ev, app_now(a), &a->fx);
	app_effects(a);
}

static void
submit(struct app *a)
{
	struct fx *fx = &a->fx;
	struct opbuf ops;

	if (fx->ops.failed)
		die(a, "out_of_memory");
	if (fx->ops.count == 0)
		return;
	opbuf_init(&ops);
	opbuf_move(&ops, &fx->ops);
	a->submitted = fx->ticket;
	if (!store_submit(a->store, fx->ticket, &ops) && a->trackers != NULL)
		trackers_hold_reading(a->trackers, true);
	opbuf_done(&ops);
}

/* Carries out what the last core call wanted. A command's outcome is told to
 * the core at once and may want more: the list is taken over first. */
void
app_effects(struct app *a)
{
	struct fx_item *items = a->fx.item;
	size_t n = a->fx.count, cap = a->fx.cap;

	submit(a);
	if (n == 0) {
		fx_clear(&a->fx);
		return;
	}
	a->fx.item = a->spare;
	a->fx.cap = a->spare_cap;
	a->spare = NULL;
	a->spare_cap = 0;
	fx_clear(&a->fx);
	for (size_t i = 0; i < n; i++) {
		struct fx_item *it = &items[i];

		switch (it->kind) {
		case FX_NOTE:
			log_line(it->level, it->bytes);
			break;
		case FX_CLOSE:
			trackers_close(it->conn, "unknown_device");
			break;
		case FX_REPLY:
			if (it->ticket <= a->durable)
				trackers_reply(it->conn, it->bytes, it->len);
			else
				hold_reply(a, it);
			break;
		case FX_SEND:
			send_command(a, it);
			break;
		case FX_KIND_COUNT_:
			break;
		}
	}
	if (a->spare == NULL) {
		a->spare = items;
		a->spare_cap = cap;
	} else {
		free(items);
	}
}

static void
arm(struct app *a)
{
	int64_t at = core_deadline(a->core);
	int64_t now;

	if (at == a->armed_at_ms)
		return;
	a->armed_at_ms = at;
	now = app_now(a).at_ms;
	loop_timer_set(a->timer, at <= now ? 0 : at - now);
}

static void
event(struct app *a, const struct ev *ev)
{
	core_handle(a->core, ev, app_now(a), &a->fx);
	app_effects(a);
	arm(a);
}

static void
on_timer(void *arg)
{
	struct app *a = arg;
	struct ev ev = {.kind = EV_TICK};

	a->armed_at_ms = -1;
	event(a, &ev);
}

/* --- trackers --------------------------------------------------------------*/

static void
on_open(void *arg, struct core_conn *conn)
{
	struct app *a = arg;
	struct ev ev = {.kind = EV_OPEN, .conn = conn};

	conn->held = 0;
	core_handle(a->core, &ev, app_now(a), &a->fx);
	app_effects(a);
}

static void
on_begin(void *arg)
{
	struct app *a = arg;

	a->read_now = app_now(a);
}

static void
on_frame(void *arg, struct core_conn *conn, const struct message *m,
    struct trackers_reply *reply)
{
	struct app *a = arg;
	struct ev ev = {.kind = EV_FRAME, .conn = conn, .message = m};

	a->fx.reply = a->reply;
	a->fx.reply_cap = sizeof(a->reply);
	a->fx.reply_len = 0;
	core_handle(a->core, &ev, a->read_now, &a->fx);
	if (a->fx.reply_len > 0)
		trackers_reply_add(reply, a->reply, a->fx.reply_len);
	a->fx.reply = NULL;
	a->fx.reply_cap = a->fx.reply_len = 0;
	if (conn->key != 0)
		trackers_identified(conn);
	if (m->kind == MSG_GTUPD)
		crashpoint("before_report_commit");
	app_effects(a);
	arm(a);
}

static void
on_close(void *arg, struct core_conn *conn, const char *reason)
{
	struct app *a = arg;
	struct ev ev = {.kind = EV_CLOSE, .conn = conn};

	(void)reason;
	forget_replies(a, conn);
	event(a, &ev);
}

static bool
on_busy(void *arg, const struct core_conn *conn)
{
	struct app *a = arg;

	return conn->key != 0 && core_device_busy(a->core, conn->key);
}

static void
on_note(void *arg, enum note_level level, const char *line)
{
	(void)arg;
	log_line(level, line);
}

/* --- store -----------------------------------------------------------------*/

static void
on_store(void *arg)
{
	struct app *a = arg;
	uint64_t ticket = a->durable;
	enum store_state state = a->store_state;
	bool room = true;

	store_poll(a->store, &ticket, &state, &room);
	if (state == STORE_BROKEN)
		die(a, "store_broken");
	if (state != a->store_state) {
		struct ev ev = {.kind = EV_STORE, .ok = state == STORE_OK};

		a->store_state = state;
		event(a, &ev);
	}
	trackers_hold_reading(a->trackers, !room);
	if (ticket <= a->durable)
		return;
	a->durable = ticket;
	release_replies(a);
	event(a, &(struct ev){.kind = EV_DURABLE, .ticket = ticket});
	api_durable(a->api, ticket);
	if (a->stopping && a->durable >= a->submitted)
		loop_stop(a->loop);
}

/* --- API -------------------------------------------------------------------*/

static const struct core *
api_core(void *arg)
{
	return ((struct app *)arg)->core;
}

static struct core_now
api_now(void *arg)
{
	return app_now(arg);
}

static void
limit_put(struct api_status *st, const char *name, int64_t limit, int64_t now,
    int64_t hits)
{
	assert(st->limit_count < API_LIMITS_MAX);
	st->limit[st->limit_count++] = (struct api_limit){
	    .name = name, .limit = limit, .now = now, .hits = hits};
}

/* Of what the API's layer does not see. */
static void
fill_limits(struct app *a, const struct store_stats *st,
    struct api_status *ret)
{
	struct files_stats f;
	unsigned long held_back;
	int per_second;

	files_get_stats(a->campaign_files, &f);
	log_get_limit(&per_second, &held_back);
	limit_put(ret, "store_reads", (int64_t)st->reads_max,
	    (int64_t)st->reads, (int64_t)st->reads_refused);
	limit_put(ret, "held_acks", HELD_MAX, -1, (int64_t)a->held_refused);
	limit_put(ret, "log_lines_per_s", per_second, -1,
	    (int64_t)held_back);
	limit_put(ret, "config", -1, -1, (int64_t)a->conf_refused);
	limit_put(ret, "campaign_files", FILES_COUNT_MAX, (int64_t)f.files,
	    (int64_t)f.not_read);
	limit_put(ret, "campaign_bytes", FILES_CAMPAIGN_BYTES_MAX, -1,
	    (int64_t)f.campaign_too_large);
	limit_put(ret, "list_bytes", FILES_LIST_BYTES_MAX, -1,
	    (int64_t)f.list_too_large);
	limit_put(ret, "clock_jump_ms", CLOCK_JUMP_MS, -1,
	    (int64_t)a->clock_jumps);
}

static void
api_fill_status(void *arg, struct api_status *ret)
{
	struct app *a = arg;
	struct store_stats st;
	size_t n = 0;

	memset(ret, 0, sizeof(*ret));
	store_get_stats(a->store, &st);
	ret->version = PACKAGE_VERSION;
	ret->uptime_ms = loop_mono_ms() - a->mono_base_ms;
	ret->store_state = st.state == STORE_OK ? "ok"
	    : st.state == STORE_FULL ? "full" : "broken";
	ret->wal_bytes = st.wal_bytes;
	ret->store_queue_bytes = st.queue_bytes;
	ret->store_queue_max = st.queue_max_bytes;
	ret->store_queue_hits = st.queue_full_hits;
	ret->limit_in_flight = a->conf->limit_in_flight;
	ret->limit_start_per_hour = a->conf->limit_start_per_hour;
	ret->limit_read_per_hour = a->conf->limit_read_per_hour;
	fill_limits(a, &st, ret);
	trackers_get_stats(a->trackers, &ret->trackers);
	if (a->files != NULL)
		fwfile_get_stats(a->files, &ret->files);
	if (st.state != STORE_OK) {
		(void)snprintf(a->reason[n], sizeof(a->reason[n]),
		    "store: %s", st.error);
		ret->reasons[n] = a->reason[n];
		n++;
	}
	ret->reasons[n] = NULL;
}

/* Names and reasons are what a client wrote. */
static void
log_operator(const struct oper *op, const struct oper_result *r)
{
	const char *object = op->campaign != NULL ? op->campaign
	    : op->device != NULL ? op->device : "-";
	const char *reason = op->reason != NULL ? op->reason : "";
	struct sbuf line;

	sbuf_init(&line, 0);
	sbuf_addf(&line, "operator who=%s action=%s object=", op->who,
	    oper_kind_name(op->kind));
	sbuf_add_escaped(&line, object, strlen(object));
	sbuf_addf(&line, " status=%s%s reason=\"",
	    r->status == OPER_OK ? "ok" : r->code,
	    op->dry_run ? " dry_run=true" : "");
	sbuf_add_escaped(&line, reason, strlen(reason));
	sbuf_adds(&line, "\"");
	log_line(NOTE_INFO, sbuf_str(&line));
	sbuf_done(&line);
}

static void
api_operate(void *arg, const struct oper *op, struct oper_result *ret,
    uint64_t *ret_ticket)
{
	struct app *a = arg;

	core_operate(a->core, op, app_now(a), &a->fx, ret);
	*ret_ticket = a->fx.ops.count > 0 ? a->fx.ticket : 0;
	log_operator(op, ret);
	app_effects(a);
	arm(a);
}

struct timeline_call {
	struct list node;
	api_event_fn *fn; /* NULL: whoever asked is gone */
	void *fn_arg;
};

static void
on_timeline(void *arg, int status, const struct timeline_row *rows,
    size_t count, bool more)
{
	struct timeline_call *call = arg;
	struct event_rec ev[200];
	int64_t id[200];
	const char *campaign[200];

	assert(count <= 200);
	for (size_t i = 0; i < count; i++) {
		ev[i] = rows[i].ev;
		id[i] = rows[i].id;
		campaign[i] = rows[i].campaign;
	}
	if (call->fn != NULL)
		call->fn(call->fn_arg, status, ev, id, campaign, count, more);
	list_remove(&call->node);
	free(call);
}

static bool
api_timeline(void *arg, uint64_t device, int64_t after, size_t limit,
    api_event_fn *fn, void *fn_arg)
{
	struct app *a = arg;
	struct timeline_call *call = malloc(sizeof(*call));

	if (call == NULL)
		return false;
	call->fn = fn;
	call->fn_arg = fn_arg;
	if (!store_timeline(a->store, device, after, limit, on_timeline,
		call)) {
		free(call);
		return false;
	}
	list_push_back(&a->timelines, &call->node);
	return true;
}

static void
api_timeline_forget(void *arg, void *fn_arg)
{
	struct app *a = arg;
	struct list *n, *tmp;

	LIST_EACH_SAFE(n, tmp, &a->timelines) {
		struct timeline_call *call =
		    CONTAINER_OF(n, struct timeline_call, node);

		if (call->fn_arg == fn_arg)
			call->fn = NULL;
	}
}

static int
api_check(void *arg, const char *file, const struct api_files *posted,
    struct sbuf *diag, struct sbuf *missing)
{
	struct app *a = arg;

	return files_check(a->conf, file, posted, diag, missing);
}

/* --- configuration ---------------------------------------------------------*/

static struct core_config
core_config_of(const struct app *a)
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
	};

	memcpy(c.password, f->password, sizeof(c.password));
	memcpy(c.file_user, f->files_user, sizeof(c.file_user));
	memcpy(c.file_secret, f->files_password, sizeof(c.file_secret));
	return c;
}

static struct trackers_address *
addresses_of(const struct conf_address *v, size_t n)
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
	for (size_t i = 0; i < a->conf->listen_count; i++)
		log_listening("trackers", a->conf->listen, i,
		    trackers_port(a->trackers, i));
}

/* A reload may move the trackers' addresses, and no others. */
static bool
listen_same(const struct daemon_conf *x, const struct daemon_conf *y)
{
	if (x->listen_count != y->listen_count)
		return false;
	for (size_t i = 0; i < x->listen_count; i++)
		if (strcmp(x->listen[i].text, y->listen[i].text) != 0)
			return false;
	return true;
}

static void
log_listeners(const struct app *a)
{
	log_tracker_listeners(a);
	for (size_t i = 0; i < a->conf->files_listen_count; i++)
		log_listening("files", a->conf->files_listen, i,
		    fwfile_port(a->files, i));
	log_f(NOTE_INFO, "listening for=control address=%s",
	    a->conf->control_socket);
}

/* A share of the descriptors. Over the cap as many again are accepted to be
 * told that it is full, at most 64. */
static int
files_connections(const struct app *a)
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
static void
fit_descriptors(struct app *a)
{
	struct rlimit rl;
	long room;

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
		room -= FILES_DESCRIPTORS(files_connections(a));
	a->max_connections = a->conf->max_connections;
	a->connections_lowered = room < a->max_connections;
	if (a->connections_lowered) {
		a->max_connections = (int)MAX_OF(room, 1);
		log_f(NOTE_WARN,
		    "max_connections lowered to %d: the descriptor limit is "
		    "%ld",
		    a->max_connections, (long)rl.rlim_cur);
	}
}

static struct trackers_config
trackers_config_of(const struct app *a, const struct trackers_address *listen)
{
	const struct daemon_conf *f = a->conf;

	return (struct trackers_config){
	    .listen = listen,
	    .listen_count = f->listen_count,
	    .max_connections = a->max_connections,
	    .max_connections_per_address = f->max_connections_per_address,
	    .max_unidentified = f->max_unidentified,
	    .frame_max = f->frame_max,
	    .identify_timeout_ms = scaled(a, f->identify_timeout_ms),
	    .idle_timeout_ms = scaled(a, f->idle_timeout_ms),
	    .keepalive_ms = f->keepalive_ms == 0
		? 0 : MAX_OF(scaled(a, f->keepalive_ms), 1000),
	    .bad_frames_max = f->bad_frames_max,
	    .owed_timeout_ms = MAX_OF(scaled(a, OWED_MS), 1000),
	};
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
sink_lost_start(void *arg, const char *name, enum pause_reason why)
{
	struct app *a = arg;

	core_campaign_file_lost(a->core, name, why, true, app_now(a), &a->fx);
	app_effects(a);
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
sink_lost_reload(void *arg, const char *name, enum pause_reason why)
{
	struct app *a = arg;

	core_campaign_file_lost(a->core, name, why, false, app_now(a),
	    &a->fx);
	app_effects(a);
}

/* trackupd.yaml, all or nothing. */
static int
reload_conf(struct app *a, struct sbuf *diag)
{
	struct daemon_conf *fresh, *old = a->conf;
	struct trackers_address *listen;
	struct trackers_config tc;
	struct core_config cc;
	struct errtext err = {0};
	struct sbuf keys;

	if ((fresh = daemon_conf_load(a->opt.config_path, diag)) == NULL) {
		a->conf_refused++;
		return -1;
	}
	listen = addresses_of(fresh->listen, fresh->listen_count);
	a->conf = fresh;
	fit_descriptors(a);
	tc = trackers_config_of(a, listen);
	if (listen == NULL ||
	    trackers_reconfigure(a->trackers, &tc, &err) < 0) {
		sbuf_addf(diag, "%s: trackers.listen: %s\n",
		    a->opt.config_path, err.text);
		a->conf = old;
		a->conf_refused++;
		daemon_conf_free(fresh);
		free(listen);
		fit_descriptors(a);
		return -1;
	}
	free(listen);
	sbuf_init(&keys, 0);
	daemon_conf_restart_keys(old, fresh, &keys);
	if (keys.len > 0)
		sbuf_addf(diag,
		    "warning: %s: only a restart brings about: %s\n",
		    a->opt.config_path, sbuf_str(&keys));
	sbuf_done(&keys);
	cc = core_config_of(a);
	core_configure(a->core, &cc);
	log_level(fresh->log_level, a->opt.verbose);
	if (!listen_same(old, fresh))
		log_tracker_listeners(a);
	daemon_conf_free(old);
	return 0;
}

static int
app_reload(void *arg, bool force, const char *who, const char *reason,
    struct sbuf *diag)
{
	struct app *a = arg;
	const struct files_sink sink = {
	    .arg = a,
	    .campaign = sink_campaign_reload,
	    .lost = sink_lost_reload,
	};
	int bad = 0;

	(void)force;
	systemd_reloading();
	log_f(NOTE_INFO, "reload who=%s reason=\"%s\"", who,
	    reason == NULL ? "" : reason);
	/* A bad trackupd.yaml does not keep good campaign files from being
	 * read. */
	if (reload_conf(a, diag) < 0)
		bad = -1;
	if (files_scan(a->campaign_files, a->conf, &sink, diag) < 0)
		bad = -1;
	log_text(bad < 0 ? NOTE_ERROR : NOTE_WARN, sbuf_str(diag));
	log_f(bad < 0 ? NOTE_ERROR : NOTE_INFO, "reloaded result=%s",
	    bad < 0 ? "partly_refused" : "ok");
	event(a, &(struct ev){.kind = EV_TICK});
	systemd_ready();
	return bad;
}

/* --- signals and upkeep ----------------------------------------------------*/

static void
on_hup(void *arg)
{
	struct sbuf diag;

	sbuf_init(&diag, 0);
	(void)app_reload(arg, false, "signal", "SIGHUP", &diag);
	sbuf_done(&diag);
}

static void
on_term(void *arg)
{
	struct app *a = arg;
	struct oper op = {.kind = OPER_DRAIN, .who = "signal",
	    .reason = "SIGTERM"};
	struct oper_result r;

	if (a->stopping) {
		log_f(NOTE_WARN, "stopped at once, on a second signal");
		_exit(0);
	}
	a->stopping = true;
	log_f(NOTE_INFO, "stopping");
	systemd_stopping();
	trackers_stop_listening(a->trackers);
	core_operate(a->core, &op, app_now(a), &a->fx, &r);
	app_effects(a);
	/* What is decided gets committed and acknowledged, within its time. */
	loop_timer_set(a->ending, a->store_state == STORE_OK
		? MAX_OF(scaled(a, ENDING_MS), 500) : 500);
}

static void
on_ending(void *arg)
{
	loop_stop(((struct app *)arg)->loop);
}

/* Deadlines do not follow the wall clock; who reads the records should know
 * that their times do. */
static void
watch_clock(struct app *a)
{
	int64_t offset = loop_wall_ms() - loop_mono_ms();
	int64_t jump = offset - a->wall_offset_ms;

	a->wall_offset_ms = offset;
	if (jump > -CLOCK_JUMP_MS && jump < CLOCK_JUMP_MS)
		return;
	a->clock_jumps++;
	log_f(NOTE_WARN, "clock_jump seconds=%+" PRId64, jump / 1000);
}

static void
on_upkeep(void *arg)
{
	struct app *a = arg;
	struct trackers_stats st;
	struct view_status v;

	watch_clock(a);
	loop_timer_set(a->upkeep, UPKEEP_MS);
	/* A full disk too: it goes on by itself when there is room, and what
	 * waits for that would be lost in a restart. */
	systemd_alive();
	trackers_get_stats(a->trackers, &st);
	core_view_status(a->core, &v);
	systemd_status("%zu connections, %zu trackers online, %zu in flight",
	    st.connections, v.devices_online, v.in_flight);
}

/* --- start -----------------------------------------------------------------*/

static int
load_flags(void *arg, const struct flags_rec *f, const struct stamp_rec *s)
{
	struct app *a = arg;

	core_load_flags(a->core, f, s);
	a->alive_base_ms = s->alive_ms;
	a->down_ms = -1;
	if (s->boot != 0 && s->boot == a->boot) {
		a->down_ms = clock_ms(CLOCK_BOOTTIME) - s->boot_ms;
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
load_target(void *arg, const struct target_rec *r)
{
	return loaded(core_load_target(((struct app *)arg)->core, r),
	    "target of campaign", r->campaign, r->device);
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

static int
start_store(struct app *a)
{
	const struct store_config cfg = {.path = a->conf->store_path};
	const struct store_loader loader = {
	    .arg = a,
	    .flags = load_flags,
	    .device = load_device,
	    .campaign = load_campaign,
	    .target = load_target,
	    .attempt = load_attempt,
	    .tuple = load_tuple,
	};
	struct core_config cc = core_config_of(a);
	struct errtext err = {0};
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint64_t)clock_ms(CLOCK_REALTIME);
	if ((a->core = core_new(&cc, seed)) == NULL)
		die(a, "out_of_memory");
	if (store_open(&a->store, &cfg, &err) < 0 ||
	    store_load(a->store, &loader, &err) < 0 ||
	    store_start(a->store, &err) < 0) {
		log_f(NOTE_ERROR, "store: %s", err.text[0] != '\0'
			? err.text : "could not be loaded");
		return -1;
	}
	a->mono_base_ms = loop_mono_ms();
	if (core_load_done(a->core, app_now(a), a->down_ms, a->opt.restored,
		&a->fx) < 0)
		die(a, "out_of_memory");
	app_effects(a);
	if (a->opt.restored)
		log_f(NOTE_WARN,
		    "restored: everything is halted, and every device is fenced "
		    "before its next start; resume-all lifts the halt");
	return 0;
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
	listen = addresses_of(a->conf->files_listen,
	    a->conf->files_listen_count);
	if (listen == NULL)
		die(a, "out_of_memory");
	cfg = (struct fwfile_config){
	    .listen = listen,
	    .listen_count = a->conf->files_listen_count,
	    .root = a->conf->files_root,
	    .user = a->conf->files_user,
	    .password = a->conf->files_password,
	    .max_connections = files_connections(a),
	    .busy_max = FILES_BUSY(files_connections(a)),
	    .request_timeout_ms = MAX_OF(scaled(a, 30000), 1000),
	    /* The longest download_timeout that a campaign can ask for. */
	    .download_timeout_ms = MAX_OF(scaled(a, 31 * 60000), 1000),
	    .arg = a,
	    .note = on_note,
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
	const struct trackers_ops ops = {
	    .arg = a,
	    .open = on_open,
	    .begin = on_begin,
	    .frame = on_frame,
	    .close = on_close,
	    .busy = on_busy,
	    .note = on_note,
	};
	struct trackers_address *listen;
	struct trackers_config cfg;
	struct errtext err = {0};
	int r;

	listen = addresses_of(a->conf->listen, a->conf->listen_count);
	if (listen == NULL)
		die(a, "out_of_memory");
	cfg = trackers_config_of(a, listen);
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
	    .request_timeout_ms = MAX_OF(scaled(a, 30000), 1000),
	    .durable_timeout_ms = MAX_OF(scaled(a, 10000), 1000),
	};
	const struct api_ops ops = {
	    .arg = a,
	    .core = api_core,
	    .now = api_now,
	    .status = api_fill_status,
	    .operate = api_operate,
	    .timeline = api_timeline,
	    .timeline_forget = api_timeline_forget,
	    .check = api_check,
	    .reload = app_reload,
	    .note = on_note,
	};
	struct errtext err = {0};

	if (api_new(&a->api, a->loop, &cfg, &ops, &err) < 0) {
		log_f(NOTE_ERROR, "control.socket: %s", err.text);
		return -1;
	}
	return 0;
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

static int
start_watches(struct app *a)
{
	int64_t dog = systemd_watchdog_ms();

	(void)dog; /* upkeep runs once a second, well under any interval */
	a->watch[0] = loop_signal(a->loop, SIGHUP, on_hup, a);
	a->watch[1] = loop_signal(a->loop, SIGTERM, on_term, a);
	a->watch[2] = loop_signal(a->loop, SIGINT, on_term, a);
	a->watch[3] = loop_readable(a->loop, store_fd(a->store), on_store, a);
	a->timer = loop_timer_new(a->loop, on_timer, a);
	a->upkeep = loop_timer_new(a->loop, on_upkeep, a);
	a->ending = loop_timer_new(a->loop, on_ending, a);
	for (size_t i = 0; i < 4; i++)
		if (a->watch[i] == NULL)
			return -1;
	return a->timer == NULL || a->upkeep == NULL || a->ending == NULL ? -1
									  : 0;
}

static void
app_done(struct app *a)
{
	struct held_reply *h;
	struct list *n, *tmp;

	for (size_t i = 0; i < ARRAY_LEN(a->watch); i++)
		loop_watch_free(a->watch[i]);
	loop_timer_free(a->timer);
	loop_timer_free(a->upkeep);
	loop_timer_free(a->ending);
	api_free(a->api);
	fwfile_stop(a->files);
	trackers_free(a->trackers);
	store_close(a->store);
	while ((h = a->held) != NULL) {
		a->held = h->next;
		free(h);
	}
	LIST_EACH_SAFE(n, tmp, &a->timelines)
		free(CONTAINER_OF(n, struct timeline_call, node));
	core_free(a->core);
	opbuf_done(&a->fx.ops);
	fx_done(&a->fx);
	free(a->spare);
	files_free(a->campaign_files);
	daemon_conf_free(a->conf);
	loop_free(a->loop);
}

static int
app_start(struct app *a)
{
	struct sbuf diag;

	sbuf_init(&diag, 0);
	a->conf = daemon_conf_load(a->opt.config_path, &diag);
	log_text(a->conf == NULL ? NOTE_ERROR : NOTE_WARN, sbuf_str(&diag));
	sbuf_done(&diag);
	if (a->conf == NULL)
		return EXIT_CONFIG;
	log_level(a->conf->log_level, a->opt.verbose);
	if (a->opt.time_scale != 1)
		log_f(NOTE_WARN,
		    "time_scale %g: every duration is divided; for trials only",
		    a->opt.time_scale);
	loop_set_log(on_note, a);
	if ((a->loop = loop_new()) == NULL ||
	    (a->campaign_files = files_new()) == NULL)
		die(a, "out_of_memory");
	fit_descriptors(a);
	if (start_store(a) < 0 || start_trackers(a) < 0 ||
	    start_api(a) < 0 || start_files(a) < 0)
		return 1;
	start_campaigns(a);
	if (start_watches(a) < 0)
		die(a, "out_of_memory");
	return 0;
}

int
app_run(const struct app_options *opt)
{
	struct app a = {.opt = *opt};

	(void)signal(SIGPIPE, SIG_IGN);
	a.held_end = &a.held;
	list_init(&a.timelines);
	a.armed_at_ms = -1;
	a.boot = boot_number();
	fx_init(&a.fx);
	if ((a.exit_code = app_start(&a)) == 0) {
		log_listeners(&a);
		log_f(NOTE_INFO, "trackupd ready version=%s connections_max=%d",
		    PACKAGE_VERSION, a.max_connections);
		systemd_ready();
		a.wall_offset_ms = loop_wall_ms() - loop_mono_ms();
		loop_timer_set(a.upkeep, UPKEEP_MS);
		event(&a, &(struct ev){.kind = EV_TICK});
		(void)loop_run(a.loop);
		log_f(NOTE_INFO, "stopped");
	}
	app_done(&a);
	return a.exit_code;
}
