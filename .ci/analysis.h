/* Put before each source by the lanes of analysers that follow a path from
 * function to function. errtext_set() returns the code that it is given, which
 * they cannot see from outside; without it each error becomes a success for
 * them, with nothing in the out parameters. */
#include "config.h"
#include "base/errtext.h"
#define errtext_set(err, code, ...) \
	((void)(errtext_set)(err, code, __VA_ARGS__), (code))

/* A ring of nodes is more than they can follow: what was taken out and freed
 * would come again for them. Behind this nothing is known of it any more. */
#include "base/list.h"
extern bool list_emptied(struct list *l);
#define list_empty(l) list_emptied((struct list *)(l))
