#ifndef TRACKUP_SIM_OPTIONS_H
#define TRACKUP_SIM_OPTIONS_H
/*
 * options: the command line of tracksim.
 *
 * Reads argv and nothing else; resolves and opens nothing. The strings point
 * into argv.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/errtext.h"
#include "sim/faults.h"
#include "sim/ident.h"
#include "sim/tracker.h"

#define OPTIONS_DEVICES_MAX 1000000

enum options_verb { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
	enum options_verb verb;
	char host[256];
	char port[6];
	struct ident_range ids;
	struct faults faults; /* owned: options_done() */
	struct natures natures; /* owned, too */
	struct tracker_conf tracker; /* points at the above two */
	int64_t connects_per_hour;
	bool udp;
	const char *truth; /* NULL = none */
	int64_t duration_ms; /* of wall time; 0 = until a signal */
};

/* -1 with a text. On error o is released already. */
MUST_CHECK int options_parse(struct options *o, int argc, char **argv,
    struct errtext *err);
void options_done(struct options *o);
/* Static text of --help. */
const char *options_help(void);

#endif
