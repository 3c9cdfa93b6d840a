#ifndef TRACKUP_CONFIG_DAEMON_MODELS_H
#define TRACKUP_CONFIG_DAEMON_MODELS_H
/*
 * daemon_models: the section models of trackupd.yaml, whose keys are type codes.
 *
 * Fills in models, model_count and models_yaml, which daemon_conf_free()
 * releases.
 */
#include "config/daemon_conf.h"
#include "config/options.h"

/* Into c, what is wrong to w. False: no memory. */
bool daemon_load_models(struct yw *w, const struct opt_value *v,
    struct daemon_conf *c);

#endif
