/*
 * A fleet on the loopback: what needs sockets, and not the program.
 */
#include "config.h"

#include <check.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sim/fleet.h"

#define DEADLINE_MS 10000

static int64_t
mono_ms(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A free port of the loopback, and its descriptor, that nobody reads yet. */
static int
bound(int type, struct fleet_address *ret)
{
	struct sockaddr_in *sa = (struct sockaddr_in *)(void *)&ret->at;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	*ret = (struct fleet_address){.len = sizeof(*sa)};
	sa->sin_family = AF_INET;
	sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)sa, ret->len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)sa, &ret->len), 0);
	return fd;
}

/* Of a name with two addresses the server may listen at either. */
START_TEST(next_address)
{
	bool udp = _i == 1;
	struct fleet_conf conf = {
		.tracker = {.password = "gv620mg", .firmware = "0A03",
		    .next_firmware = "0A05", .seed = 1, .speed = 1000,
		    .heartbeat_ms = 60000},
		.ids = {.form = IDENT_IMEI, .first = 86000000000000,
		    .count = 3},
		.connects_per_hour = 3600000, .server_count = 2, .udp = udp};
	int type = udp ? SOCK_DGRAM : SOCK_STREAM;
	int absent = bound(type, &conf.server[0]);
	int server = bound(type, &conf.server[1]), got = -1;
	struct timeval tick = {.tv_usec = 5000};
	struct event_base *base = event_base_new();
	int64_t end = mono_ms() + DEADLINE_MS;
	struct errtext err = {0};
	struct fleet *f = NULL;
	char byte;

	(void)close(absent);
	ck_assert(udp || listen(server, 5) == 0);
	ck_assert_int_eq(fleet_new(base, &conf, &f, &err), 0);
	while (got < 0 && mono_ms() < end) {
		(void)event_base_loopexit(base, &tick);
		(void)event_base_dispatch(base);
		got = udp ? (int)recv(server, &byte, 1, 0)
			  : accept(server, NULL, NULL);
	}
	ck_assert_int_ge(got, 0);
	if (!udp)
		(void)close(got);
	(void)close(server);
	fleet_free(f);
	/* Freed bufferevents are released by the next turn only. */
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_free(base);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sim fleet");
	TCase *tc = tcase_create("fleet");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, next_address, 0, 2);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
