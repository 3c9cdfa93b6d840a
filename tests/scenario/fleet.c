#include "config.h"
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* --- addresses -------------------------------------------------------------*/

void
address_of_text(const char *text, uint8_t ret[16])
{
	unsigned a, b, c, d;

	if (sscanf(text, "%u.%u.%u.%u", &a, &b, &c, &d) != 4)
		scn_fail("%s: no IPv4 address", text);
	cidr_address(ret, (uint8_t[4]){(uint8_t)a, (uint8_t)b, (uint8_t)c,
	    (uint8_t)d}, false);
}

static struct cidr
network_of_text(const char *text)
{
	const char *slash = strchr(text, '/');
	struct cidr r;

	if (slash == NULL)
		scn_fail("%s: no network", text);
	address_of_text(text, r.addr);
	r.bits = (uint8_t)(96 + script_number(slash + 1));
	return r;
}

static size_t
networks_of_text(const char *text, char sep, struct cidr *ret, size_t max)
{
	struct span rest = span_str(text), one;
	char buf[64];
	size_t n = 0;

	while (span_field(&rest, sep, &one)) {
		if (one.n == 0)
			continue;
		if (n == max)
			scn_fail("too many networks");
		(void)span_copy(buf, sizeof(buf), one);
		ret[n++] = network_of_text(buf);
	}
	return n;
}

/* --- to the core -----------------------------------------------------------*/

static void
add_row(struct inventory *v, const struct fleet_row *r, size_t number)
{
	struct cidr net[8];
	struct inventory_line l = {
	    .password = span_str(r->password),
	    .timezone = span_str(r->timezone),
	    .country = span_str(r->country),
	    .tags = span_str(r->tags),
	    .networks = span_str(r->networks),
	    .name = span_str(r->name),
	    .network = net,
	    .network_count = networks_of_text(r->networks, ';', net, 8),
	    .number = (uint32_t)number,
	};

	if (devid_parse(span_str(r->id), &l.id) < 0 ||
	    inventory_add(v, &l) < 0)
		scn_fail("%s: no row of an inventory", r->id);
}

void
fleet_tell(struct world *w)
{
	const struct fleet *f = &w->fleet;
	struct core_fleet c = {.broken = f->broken};
	bool nothing = f->row_count == 0 && f->never_count == 0 &&
	    f->network_count == 0 && f->model_count == 0 && !f->broken;

	if (w->core == NULL || (nothing && !f->told))
		return;
	w->fleet.told = true;
	if ((c.inventory = inventory_new()) == NULL)
		scn_fail("out of memory");
	for (size_t i = 0; i < f->row_count; i++)
		add_row(c.inventory, &f->row[i], i + 2);
	if (inventory_seal(c.inventory) < 0)
		scn_fail("out of memory");
	for (size_t i = 0; i < f->never_count; i++)
		if (keyset_add(&c.never, f->never[i]) < 0)
			scn_fail("out of memory");
	keyset_seal(&c.never);
	c.network = calloc(FLEET_NETWORKS, sizeof(*c.network));
	c.model = calloc(FLEET_MODELS, sizeof(*c.model));
	if (c.network == NULL || c.model == NULL)
		scn_fail("out of memory");
	memcpy(c.network, f->network, sizeof(f->network));
	c.network_count = f->network_count;
	memcpy(c.model, f->model, sizeof(f->model));
	c.model_count = f->model_count;
	core_fleet(w->core, &c, world_now(w), &w->fx);
	world_effects(w);
	world_settle(w);
}

/* --- words -----------------------------------------------------------------*/

static struct fleet_row *
row_of(struct world *w, const struct dev *d)
{
	struct fleet *f = &w->fleet;

	for (size_t i = 0; i < f->row_count; i++)
		if (f->row[i].key == d->key)
			return &f->row[i];
	if (f->row_count == WORLD_DEVICES)
		scn_fail("too many rows");
	memset(&f->row[f->row_count], 0, sizeof(f->row[0]));
	f->row[f->row_count].key = d->key;
	(void)snprintf(f->row[f->row_count].id, sizeof(f->row[0].id), "%s",
	    d->id);
	return &f->row[f->row_count++];
}

