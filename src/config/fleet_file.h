#ifndef TRACKUP_CONFIG_FLEET_FILE_H
#define TRACKUP_CONFIG_FLEET_FILE_H
/*
 * fleet_file: the CSV file of devices.inventory and the list of
 * devices.never_file → what the core wants.
 *
 * A file is taken whole or not at all; every bad line is named, as
 * "file:line: column: what is wrong", the first FLEET_ERRORS of them.
 */
#include "base/attr.h"
#include "base/sbuf.h"
#include "config/daemon_conf.h"
#include "core/core.h"

#define FLEET_ERRORS 100
#define FLEET_FILE_MAX ((size_t)256 << 20)

/* 0 and *ret (caller frees), or -1 with every error in diag. */
MUST_CHECK int inventory_read(const char *name, struct span text,
    struct inventory **ret, struct sbuf *diag);

/* Both files, networks and models. 0, or -1 with the errors in diag: then
 * *ret has networks and models, and says that it is broken. */
MUST_CHECK int fleet_load(const struct daemon_conf *conf,
    struct core_fleet *ret, struct sbuf *diag);

#endif
