#include "config.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "fetch.h"
#include "record.h"
#include "specs.h"
#include "wire.h"

/* How a world begins, is told things, crashes and begins again. */

#define WALL_0 INT64_C(1795392000000) /* 2026-11-23T00:00:00Z */
#define BOOT_0 INT64_C(3600000)

/* --- campaign files --------------------------------------------------------*/

struct disk_file *
world_file(struct world *w, const char *name)
{
	struct disk_file *f;

	for (size_t i = 0; i < w->disk_count; i++)
		if (strcmp(w->disk[i].name, name) == 0)
			return &w->disk[i];
	if (w->disk_count == WORLD_FILES)
		scn_fail("too many campaign files");
	f = &w->disk[w->disk_count++];
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	f->gone = true;
	return f;
}

static void
tell_wire(struct world *w, const struct campaign_spec *s)
{
	const struct spec_timeouts *t = &s->timeouts;
	int tries = s->max_download_retry + 1;
	struct wire_limits l = {
	    .in_flight = s->pace.in_flight,
	    .per_hour = s->pace.start_per_hour,
	    /* contract.md: the worst case of an attempt. */
	    .w_ms = t->ack_ms + t->confirm_ms + t->start_download_ms +
		tries * (s->download_timeout_ms + t->download_margin_ms) +
		t->install_ms,
	    .ack_ms = t->ack_ms,
	    .confirm_ms = t->confirm_ms,
	    .blind = s->target_version[0] == '\0',
	    .tries = tries,
	};

	wire_campaign(w->wire, s->name, &l);
}

static void
read_file(struct world *w, const struct disk_file *f, bool at_start)
{
	struct campaign_spec *s = NULL;

	if (!f->gone && !f->broken)
		s = spec_of_text(w, f->name, f->text, false);
	if (s == NULL && !(f->gone && at_start)) {
		core_campaign_file_lost(w->core, f->name,
		    f->gone ? PAUSE_FILE_GONE : PAUSE_FILE_BROKEN, "",
		    at_start, world_now(w), &w->fx);
	} else if (s != NULL) {
		struct campaign_spec *told =
		    spec_of_text(w, f->name, f->text, false);

		w->file_err = (struct errtext){0};
		w->verdict = core_campaign_file(w->core, s, at_start,
		    world_now(w), &w->fx, &w->file_err);
		if (w->verdict != FILE_REFUSED)
			tell_wire(w, told);
		spec_free(told);
	}
	world_effects(w);
}

void
world_reload(struct world *w)
{
	for (size_t i = 0; i < w->disk_count; i++)
		read_file(w, &w->disk[i], false);
	world_event(w, &(struct ev){.kind = EV_TICK});
}

/* --- start -----------------------------------------------------------------*/

struct loading {
	struct world *w;
	int64_t down_ms;
};

static int
load_flags(void *arg, const struct flags_rec *f, const struct stamp_rec *s)
{
	struct loading *l = arg;
	struct world *w = l->w;

	core_load_flags(w->core, f, s);
	w->alive_base_ms = s->alive_ms;
	w->up_since_ms = w->elapsed_ms;
	l->down_ms = -1;
	if (s->boot != 0 && s->boot == w->boot)
		l->down_ms = world_now(w).boot_ms - s->boot_ms;
	return 0;
}

static int
load_device(void *arg, const struct device_rec *r)
{
	return core_load_device(((struct loading *)arg)->w->core, r);
}

static int
load_campaign(void *arg, const struct campaign_rec *r, const char *text,
    size_t len)
{
	struct world *w = ((struct loading *)arg)->w;
	struct campaign_spec *s;

	if (strlen(text) != len)
		scn_fail("%s: its text is not as it was", r->name);
	s = spec_of_text(w, r->name, text, true);
	return core_load_campaign(w->core, r, s);
}

static int
load_package(void *arg, const struct package_rec *r)
{
	return core_load_package(((struct loading *)arg)->w->core, r);
}

static int
load_wave(void *arg, const struct wave_rec *r)
{
	return core_load_wave(((struct loading *)arg)->w->core, r);
}

static int
load_target(void *arg, const struct target_rec *r)
{
	return core_load_target(((struct loading *)arg)->w->core, r);
}

static int
load_attempt(void *arg, const struct attempt_rec *r)
{
	return core_load_attempt(((struct loading *)arg)->w->core, r);
}

static int
load_tuple(void *arg, const struct tuple_rec *r)
{
	return core_load_tuple(((struct loading *)arg)->w->core, r);
}

static int
load_exclusion(void *arg, const struct exclusion_rec *r)
{
	return core_load_exclusion(((struct loading *)arg)->w->core, r);
}

static void
start(struct world *w, bool restored)
{
	struct loading loading = {.w = w};
	const struct store_loader loader = {
	    .arg = &loading,
	    .flags = load_flags,
	    .device = load_device,
	    .campaign = load_campaign,
	    .package = load_package,
	    .wave = load_wave,
	    .target = load_target,
	    .attempt = load_attempt,
	    .tuple = load_tuple,
	    .exclusion = load_exclusion,
	};

	w->cfg.boot = w->boot;
	if ((w->core = core_new(&w->cfg, ++w->seed)) == NULL)
		scn_fail("out of memory");
	record_load(w->record, &loader);
	record_start(w->record);
	if (core_load_done(w->core, world_now(w), loading.down_ms, restored,
		&w->fx) < 0)
		scn_fail("core_load_done");
	fetch_start(w);
	world_effects(w);
	fleet_tell(w);
	for (size_t i = 0; i < w->disk_count; i++)
		read_file(w, &w->disk[i], true);
	core_campaigns_without_file(w->core, world_now(w), &w->fx);
	world_effects(w);
	world_event(w, &(struct ev){.kind = EV_TICK});
}

