#ifndef TRACKUP_DAEMON_SYSTEMD_H
#define TRACKUP_DAEMON_SYSTEMD_H
/*
 * systemd: tells the service manager how it stands; does nothing without one,
 * or when built without libsystemd.
 */
#include <stdint.h>
#include "base/attr.h"

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
