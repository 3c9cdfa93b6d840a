#include "config.h"
#include "daemon/systemd.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#else
static int
sd_notify(int unset, const char *state)
{
	(void)unset;
	(void)state;
	return 0;
}

static int
sd_watchdog_enabled(int unset, uint64_t *usec)
{
	(void)unset;
	*usec = 0;
	return 0;
}
#endif

void
systemd_ready(void)
{
	(void)sd_notify(0, "READY=1");
}

void
systemd_reloading(void)
{
	struct timespec ts;
	char text[80];

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	(void)snprintf(text, sizeof(text),
	    "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
	(void)sd_notify(0, text);
}

void
systemd_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

void
systemd_status(const char *fmt, ...)
{
	char text[256] = "STATUS=";
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text + 7, sizeof(text) - 7, fmt, ap);
	va_end(ap);
	(void)sd_notify(0, text);
}

int64_t
systemd_watchdog_ms(void)
{
	uint64_t usec = 0;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	return (int64_t)(usec / 2000);
}

void
systemd_alive(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

void
systemd_extend_timeout(int64_t ms)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "EXTEND_TIMEOUT_USEC=%lld",
	    (long long)ms * 1000);
	(void)sd_notify(0, text);
}
