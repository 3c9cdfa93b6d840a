#include "config.h"
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/core.h"
#include "core/plan.h"
#include "core/report.h"
#include "core/state.h"
#include "core/view.h"

/*
 * The longest turn: while one call into the core lasts, no tracker is heard. A
 * core of its own, with a disk that commits at once, is told what operators do
 * with campaigns of a million; of all calls that follow from one deed the one
 * that takes the most CPU is told.
 */
#define IDS 1000000u
#define ONLINE 20000u
#define WALL INT64_C(1790000000000)
#define HOUR_MS INT64_C(3600000)
#define AFTER_MS 5000 /* of its clock: what a deed leads to, but no deadlines */
#define SENDS_MAX 4096
#define COUNTRIES 200
#define RUNS 3
#define DEEDS_MAX 40
#define LOOKS 20000

struct turns {
	struct core *core;
	struct fx fx;
	struct core_now now;
	struct core_conn *conn;
	uint64_t written, durable;
	struct fx_item send[SENDS_MAX];
	size_t sends;
	double longest_ms;
};

static struct turns *w;

/* --- the shell -------------------------------------------------------------*/

static double
cpu_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec * 1e-6;
}

/* A call is over that began at start. */
static void
turn_over(double start)
{
	double ms = cpu_ms() - start;

	w->longest_ms = MAX_OF(w->longest_ms, ms);
	if (w->fx.ops.failed)
		die("no memory");
	if (w->fx.ops.count > 0)
		w->written = w->fx.ticket;
	for (size_t i = 0; i < w->fx.count; i++)
		if (w->fx.item[i].kind == FX_SEND && w->sends < SENDS_MAX)
			w->send[w->sends++] = w->fx.item[i];
	opbuf_done(&w->fx.ops);
	fx_clear(&w->fx);
}

static void
feed(const struct ev *ev)
{
	double start = cpu_ms();

	core_handle(w->core, ev, w->now, &w->fx);
	turn_over(start);
}

/* What follows from it, until nothing is due in the next seconds. */
static void
settle(void)
{
	int64_t end = w->now.at_ms + AFTER_MS, due;

	for (;;) {
		if (w->written > w->durable) {
			w->durable = w->written;
			feed(&(struct ev){.kind = EV_DURABLE,
			    .ticket = w->durable});
		}
		while (w->sends > 0) {
			struct fx_item it = w->send[--w->sends];

			feed(&(struct ev){.kind = EV_SENT, .conn = it.conn,
			    .send_id = it.send_id, .ok = true});
		}
		if (w->written > w->durable)
			continue;
		due = core_deadline(w->core);
		if (due > end)
			return;
		w->now.wall_ms += MAX_OF(due - w->now.at_ms, 0);
		w->now.at_ms = MAX_OF(due, w->now.at_ms);
		feed(&(struct ev){.kind = EV_TICK});
	}
}

/* The worst turn of what was done since the last time. */
static void
told(const char *key, const char *title)
{
	static struct {
		const char *key;
		struct series *series;
	} known[DEEDS_MAX];
	size_t i = 0;

	settle();
	while (i < DEEDS_MAX && known[i].key != NULL &&
	    strcmp(known[i].key, key) != 0)
		i++;
	if (i == DEEDS_MAX)
		die("more deeds than places");
	if (known[i].key == NULL) {
		struct outcome *o = outcome_new(key, title, "ms");

		o->goal = GOAL_AT_MOST;
		o->limit = 100;
		known[i].key = key;
		known[i].series = outcome_row(o, "the core");
	}
	series_add(known[i].series, w->longest_ms);
	w->longest_ms = 0;
}

/* --- the fleet -------------------------------------------------------------*/

static struct devid
id_of(unsigned i)
{
	struct devid id;
	char text[DEVID_MAX + 1];

	/* In no order. */
	(void)snprintf(text, sizeof(text), "A%013X", i * 7919u % IDS);
	if (devid_parse(span_str(text), &id) < 0)
		die("no id");
	return id;
}

