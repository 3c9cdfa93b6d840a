/*
 * tracksim: a fleet of simulated trackers, see tracksim(1).
 */
#include "config.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "sim/fleet.h"
#include "sim/options.h"
#include "sim/truth.h"

#define EXIT_USAGE 2
#define PROGRESS_MS 250

struct app {
	struct options options;
	struct event_base *base;
	struct fleet *fleet;
	struct event *signals[3];
	struct event *progress;
	struct event *end;
	struct timespec started;
	bool progress_shown;
	bool truth_failed;
};

static int64_t
elapsed_ms(const struct app *app)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return ((int64_t)now.tv_sec - app->started.tv_sec) * 1000 +
	    (now.tv_nsec - app->started.tv_nsec) / 1000000;
}

static void
complain(const char *text)
{
	(void)fprintf(stderr, "tracksim: %s\n", text);
}

static void
save_truth(struct app *app)
{
	struct errtext err = {0};

	if (app->options.truth == NULL)
		return;
	app->truth_failed =
	    truth_save(app->options.truth, app->fleet, &err) < 0;
	if (app->truth_failed)
		complain(err.text);
}

static void
on_end_signal(evutil_socket_t number, short what, void *arg)
{
	struct app *app = arg;

	(void)number;
	(void)what;
	(void)event_base_loopbreak(app->base);
}

static void
on_truth_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	save_truth(arg);
}

static void
on_progress(evutil_socket_t fd, short what, void *arg)
{
	struct app *app = arg;
	struct fleet_sum s;

	(void)fd;
	(void)what;
	fleet_sum(app->fleet, &s);
	(void)fprintf(stderr, "\r%" PRId64 "s  %zu trackers  %" PRIu64
	    " online  %" PRIu64 " updating  %" PRIu64 " flashed  %" PRIu64
	    " failures\033[K", elapsed_ms(app) / 1000, fleet_count(app->fleet),
	    s.online, s.updating, s.flashed, s.failures);
	(void)fflush(stderr);
	app->progress_shown = true;
}

/* Each tracker needs a socket, so the soft limit goes up as far as it may. */
static int
raise_descriptors(uint64_t need, struct errtext *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return errtext_set(err, -1, "getrlimit: %s", strerror(errno));
	if (limit.rlim_cur >= need)
		return 0;
	if (limit.rlim_max < need) {
		struct rlimit more = {need, need};

		/* The hard limit is root's to raise. */
		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return 0;
		return errtext_set(err, -1, "%" PRIu64 " descriptors are "
		    "needed, the limit is %" PRIu64 ": take fewer devices or "
		    "raise it (ulimit -Hn)", need, (uint64_t)limit.rlim_max);
	}
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return errtext_set(err, -1, "setrlimit: %s", strerror(errno));
	return 0;
}

static int
resolve(const struct options *o, struct fleet_conf *conf, struct errtext *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL, *one;
	int r = getaddrinfo(o->host, o->port, &hints, &found);

	if (r != 0)
		return errtext_set(err, -1, "%s: %s", o->host,
		    gai_strerror(r));
	for (one = found; one != NULL &&
	    conf->server_count < FLEET_ADDRESSES_MAX; one = one->ai_next) {
		struct fleet_address *a = &conf->server[conf->server_count++];

		memcpy(&a->at, one->ai_addr, one->ai_addrlen);
		a->len = one->ai_addrlen;
	}
	freeaddrinfo(found);
	return 0;
}

static int
add_signals(struct app *app)
{
	/* libevent puts back what it found here; a second signal that comes
	 * while we clear up must not make a good end look like a bad one. */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	app->signals[0] =
	    evsignal_new(app->base, SIGTERM, on_end_signal, app);
	app->signals[1] = evsignal_new(app->base, SIGINT, on_end_signal, app);
	app->signals[2] =
	    evsignal_new(app->base, SIGUSR1, on_truth_signal, app);
	for (size_t i = 0; i < ARRAY_LEN(app->signals); i++)
		if (app->signals[i] == NULL ||
		    event_add(app->signals[i], NULL) < 0)
			return -1;
	return 0;
}

static int
add_timers(struct app *app)
{
	struct timeval often = {.tv_usec = PROGRESS_MS * 1000};
	struct timeval end = {
		.tv_sec = app->options.duration_ms / 1000,
		.tv_usec = app->options.duration_ms % 1000 * 1000,
	};

	if (app->options.duration_ms > 0) {
		app->end = evtimer_new(app->base, on_end_signal, app);
		if (app->end == NULL || evtimer_add(app->end, &end) < 0)
			return -1;
	}
	if (!isatty(STDERR_FILENO))
		return 0;
	app->progress =
	    event_new(app->base, -1, EV_PERSIST, on_progress, app);
	return app->progress == NULL ? -1 : event_add(app->progress, &often);
}

