#include "config.h"
#include "core/state.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/plant.h"

/*
 * The fleet as the operator lists it: the inventory, who may be commanded, and
 * who belongs to which campaign (contract.md, devices and targets).
 *
 * The inventory is asked when a device speaks, never walked for one of them:
 * a device remembers its row for as long as the inventory is the same.
 */

/* --- rows ------------------------------------------------------------------*/

static uint32_t
row_find(const struct core *c, uint64_t key)
{
	return inventory_find(c->fleet.inventory, key);
}

static uint32_t
row_of(const struct core *c, const struct device *d)
{
	if (inventory_count(c->fleet.inventory) == 0)
		return INVENTORY_NONE;
	if (d->fleet_gen != c->fleet_gen)
		return row_find(c, d->key);
	return d->row == ROW_NONE ? INVENTORY_NONE : d->row;
}

bool
device_has_row(const struct core *c, const struct device *d)
{
	return row_of(c, d) != INVENTORY_NONE;
}

bool
device_row(const struct core *c, const struct device *d,
    struct inventory_row *ret)
{
	uint32_t row = row_of(c, d);

	if (row == INVENTORY_NONE)
		return false;
	inventory_at(c->fleet.inventory, row, ret);
	return true;
}

const char *
device_zone(const struct core *c, const struct device *d)
{
	struct inventory_row r;

	return device_row(c, d, &r) ? r.timezone : "";
}

const char *
device_country(const struct core *c, const struct device *d)
{
	struct inventory_row r;

	return device_row(c, d, &r) ? r.country : "";
}

/* In no list any more, and nothing is kept of it. */
static void
device_unlist(struct core *c, struct device *d)
{
	if (d->observed || d->more != NULL || d->targets != NULL)
		return;
	d->observed = true;
	c->known--;
	c->observed_count++;
	if (d->conn == NULL)
		list_push_back(&c->observed, &d->lru);
}

void
device_meet(struct core *c, struct device *d)
{
	uint32_t row;

	if (d->fleet_gen == c->fleet_gen)
		return;
	row = row_find(c, d->key);
	d->fleet_gen = c->fleet_gen & FLEET_GENS;
	d->row = row == INVENTORY_NONE ? ROW_NONE : row & ROW_NONE;
	if (row != INVENTORY_NONE)
		device_register(c, d);
	else
		device_unlist(c, d);
}

/* Inventory and memory overlap; both are counted once. */
size_t
fleet_known(const struct core *c)
{
	return c->known + inventory_count(c->fleet.inventory) - c->fleet_met;
}

/* --- who may be commanded --------------------------------------------------*/

bool
conn_allowed(const struct core *c, const struct device *d,
    const struct core_conn *conn)
{
	struct inventory_row r;

	if (planted("networks_ignored"))
		return true;
	if (c->fleet.network_count > 0 &&
	    !cidr_any_has(c->fleet.network, c->fleet.network_count,
		conn->addr))
		return false;
	return !device_row(c, d, &r) || r.network_count == 0 ||
	    cidr_any_has(r.network, r.network_count, conn->addr);
}

/* What was begun before the id came into never_file is settled: reads go on,
 * until the attempt is over. */
bool
device_commandable(const struct core *c, const struct device *d)
{
	const struct attempt *a = d->more == NULL ? NULL : d->more->attempt;

	if (c->fleet.broken)
		return false;
	if (d->conn != NULL && !conn_allowed(c, d, d->conn))
		return false;
	if (planted("never_file_ignored"))
		return true;
	return !keyset_has(&c->fleet.never, d->key) ||
	    (a != NULL && attempt_live(a));
}

static bool
excluded_for_good(const struct core *c, const struct target *t)
{
	uint64_t key = t->device->key;
	const struct exclusion *e = exclusion_find(c, key);

	if (planted("exclude_ignored"))
		return false;
	return keyset_has(&t->campaign->spec->exclude, key) ||
	    keyset_has(&c->fleet.never, key) ||
	    (e != NULL && e->rec.until_wall == 0);
}

bool
target_not_allowed(const struct core *c, const struct target *t)
{
	const struct device *d = t->device;

	return !device_commandable(c, d) ||
	    exclusion_find(c, d->key) != NULL || excluded_for_good(c, t);
}