static void
inventory_of(const char *tag)
{
	struct core_fleet f = {.inventory = inventory_new()};
	double start;

	for (unsigned i = 0; f.inventory != NULL && i < IDS; i++) {
		char country[4];
		struct inventory_line l = {.id = id_of(i), .number = i + 2,
		    .tags = span_str(tag)};

		(void)snprintf(country, sizeof(country), "%c%c",
		    'A' + (int)(i % COUNTRIES / 26),
		    'A' + (int)(i % COUNTRIES % 26));
		l.country = span_str(country);
		if (inventory_add(f.inventory, &l) < 0)
			die("no inventory");
	}
	if (f.inventory == NULL || inventory_seal(f.inventory) < 0)
		die("no inventory");
	start = cpu_ms();
	core_fleet(w->core, &f, w->now, &w->fx);
	turn_over(start);
}

static void
begin(void)
{
	const struct core_config cfg = {.time_scale = 1, .boot = 1,
	    .unknown = UNKNOWN_OBSERVE, .observed_max = 1000,
	    .in_flight = 1000, .start_per_hour = 360000,
	    .read_per_hour = 36000, .password = "gv620mg"};
	struct flags_rec flags = {.next_campaign = 1, .next_attempt = 1};
	struct stamp_rec stamp = {0};

	w = calloc(1, sizeof(*w));
	if (w == NULL || (w->core = core_new(&cfg, 1)) == NULL ||
	    (w->conn = calloc(ONLINE, sizeof(*w->conn))) == NULL)
		die("no memory");
	fx_init(&w->fx);
	w->now = (struct core_now){.at_ms = 1000, .wall_ms = WALL};
	core_load_flags(w->core, &flags, &stamp);
	if (core_load_done(w->core, w->now, -1, false, &w->fx) < 0)
		die("no memory");
	turn_over(cpu_ms());
	settle();
	w->longest_ms = 0;
}

static void
end(void)
{
	core_free(w->core);
	fx_done(&w->fx);
	free(w->conn);
	free(w);
}

static void
connect_some(void)
{
	for (unsigned i = 0; i < ONLINE; i++) {
		struct devid id = id_of(i * (IDS / ONLINE));

		w->conn[i].id = i + 1;
		feed(&(struct ev){.kind = EV_RESUME, .conn = &w->conn[i],
		    .devid = &id});
	}
	settle();
	w->longest_ms = 0;
}

/* --- campaigns -------------------------------------------------------------*/

static struct campaign_spec *
spec_of(const char *name, bool listed)
{
	struct campaign_spec *s = spec_new();

	if (s == NULL || (s->packages = calloc(1, sizeof(*s->packages))) ==
		NULL || spec_waves_new(s, 3) < 0)
		die("no memory");
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	(void)snprintf(s->digest, sizeof(s->digest), "1");
	s->package_count = 1;
	s->packages[0].from_any = true;
	(void)snprintf(s->packages[0].url, sizeof(s->packages[0].url),
	    "http://x/1.enc");
	s->waves_given = true;
	for (int i = 0; i < 3; i++)
		(void)snprintf(s->waves[i].name, sizeof(s->waves[i].name),
		    "w%d", i);
	s->waves[0].take = TAKE_PERCENT;
	s->waves[0].percent = 40;
	s->waves[0].gate = (struct spec_gate){.given = true,
	    .success_ppm = 1000000, .unknown_max_ppm = 1000000};
	s->waves[1].take = TAKE_PERCENT;
	s->waves[1].percent = 20;
	s->windows_always = true;
	s->approval_required = false;
	s->rule_count = 0;
	s->targets_all = !listed;
	if (!listed)
		return s;
	s->devices = malloc(IDS * sizeof(*s->devices));
	if (s->devices == NULL)
		die("no memory");
	s->device_count = IDS;
	for (unsigned i = 0; i < IDS; i++)
		s->devices[i] = id_of(i);
	return s;
}

static void
lists_in_waves(struct campaign_spec *s)
{
	for (unsigned k = 0; k < 2; k++) {
		struct spec_wave *v = &s->waves[k];

		v->take = TAKE_FILE;
		v->devices = malloc(IDS / 4 * sizeof(*v->devices));
		if (v->devices == NULL)
			die("no memory");
		for (unsigned i = 0; i < IDS / 4; i++)
			v->devices[v->device_count++] =
			    id_of(k * (IDS / 4) + i);
	}
}

