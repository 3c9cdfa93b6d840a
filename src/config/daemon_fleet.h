#ifndef TRACKUP_CONFIG_DAEMON_FLEET_H
#define TRACKUP_CONFIG_DAEMON_FLEET_H
/*
 * daemon_fleet: devices.networks and models of trackupd.yaml, and the files
 * that devices.inventory and never_file name → struct core_fleet.
 */
#include "config/daemon_conf.h"
#include "config/options.h"

/* Into c, what is wrong to w. False: no memory. */
bool daemon_load_networks(struct yw *w, const struct opt_value *v,
    struct daemon_conf *c);
bool daemon_load_models(struct yw *w, const struct opt_value *v,
    struct daemon_conf *c);

#endif
