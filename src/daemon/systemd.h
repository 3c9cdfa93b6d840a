#ifndef TRACKUP_DAEMON_SYSTEMD_H
#define TRACKUP_DAEMON_SYSTEMD_H
/*
 * systemd: what goes to the service manager and comes from it: how we stand,
 * descriptors, the watchdog.
 *
 * Every call does nothing without a manager, or when built without libsystemd.
 * For the loop's thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"

/* The descriptors that the manager passed, as an array of *ret_count pairs;
 * the caller frees it. From then on the environment has none. NULL: none. */
struct systemd_fd {
	int fd;
	char name[32];
};
struct systemd_fd *systemd_fds(size_t *ret_count);
/* Has the manager keep a copy of fd under name. False: it cannot. */
bool systemd_store_fd(int fd, const char *name);
/* Forgets what it keeps under name. */
void systemd_forget_fds(const char *name);
void systemd_ready(void);
void systemd_reloading(void);
void systemd_stopping(void);
void systemd_status(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Half of the watchdog's interval in ms; 0 = none is set. */
int64_t systemd_watchdog_ms(void);
void systemd_alive(void);
/* The start may take this much longer, from now on. */
void systemd_extend_timeout(int64_t ms);

#endif