static void
file(struct campaign_spec *s)
{
	struct errtext err = {0};
	double start = cpu_ms();

	if (core_campaign_file(w->core, s, false, w->now, &w->fx, &err) ==
		FILE_REFUSED)
		die("refused: %s", err.text);
	turn_over(start);
}

static void
operate(enum oper_kind kind, const char *campaign)
{
	struct oper op = {.kind = kind, .campaign = campaign, .who = "ada",
	    .reason = "bench", .wave = "w1", .force = true};
	struct oper_result r;
	double start = cpu_ms();

	core_operate(w->core, &op, w->now, &w->fx, &r);
	if (r.status != OPER_OK)
		die("%s: %s", oper_kind_name(kind), r.message);
	turn_over(start);
}

static void
is_now(const char *campaign, enum campaign_state state)
{
	struct view_campaign v;

	if (!core_view_campaign_brief(w->core, w->now, campaign, &v) ||
	    v.state != state)
		die("%s is %s, not %s", campaign, campaign_state_name(v.state),
		    campaign_state_name(state));
}

/* --- what is measured ------------------------------------------------------*/

static void
look(void)
{
	static struct view_wave wave[WAVES_MAX];
	static struct view_target target[100];
	static struct view_device device[100];
	static struct report_campaign report;
	struct view_looks looks = {0};
	struct target_filter all = {.state = -1, .cause = -1, .hold = -1};
	struct view_campaign v;
	uint64_t last;
	bool more;
	double start;

	/* As the API has them made. */
	for (bool more_looks = true; more_looks;) {
		size_t room = LOOKS;

		start = cpu_ms();
		more_looks = !core_view_looks(w->core, "list", &room, &looks);
		turn_over(start);
	}
	start = cpu_ms();
	(void)core_view_looked(w->core, w->now, "list", &looks, &v);
	(void)core_view_waves(w->core, w->now, "list", &looks, wave,
	    WAVES_MAX);
	turn_over(start);
	told("turn_show", "campaign show, and each of campaign list");
	memset(&report, 0, sizeof(report));
	for (bool more_looks = true; more_looks;) {
		size_t room = LOOKS;

		start = cpu_ms();
		more_looks = !core_report_campaign(w->core, "list", &room,
		    &report);
		turn_over(start);
	}
	told("turn_report", "campaign report");
	start = cpu_ms();
	(void)core_view_targets(w->core, w->now, "list", &all, target, 100,
	    &last, &more);
	turn_over(start);
	told("turn_targets", "campaign targets, the first page ever");
	all.hold = HOLD_BATTERY;
	start = cpu_ms();
	(void)core_view_targets(w->core, w->now, "list", &all, target, 100,
	    &last, &more);
	turn_over(start);
	told("turn_filter", "campaign targets, by a hold that nobody has");
	start = cpu_ms();
	(void)core_view_devices(w->core, w->now, 0, device, 100, &more);
	turn_over(start);
	told("turn_devices", "device list, the first page");
}

static void
fail_all(const char *name)
{
	struct campaign *p = campaign_find(w->core, name);

	w->fx.ticket = 0;
	core_enter(w->core, w->now, &w->fx);
	/* But for one: it is not over yet. */
	for (size_t i = 1; i < p->target_count; i++)
		if (p->target[i]->attempt == NULL)
			target_set(w->core, p->target[i], TARGET_FAILED,
			    CAUSE_TIMEOUT);
	core_leave(w->core);
	turn_over(cpu_ms());
	settle();
	w->longest_ms = 0;
}

static void
of_a_list(void)
{
	begin();
	file(spec_of("list", true));
	told("turn_list", "a list is taken in, and begins; waves by percent");
	is_now("list", CAMPAIGN_RUNNING);
	connect_some();
	look();
	operate(OPER_CAMPAIGN_PAUSE, "list");
	told("turn_pause", "campaign pause");
	operate(OPER_CAMPAIGN_RESUME, "list");
	told("turn_resume", "campaign resume");
	operate(OPER_HALT, NULL);
	told("turn_halt", "halt");
	operate(OPER_RESUME_ALL, NULL);
	told("turn_resume_all", "resume-all");
	file(spec_of("list", true));
	told("turn_reload", "reload, nothing changed");
	operate(OPER_WAVE_APPROVE, "list");
	told("turn_wave", "a wave of 200,000 opens");
	w->now.at_ms += 8 * HOUR_MS;
	w->now.wall_ms += 8 * HOUR_MS;
	told("turn_away", "who is silent for seven hours is away");
	operate(OPER_CAMPAIGN_ABORT, "list");
	told("turn_abort", "campaign abort");
	is_now("list", CAMPAIGN_ABORTING); /* some are under way */
	end();
}

