#ifndef TRACKUP_CONFIG_DAEMON_OPTIONS_H
#define TRACKUP_CONFIG_DAEMON_OPTIONS_H
/*
 * daemon_options: the options of trackupd.yaml, one row each (contract.md).
 *
 * The order is that of the dump, the sample and the manual.
 */
#include "config/options.h"

extern const struct opt_table daemon_options;
extern const struct opt_table model_options; /* of an entry of models */

#endif
