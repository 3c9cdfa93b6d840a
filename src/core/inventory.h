#ifndef TRACKUP_CORE_INVENTORY_H
#define TRACKUP_CORE_INVENTORY_H
/*
 * inventory: the fleet as devices.inventory lists it.
 *
 * Plain data, made once and never changed: rows in ascending order of their
 * keys, 40 bytes each and 8 for finding them, their texts in one pool where
 * equal ones lie once. A million devices are some 50 MB. Made by
 * config/fleet_file, handed to the core, which owns it from then on.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/cidr.h"
#include "base/devid.h"
#include "base/span.h"

#define INVENTORY_MAX 2000000       /* rows */
#define INVENTORY_NONE UINT32_MAX   /* no row */
#define INVENTORY_NETWORKS_MAX 1000 /* different sets of networks */

struct inventory;

/* A line of the file, checked; the spans are the caller's. */
struct inventory_line {
	struct devid id;
	struct span password, timezone, country, tags, networks, name;
	const struct cidr *network; /* what networks says */
	size_t network_count;
	uint32_t number;            /* of the line */
};

enum {
	INVENTORY_NO_MEMORY = -1,
	INVENTORY_FULL = -2,          /* INVENTORY_MAX rows */
	INVENTORY_NETWORKS_FULL = -3, /* INVENTORY_NETWORKS_MAX sets */
};

/* What a row says; "" = nothing. Borrowed, lives as long as the inventory. */
struct inventory_row {
	uint64_t key;
	uint32_t line;
	const char *password, *timezone, *country, *tags, *networks, *name;
	const struct cidr *network;
	size_t network_count;
};

struct inventory *inventory_new(void); /* NULL: no memory */
void inventory_free(struct inventory *v); /* NULL is fine */
/* 0, or one of the above. */
MUST_CHECK int inventory_add(struct inventory *v,
    const struct inventory_line *line);
/* No more lines: sorts. */
MUST_CHECK int inventory_seal(struct inventory *v);
/* The next two lines of one device; *pos begins with 0. */
bool inventory_twice(const struct inventory *v, size_t *pos,
    uint32_t *ret_first, uint32_t *ret_again);

/* Of NULL, too: an inventory without rows. */
size_t inventory_count(const struct inventory *v);
size_t inventory_bytes(const struct inventory *v); /* memory it takes */
uint32_t inventory_find(const struct inventory *v, uint64_t key);
/* The first row with a key above `after`; inventory_count() = none. */
uint32_t inventory_behind(const struct inventory *v, uint64_t after);
void inventory_at(const struct inventory *v, uint32_t row,
    struct inventory_row *ret);
uint64_t inventory_key(const struct inventory *v, uint32_t row);
/* The id as the line had it. */
void inventory_id(const struct inventory *v, uint32_t row,
    struct devid *ret);
bool inventory_has_tag(const struct inventory_row *r, const char *tag);
bool inventory_same(const struct inventory *a, const struct inventory *b);
/* How many rows of a are not in b. */
size_t inventory_lost(const struct inventory *a, const struct inventory *b);

#endif
