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

#define LATER "not available in this version"
#define ENTRY_TEXT 40 /* "stop_rules[0]" with any number */

struct campaign_load {
	struct yw *w;
	struct opt_value *v; /* of campaign_options */
	const char *path;
	const struct campaign_env *env;
	struct campaign_spec *s;
	struct id_list ids;
	char *list;          /* text of targets.file */
	size_t list_len;
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

void campaign_load_packages(struct campaign_load *l);
/* Where the packages lead; after they are read. */
void campaign_check_paths(struct campaign_load *l);
void campaign_load_rules(struct campaign_load *l);
void campaign_load_windows(struct campaign_load *l);

#endif
