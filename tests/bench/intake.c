#include "config.h"
#include "bench.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDS 1000000
#define UNLISTED 5000000
#define AFTER_S 5.0 /* the rows go to the disk then */
#define PATIENCE_S 120.0
#define PAUSE_S 0.002

static const char campaign[] =
    "target_version: \"\"\n"
    "packages: [{from: any, to: \"\", "
    "url: \"http://127.0.0.1/x.enc\", bytes: 1}]\n"
    "waves: [{name: first, percent: 50, gate: {success: 100%}}, "
    "{name: rest}]\nstop_rules: []\n"
    "pace: {in_flight: 10, start_rate: 10/s, jitter: 0%}\n";

/* How long it waits for its answer. */
static double
ask(int fd)
{
	char buf[MESSAGE_MAX];
	size_t reply, n = wire_probe(TALK_TRACK, UNLISTED, buf, &reply);
	double start = now_s();

	if (send(fd, buf, n, MSG_NOSIGNAL) != (ssize_t)n ||
	    recv(fd, buf, sizeof(buf), 0) != (ssize_t)reply)
		die("a tracker was not answered");
	return now_s() - start;
}

/* A few targets speak until one is sent its start: some of them have to wait
 * for the second wave. */
static bool
commanded(const int *fd, size_t count)
{
	char buf[1024];
	size_t reply, n;
	ssize_t got;
	bool any = false;

	for (unsigned i = 0; i < count; i++) {
		n = wire_probe(TALK_TRACK, i, buf, &reply);
		if (send(fd[i], buf, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN)
			die("a target was dropped: %s", strerror(errno));
		got = recv(fd[i], buf, sizeof(buf) - 1, MSG_DONTWAIT);
		buf[MAX_OF(got, 0)] = '\0';
		any |= strstr(buf, "AT+GTUPD=") != NULL;
	}
	return any;
}

static void
taken_in(const struct server *s, struct series *longest, struct series *took)
{
	double start = now_s(), at = 0, most = 0, t;
	int fd = connect_to(s->port, 0, false), target[8];

	for (size_t i = 0; i < ARRAY_LEN(target); i++)
		if ((target[i] = connect_to(s->port, 1, false)) < 0)
			die("a target cannot connect");
	if (fd < 0)
		die("a tracker cannot connect");
	(void)ask(fd);
	if (kill(s->pid, SIGHUP) < 0)
		die("kill: %s", strerror(errno));
	while (at == 0 || now_s() - start < at + AFTER_S) {
		t = ask(fd);
		most = MAX_OF(most, t);
		if (at == 0 && commanded(target, ARRAY_LEN(target)))
			at = now_s() - start;
		if (now_s() - start > PATIENCE_S)
			die("the campaign did not begin");
		sleep_s(PAUSE_S);
	}
	series_add(longest, most * 1e3);
	series_add(took, at);
	for (size_t i = 0; i < ARRAY_LEN(target); i++)
		(void)close(target[i]);
	(void)close(fd);
}

void
bench_intake(void)
{
	struct outcome *wait = outcome_new("intake_wait", "Longest wait of a "
	    "tracker while a campaign of 1,000,000 ids is taken in", "ms");
	struct outcome *whole = outcome_new("intake_time",
	    "From the reload to its first start on the wire", "s");
	struct series *longest = outcome_row(wait, "trackupd");
	struct series *took = outcome_row(whole, "trackupd");
	struct server s;

	say("%s ...", wait->title);
	wait->goal = GOAL_AT_MOST;
	wait->limit = 150;
	for (int i = 0; i < 3; i++) {
		server_start(&s, SERVER_DAEMON, "");
		campaign_write("intake", IDS, campaign);
		taken_in(&s, longest, took);
		server_stop(&s);
		work_clear();
	}
}
