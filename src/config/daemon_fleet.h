#ifndef TRACKUP_CONFIG_DAEMON_FLEET_H
#define TRACKUP_CONFIG_DAEMON_FLEET_H
/*
 * daemon_fleet: models of trackupd.yaml.
 */
#include "config/daemon_conf.h"
#include "config/options.h"

/* Into c, what is wrong to w. False: no memory. */
bool daemon_load_models(struct yw *w, const struct opt_value *v,
    struct daemon_conf *c);

#endif