void
world_init(struct world *w, const char *file, bool sqlite, bool hex)
{
	memset(w, 0, sizeof(*w));
	w->file = file;
	w->sqlite = sqlite;
	w->hex = hex;
	w->seed = 1;
	w->boot = 77;
	w->wall_base_ms = WALL_0;
	w->boot_base_ms = BOOT_0;
	w->auto_durable = true;
	w->batches_end = &w->batches;
	w->helds_end = &w->helds;
	scn_fail_in(w);
	w->cfg = (struct core_config){
	    .time_scale = 1,
	    .unknown = UNKNOWN_OBSERVE,
	    .sack = SACK_ALL,
	    .observed_max = 100,
	    .in_flight = 100,
	    .start_per_hour = 360000,
	    .read_per_hour = 3600000,
	    .hide_own = true,
	    .password = "gv620mg",
	};
	fx_init(&w->fx);
	w->record = record_new(sqlite);
	w->wire = wire_new();
}

/* What the configuration says, to those who hold the core to it. */
static void
tell_configuration(struct world *w)
{
	wire_password(w->wire, w->cfg.password);
	wire_global(w->wire, w->cfg.in_flight, w->cfg.start_per_hour);
}

void
world_boot(struct world *w)
{
	tell_configuration(w);
	/* 0 is "never" in the records: scenarios begin a second later. */
	w->elapsed_ms = -1000;
	start(w, false);
	world_pass(w, 1000);
}

void
world_configure(struct world *w)
{
	tell_configuration(w);
	core_configure(w->core, &w->cfg);
}

/* --- end -------------------------------------------------------------------*/

static void
forget(struct world *w)
{
	struct batch *b;
	struct held *h;

	while ((b = w->batches) != NULL) {
		w->batches = b->next;
		opbuf_done(&b->ops);
		free(b);
	}
	w->batches_end = &w->batches;
	while ((h = w->helds) != NULL) {
		w->helds = h->next;
		free(h);
	}
	w->helds_end = &w->helds;
	core_free(w->core);
	w->core = NULL;
	for (size_t i = 0; i < w->dev_count; i++) {
		struct dev *d = &w->dev[i];

		for (size_t k = 0; k < d->conn_count; k++)
			free(d->conn[k]);
		d->conn_count = 0;
		memset(d->frame, 0, sizeof(d->frame));
	}
	w->submitted = w->durable = 0;
	w->broken = false;
}

void
world_crash(struct world *w, int64_t down_ms, bool other_boot, bool restored)
{
	wire_crash(w->wire);
	forget(w);
	w->elapsed_ms += down_ms;
	if (other_boot) {
		w->boot++;
		w->boot_base_ms = BOOT_0 - w->elapsed_ms;
	}
	record_reopen(w->record);
	if (restored)
		wire_restored(w->wire);
	start(w, restored);
}

void
world_keep(struct world *w)
{
	for (size_t i = 0; i < w->dev_count; i++) {
		struct dev *d = &w->dev[i];

		d->kept_count = 0;
		for (size_t k = 0; k < d->conn_count; k++)
			if (d->conn[k]->open && !d->conn[k]->core.relayed &&
			    d->conn[k]->core.transport == TRANSPORT_TCP)
				d->kept[d->kept_count++] = *d->conn[k];
	}
}

/* Nothing but the address and whose it was came with them. */
void
world_resume(struct world *w)
{
	for (size_t i = 0; i < w->dev_count; i++) {
		struct dev *d = &w->dev[i];
		struct devid id;

		if (devid_parse(span_str(d->id), &id) < 0)
			scn_fail("%s: no id", d->name);
		for (size_t k = 0; k < d->kept_count; k++) {
			struct wconn *c = calloc(1, sizeof(*c));

			if (c == NULL)
				scn_fail("out of memory");
			c->core.id = ++w->conn_last;
			c->core.transport = TRANSPORT_TCP;
			memcpy(c->core.addr, d->kept[k].core.addr,
			    sizeof(c->core.addr));
			c->dev = d;
			c->open = true;
			c->spoke = d->kept[k].spoke;
			d->conn[d->conn_count++] = c;
			d->connects++;
			world_event(w, &(struct ev){.kind = EV_RESUME,
			    .conn = &c->core,
			    .devid = c->spoke ? &id : NULL});
		}
		d->kept_count = 0;
	}
}

void
world_done(struct world *w)
{
	forget(w);
	for (size_t i = 0; i < w->disk_count; i++)
		free(w->disk[i].text);
	record_free(w->record);
	wire_free(w->wire);
	opbuf_done(&w->fx.ops);
	fx_done(&w->fx);
}

/* --- the operator ----------------------------------------------------------*/

/* What they were told is from now on a promise. */
static void
hold_to_answer(struct world *w, const struct oper *op)
{
	if (w->oper.status != OPER_OK || op->dry_run)
		return;
	switch (op->kind) {
	case OPER_CAMPAIGN_PAUSE:
	case OPER_CAMPAIGN_ABORT:
		wire_forbid(w->wire, op->campaign, true);
		break;
	case OPER_CAMPAIGN_START:
	case OPER_CAMPAIGN_RESUME:
		wire_forbid(w->wire, op->campaign, false);
		break;
	case OPER_HALT:
	case OPER_DRAIN:
		wire_forbid(w->wire, NULL, true);
		break;
	case OPER_RESUME_ALL:
		wire_forbid(w->wire, NULL, false);
		break;
	default:
		break;
	}
}

void
world_operate(struct world *w, const struct oper *op)
{
	core_operate(w->core, op, world_now(w), &w->fx, &w->oper);
	hold_to_answer(w, op);
	world_effects(w);
	world_settle(w);
}
