#ifndef TRACKUP_CONFIG_ID_LIST_H
#define TRACKUP_CONFIG_ID_LIST_H
/*
 * id_list: ids of trackers out of a campaign and the list files it names.
 *
 * A list file is text, one id a line and # comments, or CSV with a header that
 * names a column id. One bad line refuses the file; every one is named.
 * Invariant: no two ids of a list have the same key, the order is that of the
 * first mention. Owns its memory; id_list_done().
 */
#include "base/devid.h"
#include "base/idmap.h"
#include "config/yamlwalk.h"

#define ID_LIST_MAX 2000000
#define ID_LIST_FILE_MAX ((size_t)64 << 20)

struct id_list {
	struct devid *v;
	size_t count, cap;
	size_t repeated; /* mentions beyond the first */
	struct idmap seen;
	bool failed;     /* no memory */
	bool full;       /* one more than ID_LIST_MAX was there */
};

void id_list_init(struct id_list *l);
void id_list_done(struct id_list *l);
/* False: it holds ID_LIST_MAX already, or no memory (failed). */
MUST_CHECK bool id_list_add(struct id_list *l, const struct devid *id);
/* A list file. What is wrong with it goes to w as "name:line: …"; pos is where
 * the campaign names it. */
void id_list_read(struct id_list *l, struct yw *w, struct note_pos pos,
    const char *name, struct span text);

#endif
