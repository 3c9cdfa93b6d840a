#ifndef TRACKUP_CONFIG_CAMPAIGN_LOAD_H
#define TRACKUP_CONFIG_CAMPAIGN_LOAD_H
/*
 * campaign_load: what the parts of the campaign loader share (campaign_file.c
 * and the other campaign_*.c of this directory); nobody else includes it.
 *
 * Lives for one campaign_parse(), which owns it.
 */
#include "config/campaign_file.h"
#include "config/campaign_options.h"
#include "config/id_list.h"

#define ENTRY_TEXT 40 /* "stop_rules[0]" with any number */

struct campaign_list {
	char *text;
	size_t len;
};

struct campaign_load {
	struct yw *w;
	struct opt_value *v; /* of campaign_options */
	const char *path;
	const struct campaign_env *env;
	struct campaign_spec *s;
	struct id_list ids;
	struct campaign_list *list; /* the texts of all lists, as read */
	size_t list_count;
	struct sbuf *missing;
	bool files_missing, no_memory;
};

const struct option *campaign_option(const char *key);
const struct opt_value *campaign_value(const struct campaign_load *l,
    const char *key);
/* Of a list; 0 when it was refused. */
size_t campaign_entries(const struct campaign_load *l,
    const struct opt_value *v);
/* Entry i of a list of maps; its path in messages goes to path. Returns its
 * node. */
int campaign_entry(struct campaign_load *l, const char *list, size_t i,
    const struct opt_table *t, struct opt_value *v, char path[ENTRY_TEXT]);

/* Adds the ids of a list file. False: an error was reported, or the file may
 * still come. */
bool campaign_list(struct campaign_load *l, const char *key,
    const struct opt_value *v, struct id_list *ids);

void campaign_load_waves(struct campaign_load *l);
void campaign_load_packages(struct campaign_load *l);
/* Where the packages lead; after they are read. */
void campaign_check_paths(struct campaign_load *l);
void campaign_load_members(struct campaign_load *l);
/* -1: no memory. */
MUST_CHECK int campaign_members_digest(struct campaign_load *l);
void campaign_load_rules(struct campaign_load *l);
void campaign_load_windows(struct campaign_load *l);

#endif
