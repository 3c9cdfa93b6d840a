#include "config.h"
#include "io/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "trackupd_"

static void
head(struct sbuf *b, const char *name, const char *type, const char *help)
{
	sbuf_addf(b, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name,
	    help, name, type);
}

/* Label values: what the format wants escaped. Names of campaigns and waves
 * have no such characters; a version string of ours neither, today. */
static void
value(struct sbuf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\' || *s == '"')
			sbuf_add(b, "\\", 1);
		if (*s == '\n')
			sbuf_adds(b, "\\n");
		else
			sbuf_add(b, s, 1);
	}
}

static void
one(struct sbuf *b, const char *name, const char *type, const char *help,
    double v)
{
	head(b, name, type, help);
	sbuf_addf(b, PREFIX "%s %.15g\n", name, v);
}

static void
labelled(struct sbuf *b, const char *name, const char *label,
    const char *label_value, uint64_t v)
{
	sbuf_addf(b, PREFIX "%s{%s=\"", name, label);
	value(b, label_value);
	sbuf_addf(b, "\"} %" PRIu64 "\n", v);
}

static void
histogram_write(struct sbuf *b, const char *name, const char *help,
    const double *le, size_t count, const uint64_t *bucket, double sum_s)
{
	uint64_t n = 0;

	head(b, name, "histogram", help);
	for (size_t i = 0; i < count; i++) {
		n += bucket[i];
		if (isinf(le[i]))
			sbuf_addf(b, PREFIX "%s_bucket{le=\"+Inf\"} %" PRIu64
			    "\n", name, n);
		else
			sbuf_addf(b, PREFIX "%s_bucket{le=\"%g\"} %" PRIu64
			    "\n", name, le[i], n);
	}
	sbuf_addf(b, PREFIX "%s_sum %.15g\n" PREFIX "%s_count %" PRIu64 "\n",
	    name, sum_s, name, n);
}

static void
write_wire(struct sbuf *b, const struct api_status *st,
    const struct view_status *v)
{
	const struct trackers_stats *t = &st->trackers;

	one(b, "connections", "gauge", "Tracker connections that are open.",
	    (double)t->connections);
	one(b, "devices_online", "gauge",
	    "Devices that have a connection or were heard over UDP.",
	    (double)v->devices_online);
	one(b, "devices_quarantined", "gauge",
	    "Devices to which nothing is sent until they are released.",
	    (double)v->quarantined);
	one(b, "takeovers_total", "counter",
	    "An older connection spoke as a device that had a newer one.",
	    (double)v->takeovers);
	head(b, "frames_total", "counter", "Frames understood, by kind.");
	for (int i = 0; i < MSG_KIND_COUNT_; i++)
		labelled(b, "frames_total", "kind",
		    msg_kind_name((enum msg_kind)i), t->kind[i]);
	head(b, "frame_errors_total", "counter",
	    "Bytes and frames that were not understood, by reason.");
	for (int i = 1; i < FRAME_WHY_COUNT_; i++)
		labelled(b, "frame_errors_total", "reason",
		    frame_why_name((enum frame_why)i), t->bad_frame[i]);
	for (int i = 1; i < MSG_BAD_COUNT_; i++)
		labelled(b, "frame_errors_total", "reason",
		    msg_bad_name((enum msg_bad)i), t->bad_message[i]);
	/* Binary frames that no connection's id goes with. */
	labelled(b, "frame_errors_total", "reason", "nameless",
	    v->frames_nameless);
	head(b, "commands_total", "counter", "Commands written, by command.");
	labelled(b, "commands_total", "command", "start", v->commands_start);
	labelled(b, "commands_total", "command", "stop", v->commands_stop);
	labelled(b, "commands_total", "command", "read", v->commands_read);
	head(b, "reports_total", "counter",
	    "Update reports (GTUPD) that were acted on, by code.");
	for (int i = 0; i < 1000; i++)
		if (v->codes[i] != 0)
			sbuf_addf(b, PREFIX "reports_total{code=\"%03d\"} %"
			    PRIu64 "\n", i, v->codes[i]);
}

