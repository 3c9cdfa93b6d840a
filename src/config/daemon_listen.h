#ifndef TRACKUP_CONFIG_DAEMON_LISTEN_H
#define TRACKUP_CONFIG_DAEMON_LISTEN_H
/*
 * daemon_listen: who listens where, of trackupd.yaml: the lists of addresses
 * and relay.listeners.
 *
 * Invariant: of what was accepted the kernel lets every address be bound
 * beside the others.
 */
#include "config/daemon_conf.h"
#include "config/options.h"

/* v: a value for each row of daemon_options. Into c; what is wrong goes to w.
 * False: no memory. */
MUST_CHECK bool daemon_load_listen(struct yw *w, const struct opt_value *v,
    struct daemon_conf *c);

#endif
