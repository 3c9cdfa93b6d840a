#ifndef TRACKUP_CORE_PATHS_H
#define TRACKUP_CORE_PATHS_H
/*
 * paths: the packages of a campaign as the edges of a graph of versions, and
 * the way from any version to the target's (contract.md, packages).
 *
 * Pure. Searched once for every version that a package names; a version that
 * none names can only leave by `any`. Fewest hops first, then bytes (unknown =
 * worst), then an exact edge before `any`, then the order of the file.
 * Invariant: no path has more than HOPS_MAX hops, or a version twice.
 * Borrows the spec's packages: free it before the spec.
 */
#include "core/spec.h"

#define HOPS_MAX 8
#define PATH_BYTES_UNKNOWN UINT64_MAX
#define PATH_TEXT 200

enum path_verdict {
	PATH_LEADS, /* by package */
	PATH_THERE, /* it is the target version */
	PATH_NONE,
	PATH_DOWN,  /* only with downgrade: true */
	PATH_BACK,  /* this target has left that version before */
};

struct version_path {
	enum path_verdict verdict;
	size_t package;     /* of PATH_LEADS: the next hop's */
	int hops;           /* to the target, this one included */
	uint64_t bytes;     /* of all of them */
};

/* The hops that a target has behind it: package i of hop n in byte n. What it
 * visited follows, and a million targets keep it in eight bytes each. */
struct path_done {
	uint64_t via;
	int hops;
};

struct paths;

/* NULL: no memory. */
struct paths *paths_new(const struct campaign_spec *s);
void paths_free(struct paths *g); /* NULL is fine */
/* done: NULL = none. -1: no memory. */
MUST_CHECK int paths_find(const struct paths *g, const char *version,
    const struct path_done *done, struct version_path *ret);
/* One more behind it. */
void path_add(struct path_done *done, size_t package);
/* The missing edge of a verdict that leads nowhere, in words. */
void paths_explain(const struct paths *g, const char *version,
    const struct version_path *path, char buf[PATH_TEXT]);

#endif