/* --- members ---------------------------------------------------------------*/

/* The type is proven by what the device says of its protocol; an id that has
 * not spoken stays. */
static bool
wrong_model(const struct campaign_spec *s, const struct device *d)
{
	struct span code = device_type_code(d);

	if (s->model_count == 0 || code.n == 0)
		return false;
	for (size_t i = 0; i < s->model_count; i++)
		if (strlen(s->models[i]) == code.n &&
		    strncasecmp(s->models[i], code.p, code.n) == 0)
			return false;
	return true;
}

static bool
tagged(const struct core *c, const struct campaign_spec *s,
    const struct device *d)
{
	struct inventory_row r;

	if (s->tag_count == 0)
		return true;
	if (!device_row(c, d, &r))
		return false;
	for (size_t i = 0; i < s->tag_count; i++)
		if (inventory_has_tag(&r, s->tags[i]))
			return true;
	return false;
}

enum member_why
member_why(const struct core *c, const struct campaign_spec *s,
    const struct device *d)
{
	const struct exclusion *e = exclusion_find(c, d->key);

	if (wrong_model(s, d))
		return MEMBER_MODEL;
	if (!tagged(c, s, d))
		return MEMBER_TAG;
	if (keyset_has(&s->exclude, d->key) ||
	    (e != NULL && e->rec.until_wall == 0))
		return MEMBER_EXCLUDED;
	return MEMBER_YES;
}

static bool
campaign_open(const struct campaign *p)
{
	switch (p->rec.state) {
	case CAMPAIGN_SCHEDULED:
	case CAMPAIGN_RUNNING:
	case CAMPAIGN_PAUSED:
		return p->rec.started_wall != 0;
	default:
		return false;
	}
}

bool
target_leave_excluded(struct core *c, struct target *t)
{
	enum cause cause = CAUSE_NONE;

	if ((t->rec.state != TARGET_WAITING &&
		t->rec.state != TARGET_BACKOFF) ||
	    !campaign_open(t->campaign))
		return false;
	if (excluded_for_good(c, t))
		cause = CAUSE_EXCLUDED;
	else if (wrong_model(t->campaign->spec, t->device))
		cause = CAUSE_WRONG_MODEL;
	if (cause == CAUSE_NONE)
		return false;
	target_set(c, t, TARGET_SKIPPED, cause);
	return true;
}

/* What was excluded and is no more waits again: nothing was sent to it. Not
 * where nothing starts any more, or it would wait for ever. */
static bool
target_return(struct core *c, struct target *t)
{
	if (campaign_only_settles(t->campaign) ||
	    t->rec.state != TARGET_SKIPPED ||
	    t->rec.cause != CAUSE_EXCLUDED || excluded_for_good(c, t) ||
	    (t->attempt != NULL && attempt_live(t->attempt)))
		return false;
	target_set(c, t, TARGET_WAITING, CAUSE_NONE);
	return true;
}

/* A read is out for it, and nothing else. */
static void
preflight_leave(struct target *t)
{
	if (t->rec.state == TARGET_ACTIVE && t->preflight &&
	    t->attempt == NULL)
		t->preflight = false;
}

void
target_members_changed(struct core *c, struct target *t)
{
	if (!campaign_open(t->campaign))
		return;
	if (target_return(c, t))
		return;
	if (t->rec.state == TARGET_ACTIVE && t->preflight &&
	    t->attempt == NULL && excluded_for_good(c, t)) {
		preflight_leave(t);
		target_set(c, t, TARGET_SKIPPED, CAUSE_EXCLUDED);
		return;
	}
	(void)target_leave_excluded(c, t);
}

/* --- dynamic membership ----------------------------------------------------*/

bool
members_open(const struct campaign *p)
{
	return p->spec->dynamic && p->rec.expired_wall == 0 &&
	    (p->rec.state == CAMPAIGN_RUNNING ||
		p->rec.state == CAMPAIGN_PAUSED) &&
	    !planted("dynamic_closes");
}