static void
of_an_inventory(void)
{
	struct campaign_spec *s;
	struct errtext err = {0};
	struct plan *plan;
	double start;

	begin();
	inventory_of("old");
	w->longest_ms = 0;
	s = spec_of("spread", true);
	s->waves[0].spread = SPREAD_VERSION | SPREAD_COUNTRY;
	s->schedule.end_wall = w->now.wall_ms + HOUR_MS;
	file(s);
	told("turn_spread", "a list is taken in; a wave is spread");
	is_now("spread", CAMPAIGN_RUNNING);
	connect_some();
	inventory_of("new");
	told("turn_inventory", "another inventory");
	s = spec_of("planned", true);
	start = cpu_ms();
	if (core_plan(w->core, s, w->now, NULL, NULL, false, &plan, &err) < 0)
		die("plan: %s", err.text);
	turn_over(start);
	told("turn_plan", "plan");
	plan_free(plan);
	spec_free(s);
	w->now.at_ms += HOUR_MS;
	w->now.wall_ms += HOUR_MS;
	told("turn_end", "the end of its schedule");
	end();
}

static void
of_lists_in_waves(void)
{
	struct campaign_spec *s;

	begin();
	s = spec_of("lists", true);
	lists_in_waves(s);
	file(s);
	told("turn_lists", "a list is taken in; waves by lists");
	is_now("lists", CAMPAIGN_RUNNING);
	operate(OPER_CAMPAIGN_PAUSE, "lists");
	fail_all("lists");
	operate(OPER_CAMPAIGN_RETRY, "lists");
	told("turn_retry", "retry-failed of all");
	operate(OPER_CAMPAIGN_RESUME, "lists");
	settle();
	w->longest_ms = 0;
	s = spec_of("lists", true);
	lists_in_waves(s);
	(void)snprintf(s->digest, sizeof(s->digest), "2");
	for (unsigned i = 0; i < IDS; i++)
		if (keyset_add(&s->exclude, id_of(i).key) < 0)
			die("no memory");
	keyset_seal(&s->exclude);
	file(s);
	told("turn_exclude", "its exclude_file names all; it is finished");
	is_now("lists", CAMPAIGN_FINISHED);
	end();
}

static void
of_all(void)
{
	struct campaign_spec *s;

	begin();
	inventory_of("old");
	w->longest_ms = 0;
	file(spec_of("all", false));
	told("turn_all", "all: true is taken in, by the inventory");
	is_now("all", CAMPAIGN_RUNNING);
	s = spec_of("draft", true);
	s->approval_required = true;
	file(s);
	settle();
	w->longest_ms = 0;
	s = spec_of("draft", true);
	s->approval_required = true;
	(void)snprintf(s->digest, sizeof(s->digest), "2");
	file(s);
	told("turn_draft", "the file of a draft changes");
	operate(OPER_CAMPAIGN_ABORT, "draft");
	operate(OPER_CAMPAIGN_ABORT, "all");
	settle();
	w->longest_ms = 0;
	s = spec_of("tags", true);
	s->tags = calloc(1, sizeof(*s->tags));
	if (s->tags == NULL)
		die("no memory");
	(void)snprintf(s->tags[0], sizeof(s->tags[0]), "old");
	s->tag_count = 1;
	file(s);
	told("turn_tags", "a list and tags, all of them known");
	is_now("tags", CAMPAIGN_RUNNING);
	s = spec_of("dynamic", false);
	s->dynamic = true;
	s->schedule.end_wall = w->now.wall_ms + HOUR_MS;
	file(s);
	told("turn_dynamic", "all: true with membership: dynamic begins");
	is_now("dynamic", CAMPAIGN_RUNNING);
	end();
}

void
bench_turns(void)
{
	say("The longest turn of the core with 1,000,000 targets ...");
	for (int i = 0; i < RUNS; i++) {
		of_a_list();
		of_an_inventory();
		of_lists_in_waves();
		of_all();
	}
}