/* One sample for each word of an enum: who scrapes sees zeros, not gaps. */
static void
write_state(struct sbuf *b, const char *name, const char *campaign,
    const char *wave, const char *state, uint64_t v)
{
	sbuf_addf(b, PREFIX "%s{campaign=\"", name);
	value(b, campaign);
	if (wave != NULL) {
		sbuf_adds(b, "\",wave=\"");
		value(b, wave);
	}
	sbuf_addf(b, "\",state=\"%s\"} %" PRIu64 "\n", state, v);
}

static void
targets_of(struct sbuf *b, const struct core *core,
    const struct view_campaign *p)
{
	(void)core;
	for (int i = 0; i < TARGET_STATE_COUNT_; i++)
		write_state(b, "campaign_targets", p->name, NULL,
		    target_state_name((enum target_state)i), p->targets[i]);
}

static void
state_of(struct sbuf *b, const struct core *core,
    const struct view_campaign *p)
{
	(void)core;
	for (int i = 0; i < CAMPAIGN_STATE_COUNT_; i++)
		write_state(b, "campaign_state", p->name, NULL,
		    campaign_state_name((enum campaign_state)i),
		    p->state == (enum campaign_state)i);
}

static void
waves_of(struct sbuf *b, const struct core *core,
    const struct view_campaign *p)
{
	enum wave_state have;
	const char *name;

	for (size_t n = 0; core_view_wave_state(core, p->name, n, &name, &have);
	     n++)
		for (int i = 0; i < WAVE_STATE_COUNT_; i++)
			write_state(b, "wave_state", p->name, name,
			    wave_state_name((enum wave_state)i),
			    have == (enum wave_state)i);
}

static void
results_of(struct sbuf *b, const struct core *core,
    const struct view_campaign *p)
{
	(void)core;
	for (int i = RESULT_OPEN + 1; i < RESULT_COUNT_; i++) {
		sbuf_addf(b, PREFIX "attempts_total{campaign=\"");
		value(b, p->name);
		sbuf_addf(b, "\",result=\"%s\"} %" PRIu64 "\n",
		    result_name((enum result)i), p->results[i]);
	}
}

/* The samples of one metric must stand together. */
static void
write_campaigns(struct sbuf *b, const struct core *core, struct core_now now)
{
	static const struct {
		const char *name, *type, *help;
		void (*write)(struct sbuf *b, const struct core *core,
		    const struct view_campaign *p);
	} table[] = {
		{"campaign_targets", "gauge",
		    "Targets of a campaign, by state.", targets_of},
		{"campaign_state", "gauge",
		    "1 for the state that a campaign is in.", state_of},
		{"wave_state", "gauge",
		    "1 for the state that a wave is in.", waves_of},
		{"attempts_total", "counter",
		    "Attempts that ended, by result, since the start of the "
		    "daemon.", results_of},
	};
	struct view_campaign p;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		head(b, table[i].name, table[i].type, table[i].help);
		for (size_t n = 0; n < core_campaign_count(core); n++)
			if (core_view_campaign_brief(core, now,
				core_campaign_name(core, n), &p))
				table[i].write(b, core, &p);
	}
}