void
members_known(struct core *c, struct device *d)
{
	if (c->loading)
		return;
	for (size_t i = 0; i < c->campaign_count; i++) {
		struct campaign *p = c->campaign[i];

		if (p->spec->targets_all && campaign_open(p) &&
		    members_open(p))
			campaign_join(c, p, d);
	}
}

void
member_join(struct core *c, struct campaign *p, const struct devid *id)
{
	const struct device nobody = {.key = id->key,
	    .fleet_gen = (c->fleet_gen - 1) & FLEET_GENS};
	struct device *d = device_find(c, id->key);

	if (d == NULL && (member_why(c, p->spec, &nobody) != MEMBER_YES ||
	    (d = device_make(c, id)) == NULL))
		return;
	campaign_join(c, p, d);
}

/* The inventory, or who is excluded, is another. */
void
campaign_members_changed(struct core *c, struct campaign *p)
{
	if (!campaign_open(p))
		return;
	sweep(c, p, SWEEP_MEMBERS | SWEEP_WAKE |
	    (members_open(p) ? SWEEP_JOIN : 0));
}

/* --- a new fleet -----------------------------------------------------------*/

void
core_fleet_free(struct core_fleet *f)
{
	inventory_free(f->inventory);
	keyset_done(&f->never);
	free(f->network);
	if (f->model != NULL)
		explicit_bzero(f->model, f->model_count * sizeof(*f->model));
	free(f->model);
	*f = (struct core_fleet){.broken = false};
}

const struct core_fleet *
core_fleet_now(const struct core *c)
{
	return &c->fleet;
}

/* Known devices among so many rows. A device is a wait for memory twice: those
 * of one block are waited for together. */
#define BLOCK 32

static size_t
count_block(const struct core *c, uint32_t row, size_t n)
{
	const struct inventory *v = c->fleet.inventory;
	const struct device *d[BLOCK];
	size_t met = 0;

	for (size_t i = 0; i < n; i++)
		idmap_prefetch(&c->devices,
		    inventory_key(v, row + (uint32_t)i));
	for (size_t i = 0; i < n; i++) {
		d[i] = device_find(c, inventory_key(v, row + (uint32_t)i));
		if (d[i] != NULL)
			__builtin_prefetch(&d[i]->rhythm);
	}
	for (size_t i = 0; i < n; i++)
		met += d[i] != NULL && !d[i]->observed;
	return met;
}

/* By the shorter way: inventory or memory. */
static size_t
count_met(const struct core *c)
{
	size_t rows = inventory_count(c->fleet.inventory), met = 0, pos = 0;
	const struct device *d;

	if (rows / 4 <= c->devices.len) {
		for (size_t i = 0; i < rows; i += BLOCK)
			met += count_block(c, (uint32_t)i,
			    MIN_OF(rows - i, (size_t)BLOCK));
		return met;
	}
	while ((d = idmap_next(&c->devices, &pos)) != NULL)
		met += !d->observed && row_find(c, d->key) != INVENTORY_NONE;
	return met;
}

static void
generation_next(struct core *c)
{
	struct device *d;
	size_t pos = 0;

	if (++c->fleet_gen <= FLEET_GENS)
		return;
	/* An old number comes again: nobody may still have it. */
	c->fleet_gen = 1;
	while ((d = idmap_next(&c->devices, &pos)) != NULL)
		d->fleet_gen = 0;
}

void
core_fleet(struct core *c, struct core_fleet *fleet, struct core_now now,
    struct fx *fx)
{
	bool same = inventory_same(c->fleet.inventory, fleet->inventory);
	bool looks = !same || c->fleet.broken != fleet->broken ||
	    !keyset_same(&c->fleet.never, &fleet->never) ||
	    c->fleet.network_count + fleet->network_count > 0;

	core_enter(c, now, fx);
	core_fleet_free(&c->fleet);
	c->fleet = *fleet;
	*fleet = (struct core_fleet){.broken = false};
	/* Of an inventory that says the same, devices keep their rows. */
	if (!same) {
		generation_next(c);
		c->fleet_met = count_met(c);
	}
	for (size_t i = 0; looks && i < c->campaign_count; i++)
		campaign_members_changed(c, c->campaign[i]);
	core_leave(c);
}
