#include "config.h"
#include "daemon/systemd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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
sd_pid_notify_with_fds(int pid, int unset, const char *state, const int *fds,
    unsigned n)
{
	(void)pid;
	(void)unset;
	(void)state;
	(void)fds;
	(void)n;
	return 0;
}

static int
sd_listen_fds_with_names(int unset, char ***names)
{
	(void)unset;
	*names = NULL;
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

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

struct systemd_fd *
systemd_fds(size_t *ret_count)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);
	struct systemd_fd *v = NULL;

	*ret_count = 0;
	if (n > 0 && (v = calloc((size_t)n, sizeof(*v))) != NULL) {
		*ret_count = (size_t)n;
		for (int i = 0; i < n; i++) {
			v[i].fd = FIRST_FD + i;
			(void)snprintf(v[i].name, sizeof(v[i].name), "%s",
			    names == NULL ? "" : names[i]);
		}
	}
	for (int i = 0; names != NULL && names[i] != NULL; i++)
		free(names[i]);
	free(names);
	return v;
}

bool
systemd_store_fd(int fd, const char *name)
{
	char text[80];

	/* FDPOLL=0: the other end of a pair is gone when this is read. */
	(void)snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s",
	    name);
	return sd_pid_notify_with_fds(0, 0, text, &fd, 1) > 0;
}

void
systemd_forget_fds(const char *name)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	(void)sd_notify(0, text);
}

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