/* Of the platforms behind us; nothing where there is none. */
static void
write_relay(struct sbuf *b, const struct api_status *st)
{
	const struct relay_stats *r = &st->trackers.relay;

	if (r->upstreams == 0)
		return;
	head(b, "relay_upstream_up", "gauge",
	    "1 when the platform was last reached.");
	for (size_t i = 0; i < st->relay_count; i++) {
		const struct relay_view *v = &st->relay[i];
		char name[RELAY_HOST_MAX + 16];

		(void)snprintf(name, sizeof(name), strchr(v->host, ':') != NULL
		    ? "[%s]:%u" : "%s:%u", v->host, v->port);
		labelled(b, "relay_upstream_up", "upstream", name, v->up);
	}
	head(b, "relay_connections", "gauge",
	    "Trackers that have their platform, and that wait for it.");
	labelled(b, "relay_connections", "state", "connected", r->connected);
	labelled(b, "relay_connections", "state", "waiting", r->waiting);
	one(b, "relay_held_bytes", "gauge",
	    "Bytes of trackers that wait for a platform.",
	    (double)r->held_bytes);
	head(b, "relay_bytes_total", "counter", "Bytes passed on.");
	labelled(b, "relay_bytes_total", "direction", "up", r->bytes_up);
	labelled(b, "relay_bytes_total", "direction", "down", r->bytes_down);
	one(b, "relay_connect_failures_total", "counter",
	    "Connections to a platform that failed.",
	    (double)r->connect_failed);
	head(b, "relay_closed_total", "counter",
	    "Trackers' connections that ended for the platform's sake.");
	labelled(b, "relay_closed_total", "reason", "closed",
	    r->upstream_closed);
	labelled(b, "relay_closed_total", "reason", "reset",
	    r->upstream_reset);
	labelled(b, "relay_closed_total", "reason", "hold_full",
	    r->hold_closed);
	one(b, "relay_hidden_total", "counter",
	    "Frames of our own dialogue kept from the platform.",
	    (double)r->hidden);
	one(b, "relay_foreign_total", "counter",
	    "Updates that a platform commanded itself.", (double)r->foreign);
}

static void
write_store(struct sbuf *b, const struct api_status *st)
{
	one(b, "store_up", "gauge", "1 while the database commits.",
	    strcmp(st->store_state, "ok") == 0);
	one(b, "store_wal_bytes", "gauge",
	    "Size of the database's write-ahead log.", (double)st->wal_bytes);
	one(b, "store_queue_bytes", "gauge",
	    "Changes that wait for the database.",
	    (double)st->store_queue_bytes);
	histogram_write(b, "commit_seconds", "Time of a group commit.",
	    st->commit_le, st->commit_count, st->commit_bucket,
	    st->commit_sum_s);
}

void
metrics_write(struct sbuf *b, const struct core *core, struct core_now now,
    const struct api_status *st)
{
	struct view_status v;

	core_view_status(core, &v);
	head(b, "build_info", "gauge", "1, with the version as a label.");
	labelled(b, "build_info", "version", st->version, 1);
	one(b, "uptime_seconds", "gauge", "Since the daemon started.",
	    (double)st->uptime_ms / 1000);
	one(b, "halted", "gauge", "1 while every start is halted.", v.halted);
	one(b, "devices_known", "gauge",
	    "Devices of lists, the inventory, or registered.",
	    (double)v.devices_known);
	one(b, "in_flight", "gauge",
	    "Updates under way, over all campaigns.", (double)v.in_flight);
	one(b, "dark", "gauge",
	    "Devices overdue after their download and not heard of since.",
	    (double)v.dark);
	write_wire(b, st, &v);
	write_relay(b, st);
	write_campaigns(b, core, now);
	histogram_write(b, "dispatch_seconds",
	    "From a device's speaking to the command that it made possible.",
	    histogram_dispatch.le, histogram_dispatch.count,
	    st->dispatch.bucket, st->dispatch.sum_s);
	histogram_write(b, "update_seconds",
	    "From a start to its success, of the attempts that succeeded.",
	    histogram_update.le, histogram_update.count, v.updates.bucket,
	    v.updates.sum_s);
	write_store(b, st);
	one(b, "files_bytes_total", "counter",
	    "Bytes of firmware that were served.", (double)st->files.bytes);
	one(b, "files_downloads", "gauge", "Downloads under way.",
	    (double)st->files.downloads);
	one(b, "reload_success", "gauge",
	    "1 when the last reload refused nothing.", st->reload_ok);
	one(b, "reload_timestamp_seconds", "gauge",
	    "When the configuration was last read, seconds since 1970.",
	    (double)st->reload_wall_ms / 1000);
}
