#ifndef TRACKUP_SIM_FLEET_H
#define TRACKUP_SIM_FLEET_H
/*
 * fleet: many trackers on one event loop.
 *
 * Gives each tracker its socket, its timers and its downloads; decides nothing
 * that a tracker decides. New connections leave at a bounded rate, whoever
 * wants them. One thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/errtext.h"
#include "sim/faults.h"
#include "sim/ident.h"
#include "sim/tracker.h"

struct event_base;
struct fleet;

#define FLEET_ADDRESSES_MAX 8

struct fleet_address {
	struct sockaddr_storage at;
	socklen_t len;
};

struct fleet_conf {
	struct tracker_conf tracker;
	struct ident_range ids;
	/* Those that the server's name stands for: all go to one of them, and
	 * to the next when nobody listens there. */
	struct fleet_address server[FLEET_ADDRESSES_MAX];
	size_t server_count; /* at least 1 */
	int64_t connects_per_hour; /* at most */
	bool udp; /* a socket, and so a source, for each connection */
};

/* The state of all of them at one moment. */
struct fleet_sum {
	uint64_t online;
	uint64_t phases[PHASE_COUNT];
	uint64_t updating; /* anything but idle, off or bricked */
	uint64_t flashed; /* successful updates */
	uint64_t failures;
	uint64_t received; /* starts */
	uint64_t acked;
	uint64_t while_busy;
	uint64_t wrong_password;
	uint64_t malformed;
	uint64_t reads;
	uint64_t sacked;
	uint64_t heartbeats;
	uint64_t resends;
	uint64_t dropped; /* reports, for want of room */
	uint64_t connects;
	uint64_t connect_failures;
	uint64_t downloads_ok;
	uint64_t downloads_failed;
	uint64_t bytes;
	uint64_t fired[FAULT_COUNT];
};

/* How many descriptors a fleet of n needs. */
uint64_t fleet_descriptors(const struct fleet_conf *conf);
/* Copies conf; what conf->tracker points at is borrowed. base is borrowed. */
MUST_CHECK int fleet_new(struct event_base *base,
    const struct fleet_conf *conf, struct fleet **ret, struct errtext *err);
void fleet_free(struct fleet *f); /* NULL is fine */
size_t fleet_count(const struct fleet *f);
const struct tracker *fleet_tracker(const struct fleet *f, size_t i);
void fleet_sum(const struct fleet *f, struct fleet_sum *ret);

#endif
