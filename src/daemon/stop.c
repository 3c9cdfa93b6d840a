#include "config.h"
#include "daemon/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int stop_fd = -1;
static volatile sig_atomic_t seen;

/* No log here: whoever holds its lock may be what hangs. */
static void
end(const char *line, size_t len)
{
	(void)!write(STDERR_FILENO, line, len);
	_exit(0);
}

static void
on_late(int sig)
{
	static const char line[] = "<4>stopped, though not all had ended\n";

	(void)sig;
	end(line, sizeof(line) - 1);
}

static void
on_stop(int sig)
{
	static const char line[] = "<4>stopped at once, on a second signal\n";
	uint64_t one = 1;
	int saved = errno;

	(void)sig;
	if (seen)
		end(line, sizeof(line) - 1);
	seen = 1;
	(void)alarm(STOP_S);
	(void)!write(stop_fd, &one, sizeof(one));
	errno = saved;
}

int
stop_init(void)
{
	struct sigaction late = {.sa_handler = on_late};
	struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};

	if ((stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return -1;
	if (sigaction(SIGALRM, &late, NULL) < 0 ||
	    sigaction(SIGTERM, &stop, NULL) < 0 ||
	    sigaction(SIGINT, &stop, NULL) < 0)
		return -1;
	return stop_fd;
}

void
stop_heard(void)
{
	uint64_t n;

	(void)!read(stop_fd, &n, sizeof(n));
}