static int
app_init(struct app *app, struct errtext *err)
{
	struct fleet_conf conf = {
		.tracker = app->options.tracker,
		.ids = app->options.ids,
		.connects_per_hour = app->options.connects_per_hour,
		.udp = app->options.udp,
	};

	(void)clock_gettime(CLOCK_MONOTONIC, &app->started);
	if (resolve(&app->options, &conf, err) < 0 ||
	    raise_descriptors(fleet_descriptors(&conf), err) < 0)
		return -1;
	app->base = event_base_new();
	if (app->base == NULL)
		return errtext_set(err, -1, "cannot make an event loop");
	if (fleet_new(app->base, &conf, &app->fleet, err) < 0)
		return -1;
	if (add_signals(app) < 0 || add_timers(app) < 0)
		return errtext_set(err, -1, "cannot watch signals and time");
	return 0;
}

static void
app_done(struct app *app)
{
	for (size_t i = 0; i < ARRAY_LEN(app->signals); i++)
		if (app->signals[i] != NULL)
			event_free(app->signals[i]);
	if (app->progress != NULL)
		event_free(app->progress);
	if (app->end != NULL)
		event_free(app->end);
	fleet_free(app->fleet);
	if (app->base != NULL) {
		/* Freed bufferevents are released by the next turn only. */
		(void)event_base_loop(app->base, EVLOOP_NONBLOCK);
		event_base_free(app->base);
	}
	options_done(&app->options);
}

static void
print_summary(const struct app *app)
{
	struct fleet_sum s;
	const char *comma = "";

	fleet_sum(app->fleet, &s);
	(void)printf("%zu trackers, %.1f s at speed %g: %" PRIu64 " online\n",
	    fleet_count(app->fleet), (double)elapsed_ms(app) / 1000,
	    app->options.tracker.speed, s.online);
	(void)printf("states    ");
	for (unsigned p = 0; p < PHASE_COUNT; p++) {
		if (s.phases[p] == 0)
			continue;
		(void)printf("%s%s %" PRIu64, comma, phase_name(p),
		    s.phases[p]);
		comma = ", ";
	}
	(void)printf("\nupdates   starts received %" PRIu64 ", acknowledged %"
	    PRIu64 ", flashed %" PRIu64 ", failed %" PRIu64
	    ", while busy %" PRIu64 "\n", s.received, s.acked, s.flashed,
	    s.failures, s.while_busy);
	(void)printf("commands  version reads %" PRIu64 ", wrong password %"
	    PRIu64 ", malformed %" PRIu64 "\n", s.reads, s.wrong_password,
	    s.malformed);
	(void)printf("traffic   connects %" PRIu64 ", of them failed %" PRIu64
	    ", heartbeats %" PRIu64 ", reports acknowledged %" PRIu64
	    ", resent %" PRIu64 ", dropped %" PRIu64 "\n", s.connects,
	    s.connect_failures, s.heartbeats, s.sacked, s.resends, s.dropped);
	if (app->options.tracker.download)
		(void)printf("downloads ok %" PRIu64 ", failed %" PRIu64
		    ", bytes %" PRIu64 "\n", s.downloads_ok,
		    s.downloads_failed, s.bytes);
	comma = "";
	(void)printf("faults    ");
	for (unsigned k = 0; k < FAULT_COUNT; k++) {
		if (s.fired[k] == 0)
			continue;
		(void)printf("%s%s %" PRIu64, comma,
		    fault_name((enum fault_kind)k), s.fired[k]);
		comma = ", ";
	}
	(void)printf("%s\n", comma[0] == '\0' ? "none" : "");
}

static int
run(struct app *app)
{
	struct errtext err = {0};
	int r;

	if (app_init(app, &err) < 0) {
		complain(err.text);
		return EXIT_FAILURE;
	}
	/* A file that cannot be written is better known now than at the end. */
	save_truth(app);
	if (app->truth_failed)
		return EXIT_FAILURE;
	r = event_base_dispatch(app->base);
	if (app->progress_shown)
		(void)fputc('\n', stderr);
	if (r < 0) {
		complain("the event loop failed");
		return EXIT_FAILURE;
	}
	save_truth(app);
	print_summary(app);
	if (fflush(stdout) != 0) {
		complain("cannot write the summary");
		return EXIT_FAILURE;
	}
	return app->truth_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	struct app app = {0};
	struct errtext err = {0};
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	if (options_parse(&app.options, argc, argv, &err) < 0) {
		complain(err.text);
		(void)fprintf(stderr, "Try 'tracksim --help'.\n");
		return EXIT_USAGE;
	}
	switch (app.options.verb) {
	case OPTIONS_HELP:
		(void)fputs(options_help(), stdout);
		break;
	case OPTIONS_VERSION:
		(void)printf("tracksim %s\n", PACKAGE_VERSION);
		break;
	case OPTIONS_RUN:
		if (app.options.ids.corrected)
			complain("--first-id: the check digit is not that of "
			    "the id, counting with the right one");
		r = run(&app);
		app_done(&app);
		return r;
	}
	options_done(&app.options);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