void
cmd_row(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);
	struct fleet_row *r = row_of(w, d);
	char *word;

	while (*(word = script_word(&args)) != '\0') {
		const struct {
			const char *key;
			char *at;
		} keys[] = {{"password", r->password},
		    {"timezone", r->timezone}, {"country", r->country},
		    {"tags", r->tags}, {"networks", r->networks},
		    {"name", r->name}};
		char *v = strchr(word, '=');
		bool found = false;

		if (strcmp(word, "gone") == 0) {
			*r = w->fleet.row[--w->fleet.row_count];
			break;
		}
		if (v == NULL)
			scn_fail("%s: key=value is due", word);
		*v++ = '\0';
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			if (strcmp(keys[i].key, word) == 0) {
				(void)snprintf(keys[i].at, FLEET_TEXT, "%s",
				    v);
				found = true;
			}
		if (!found)
			scn_fail("%s: no word of ROW", word);
		if (strcmp(word, "password") == 0)
			wire_device_password(w->wire, d->key, v);
	}
	fleet_tell(w);
}

void
cmd_never(struct world *w, char *args)
{
	char *word;

	w->fleet.never_count = 0;
	while (*(word = script_word(&args)) != '\0')
		w->fleet.never[w->fleet.never_count++] =
		    script_dev(w, word, NULL)->key;
	fleet_tell(w);
}

void
cmd_networks(struct world *w, char *args)
{
	w->fleet.network_count = networks_of_text(args, ' ',
	    w->fleet.network, FLEET_NETWORKS);
	fleet_tell(w);
}

void
cmd_model(struct world *w, char *args)
{
	struct fleet *f = &w->fleet;
	const char *code = script_word(&args);
	struct core_model *m = &f->model[0];
	char *word;

	for (size_t i = 0; i < f->model_count; i++)
		if (strcmp(f->model[i].code, code) == 0)
			m = &f->model[i];
	if (f->model_count == 0 || strcmp(m->code, code) != 0) {
		if (f->model_count == FLEET_MODELS)
			scn_fail("too many models");
		m = &f->model[f->model_count++];
		*m = (struct core_model){.type_mcu = 1, .type_ble = 2};
		(void)snprintf(m->code, sizeof(m->code), "%s", code);
	}
	while (*(word = script_word(&args)) != '\0') {
		char *v = strchr(word, '=');

		if (v == NULL)
			scn_fail("%s: key=value is due", word);
		*v++ = '\0';
		if (strcmp(word, "name") == 0)
			(void)snprintf(m->name, sizeof(m->name), "%s", v);
		else if (strcmp(word, "password") == 0)
			(void)snprintf(m->password, sizeof(m->password), "%s",
			    v);
		else
			scn_fail("%s: no word of MODEL", word);
	}
	for (size_t i = 0; i < w->dev_count; i++)
		if (strncmp(w->dev[i].protover, code, strlen(code)) == 0 &&
		    m->password[0] != '\0')
			wire_device_password(w->wire, w->dev[i].key,
			    m->password);
	fleet_tell(w);
}

void
cmd_fleet(struct world *w, char *args)
{
	w->fleet.broken = strcmp(args, "broken") == 0;
	if (!w->fleet.broken && strcmp(args, "ok") != 0)
		scn_fail("FLEET broken or ok");
	fleet_tell(w);
}

/* --- what may leave --------------------------------------------------------*/

static bool
address_allowed(const struct cidr *v, size_t n, const struct wconn *c)
{
	return n == 0 || cidr_any_has(v, n, c->core.addr);
}

void
fleet_command(const struct world *w, const struct dev *d,
    const struct wconn *c, const char *frame)
{
	const struct fleet *f = &w->fleet;
	struct cidr net[8];

	if (f->broken)
		scn_fail("%s: a command while nobody knows who may have one",
		    d->name);
	if (!address_allowed(f->network, f->network_count, c))
		scn_fail("%s: a command to a foreign network", d->name);
	for (size_t i = 0; i < f->row_count; i++)
		if (f->row[i].key == d->key && !address_allowed(net,
			networks_of_text(f->row[i].networks, ';', net, 8), c))
			scn_fail("%s: a command outside of its networks",
			    d->name);
	for (size_t i = 0; i < f->never_count; i++)
		if (f->never[i] == d->key && strstr(frame, "http") != NULL)
			scn_fail("%s: a start to an id of never_file",
			    d->name);
}
