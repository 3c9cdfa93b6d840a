#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fwfile.h"
#include "io/loop.h"
#include "tio.h"

/*
 * Downloads with a token: what the file server tells of them, whom it sends
 * away and whom never.
 */

#define FW_BYTES 700001
#define TOKEN "_abcdefghijklmnop"
#define OTHER "_ponmlkjihgfedcba"

static char root[64];
static struct fwfile *server;
static struct fwtokens *tokens;
static struct fwfile_config cfg;
static struct trackers_address listen_on;
static uint16_t port;

static void
on_note(void *arg, enum note_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void
setup(void)
{
	char path[128];
	int fd;

	strcpy(root, "/tmp/check_fwtoken.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/fw.enc", root);
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	ck_assert_int_eq(ftruncate(fd, FW_BYTES), 0);
	close(fd);
	tokens = fwtokens_new();
	ck_assert_ptr_nonnull(tokens);
	ck_assert_int_eq(fwtokens_put(tokens, TOKEN, 7, 70), 0);
	listen_on = (struct trackers_address){.host = "127.0.0.1"};
	cfg = (struct fwfile_config){
		.listen = &listen_on, .listen_count = 1, .root = root,
		.user = "", .password = "", .max_connections = 500,
		.request_timeout_ms = 20000, .download_timeout_ms = 20000,
		.tokens = tokens, .note = on_note,
	};
}

static void
start(void)
{
	struct errtext err = {0};

	ck_assert_msg(fwfile_start(&server, &cfg, &err) == 0, "%s", err.text);
	port = fwfile_port(server, 0);
}

static void
teardown(void)
{
	char command[128];

	fwfile_stop(server);
	server = NULL;
	fwtokens_free(tokens);
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

static struct fwfile_stats
stats(void)
{
	struct fwfile_stats st;

	fwfile_get_stats(server, &st);
	return st;
}

#define WAIT(cond) do { \
	int64_t until_ = loop_mono_ms() + TIO_PATIENCE_MS; \
	while (!(cond)) { \
		ck_assert_msg(loop_mono_ms() < until_, \
		    "waited in vain for " #cond); \
		usleep(1000); \
	} \
} while (0)

/* The next report that is no progress. */
static struct download_report
report(void)
{
	struct pollfd p = {.fd = fwtokens_fd(tokens), .events = POLLIN};
	struct download_report r = {0};

	for (;;) {
		ck_assert_msg(poll(&p, 1, TIO_PATIENCE_MS) == 1, "no report");
		while (fwtokens_next(tokens, &r))
			if (r.kind != DOWNLOAD_PROGRESS)
				return r;
	}
}

static bool
no_report(void)
{
	struct pollfd p = {.fd = fwtokens_fd(tokens), .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

static int
send_request(const char *method, const char *target, const char *headers,
    int receive)
{
	char text[1024];
	int fd = tio_connect(port, NULL, receive);
	int n = snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\n"
	    "Connection: close\r\n%s\r\n", method, target, headers);

	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	tio_write(fd, text, (size_t)n);
	return fd;
}

/* Reads until it is closed; the status, and the bytes of the body. */
static int
answer(int fd, size_t *ret_body)
{
	static char buf[FW_BYTES + 4096];
	size_t n = 0;
	ssize_t got;
	int status = 0;
	char *body;

	while (n < sizeof(buf) - 1 &&
	    (got = recv(fd, buf + n, sizeof(buf) - 1 - n, 0)) > 0)
		n += (size_t)got;
	buf[n] = '\0';
	close(fd);
	(void)sscanf(buf, "HTTP/1.%*d %d", &status);
	body = strstr(buf, "\r\n\r\n");
	if (ret_body != NULL)
		*ret_body = body == NULL ? 0
					 : n - (size_t)(body + 4 - buf);
	return status;
}

static int
ask(const char *target, size_t *ret_body)
{
	return answer(send_request("GET", target, "", 0), ret_body);
}

START_TEST(begin_and_end)
{
	struct download_report r;
	size_t body;

	start();
	ck_assert_int_eq(ask("/" TOKEN "/fw.enc", &body), 200);
	ck_assert_uint_eq(body, FW_BYTES);
	r = report();
	ck_assert_int_eq(r.kind, DOWNLOAD_BEGIN);
	ck_assert_int_eq(r.attempt, 7);
	ck_assert_uint_eq(r.device, 70);
	ck_assert_int_eq(r.status, 200);
	ck_assert_uint_eq(r.first, 0);
	ck_assert_uint_eq(r.length, FW_BYTES);
	ck_assert_uint_eq(r.size, FW_BYTES);
	ck_assert_int_eq(strncmp(r.peer, "127.0.0.1:", 10), 0);
	r = report();
	ck_assert_int_eq(r.kind, DOWNLOAD_END);
	ck_assert_int_eq(r.why, DOWNLOAD_COMPLETE);
	ck_assert_uint_eq(r.bytes, FW_BYTES);
	ck_assert_int_eq(r.attempt, 7);
	/* A part of it. */
	ck_assert_int_eq(answer(send_request("GET", "/" TOKEN "/fw.enc",
	    "Range: bytes=700000-\r\n", 0), &body), 206);
	ck_assert_uint_eq(body, 1);
	r = report();
	ck_assert_uint_eq(r.first, 700000);
	ck_assert_uint_eq(r.length, 1);
	ck_assert_int_eq(report().why, DOWNLOAD_COMPLETE);
	/* HEAD is no download, and without a token nobody's. */
	ck_assert_int_eq(answer(send_request("HEAD", "/" TOKEN "/fw.enc", "",
	    0), NULL), 200);
	ck_assert_int_eq(ask("/fw.enc", &body), 200);
	ck_assert_uint_eq(body, FW_BYTES);
	WAIT(stats().connections == 0);
	ck_assert(no_report());
}
END_TEST

START_TEST(whose_token_it_is)
{
	struct fwtokens_stats st;

	start();
	ck_assert_int_eq(ask("/" OTHER "/fw.enc", NULL), 410);
	ck_assert_int_eq(ask("/" TOKEN, NULL), 404);
	ck_assert_int_eq(ask("/" TOKEN "/", NULL), 404);
	ck_assert_int_eq(ask("/" TOKEN "/../fw.enc", NULL), 404);
	ck_assert_int_eq(ask("/" TOKEN "/%2e%2e/fw.enc", NULL), 404);
	ck_assert_int_eq(ask("/" TOKEN "/" TOKEN "/fw.enc", NULL), 404);
	ck_assert_int_eq(report().why, DOWNLOAD_MISSING);
	ck_assert(no_report());
	ck_assert_uint_eq(stats().refused_token, 1);
	ck_assert_int_eq(fwtokens_put(tokens, OTHER, 8, 80), 0);
	ck_assert_int_eq(ask("/" OTHER "/fw.enc", NULL), 200);
	ck_assert_int_eq(report().attempt, 8);
	ck_assert_int_eq(report().attempt, 8);
	fwtokens_get_stats(tokens, &st);
	ck_assert_uint_eq(st.tokens, 2);
	ck_assert_uint_eq(st.dropped, 0);
	/* The same token is another attempt's now. */
	ck_assert_int_eq(fwtokens_put(tokens, OTHER, 9, 90), 0);
	fwtokens_drop(tokens, TOKEN);
	fwtokens_drop(tokens, TOKEN);
	ck_assert_int_eq(ask("/" TOKEN "/fw.enc", NULL), 410);
	ck_assert_int_eq(ask("/" OTHER "/fw.enc", NULL), 200);
	ck_assert_uint_eq(report().device, 90);
}
END_TEST

START_TEST(refusals)
{
	struct download_report r;

	cfg.user = "fw";
	cfg.password = "secret";
	start();
	ck_assert_int_eq(ask("/" TOKEN "/fw.enc", NULL), 401);
	r = report();
	ck_assert_int_eq(r.kind, DOWNLOAD_END);
	ck_assert_int_eq(r.why, DOWNLOAD_REFUSED);
	ck_assert_int_eq(r.status, 401);
	ck_assert_int_eq(answer(send_request("GET", "/" TOKEN "/no.enc",
	    "Authorization: Basic Znc6c2VjcmV0\r\n", 0), NULL), 404);
	r = report();
	ck_assert_int_eq(r.why, DOWNLOAD_MISSING);
	ck_assert_int_eq(answer(send_request("GET", "/" TOKEN "/fw.enc",
	    "Authorization: Basic Znc6c2VjcmV0\r\n"
	    "Range: bytes=700001-\r\n", 0), NULL), 416);
	ck_assert_int_eq(report().why, DOWNLOAD_REFUSED);
}
END_TEST

START_TEST(the_tracker_leaves)
{
	struct download_report r;
	int fd;

	start();
	fd = send_request("GET", "/" TOKEN "/fw.enc", "", 4096);
	ck_assert_int_eq(report().kind, DOWNLOAD_BEGIN);
	tio_reset(fd);
	r = report();
	ck_assert_int_eq(r.kind, DOWNLOAD_END);
	ck_assert_int_eq(r.why, DOWNLOAD_CUT);
	ck_assert_uint_lt(r.bytes, FW_BYTES);
}
END_TEST

START_TEST(the_tracker_is_slow)
{
	struct download_report r;
	int fd;

	cfg.download_timeout_ms = 300;
	start();
	fd = send_request("GET", "/" TOKEN "/fw.enc", "", 4096);
	ck_assert_int_eq(report().kind, DOWNLOAD_BEGIN);
	r = report();
	ck_assert_int_eq(r.why, DOWNLOAD_SLOW);
	close(fd);
}
END_TEST

START_TEST(the_file_breaks)
{
	struct download_report r;
	char path[128];
	int fd;

	start();
	fd = send_request("GET", "/" TOKEN "/fw.enc", "", 4096);
	ck_assert_int_eq(report().kind, DOWNLOAD_BEGIN);
	snprintf(path, sizeof(path), "%s/fw.enc", root);
	ck_assert_int_eq(truncate(path, 1000), 0);
	(void)answer(fd, NULL);
	r = report();
	ck_assert_int_eq(r.kind, DOWNLOAD_END);
	ck_assert_int_eq(r.why, DOWNLOAD_FAULT);
	ck_assert_uint_lt(r.bytes, FW_BYTES);
}
END_TEST

/* Over the cap strangers are sent away; whom we told to come is not. */
START_TEST(never_refused)
{
	int fd[2];
	size_t body;

	cfg.max_connections = 2;
	start();
	fd[0] = send_request("GET", "/fw.enc", "", 4096);
	fd[1] = send_request("GET", "/fw.enc", "", 4096);
	WAIT(stats().downloads == 2);
	ck_assert_int_eq(ask("/fw.enc", NULL), 503);
	ck_assert_int_eq(ask("/" TOKEN "/fw.enc", &body), 200);
	ck_assert_uint_eq(body, FW_BYTES);
	close(fd[0]);
	close(fd[1]);
}
END_TEST

/* Nobody takes the reports: they are bounded, and the rest is counted. */
START_TEST(reports_are_bounded)
{
	struct download_report r = {.kind = DOWNLOAD_PROGRESS, .attempt = 1};
	struct fwtokens_stats st;
	size_t n = 0;

	do {
		fwtokens_report(tokens, &r);
		fwtokens_get_stats(tokens, &st);
	} while (st.dropped == 0);
	/* Progress leaves room for what matters. */
	ck_assert_uint_eq(st.reports, st.reports_max / 2);
	r.kind = DOWNLOAD_END;
	do {
		r.attempt++;
		fwtokens_report(tokens, &r);
		fwtokens_get_stats(tokens, &st);
	} while (st.dropped == 1);
	ck_assert_uint_eq(st.reports, st.reports_max);
	while (fwtokens_next(tokens, &r))
		n++;
	ck_assert_uint_eq(n, st.reports_max);
	ck_assert_int_eq(r.attempt, (int)st.reports_max / 2 + 1);
	ck_assert(no_report());
	fwtokens_report(tokens, &r);
	ck_assert(!no_report());
}
END_TEST

/* --- files.rate ------------------------------------------------------------*/

START_TEST(the_rate_holds)
{
	int64_t begin, took;
	size_t body;

	cfg.rate = 500000;
	start();
	begin = loop_mono_ms();
	ck_assert_int_eq(ask("/" TOKEN "/fw.enc", &body), 200);
	took = loop_mono_ms() - begin;
	ck_assert_uint_eq(body, FW_BYTES);
	/* 1.4 s, less what the bucket and the send buffer hold. */
	ck_assert_int_ge(took, 900);
	ck_assert_int_eq(report().kind, DOWNLOAD_BEGIN);
	ck_assert_int_eq(report().why, DOWNLOAD_COMPLETE);
	/* A reload lets go of it in the middle. */
	fwfile_set_rate(server, 20000);
	begin = loop_mono_ms();
	{
		int fd = send_request("GET", "/" TOKEN "/fw.enc", "", 0);

		ck_assert_int_eq(report().kind, DOWNLOAD_BEGIN);
		fwfile_set_rate(server, 0);
		ck_assert_int_eq(answer(fd, &body), 200);
	}
	ck_assert_uint_eq(body, FW_BYTES);
	ck_assert_int_lt(loop_mono_ms() - begin, 5000);
}
END_TEST

/* What each of n connections has got by now. */
static void
take(const int *fd, size_t *got, int n, int64_t until_ms)
{
	static char buf[65536];

	while (loop_mono_ms() < until_ms)
		for (int i = 0; i < n; i++) {
			struct pollfd p = {.fd = fd[i], .events = POLLIN};
			ssize_t r = 0;

			if (poll(&p, 1, 1) == 1)
				r = recv(fd[i], buf, sizeof(buf),
				    MSG_DONTWAIT);
			got[i] += r > 0 ? (size_t)r : 0;
		}
}

/* Equal shares; who takes nothing costs nobody anything; a stranger gets what
 * is left. */
START_TEST(shares_are_fair)
{
	int fd[5];
	size_t got[5] = {0}, least = SIZE_MAX, most = 0;
	int idle;

	cfg.rate = 400000;
	start();
	idle = send_request("GET", "/" TOKEN "/fw.enc", "", 4096);
	for (int i = 0; i < 4; i++)
		fd[i] = send_request("GET", "/" TOKEN "/fw.enc", "", 0);
	fd[4] = send_request("GET", "/fw.enc", "", 0);
	WAIT(stats().downloads == 6);
	take(fd, got, 5, loop_mono_ms() + 3000);
	for (int i = 0; i < 4; i++) {
		least = MIN_OF(least, got[i]);
		most = MAX_OF(most, got[i]);
	}
	/* 1.2 MB, seven eighths of it theirs; a turn is 48 KiB. */
	ck_assert_msg(least > 130000, "%zu %zu %zu %zu, stranger %zu", got[0],
	    got[1], got[2], got[3], got[4]);
	ck_assert_uint_lt(most - least, 110000);
	ck_assert_uint_gt(got[4], 0);
	ck_assert_uint_lt(got[4], most);
	for (int i = 0; i < 5; i++)
		close(fd[i]);
	close(idle);
	WAIT(stats().connections == 0);
}
END_TEST

/* Held back until its time was over: not the tracker's fault. */
START_TEST(no_share_is_our_fault)
{
	struct download_report r;
	int fd[3];

	cfg.rate = 8192;
	cfg.download_timeout_ms = 1500;
	start();
	for (int i = 0; i < 3; i++)
		fd[i] = send_request("GET", "/" TOKEN "/fw.enc", "", 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(report().kind, DOWNLOAD_BEGIN);
	for (int i = 0; i < 3; i++) {
		r = report();
		ck_assert_int_eq(r.kind, DOWNLOAD_END);
		ck_assert_int_eq(r.why, DOWNLOAD_FAULT);
		close(fd[i]);
	}
}
END_TEST

/* Whoever holds a place and asks for nothing goes when it is full. */
START_TEST(idlers_make_room)
{
	int fd[2];

	cfg.max_connections = 2;
	cfg.request_timeout_ms = 8000;
	start();
	fd[0] = tio_connect(port, NULL, 0);
	fd[1] = tio_connect(port, NULL, 0);
	WAIT(stats().connections == 2);
	/* A quarter of the time for a request is theirs. */
	WAIT(ask("/fw.enc", NULL) == 200);
	ck_assert_uint_ge(stats().evicted, 1);
	ck_assert_uint_eq(stats().timeouts, 0);
	close(fd[0]);
	close(fd[1]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fwtoken");
	TCase *tc = tcase_create("tokens");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, begin_and_end);
	tcase_add_test(tc, whose_token_it_is);
	tcase_add_test(tc, refusals);
	tcase_add_test(tc, the_tracker_leaves);
	tcase_add_test(tc, the_tracker_is_slow);
	tcase_add_test(tc, the_file_breaks);
	tcase_add_test(tc, never_refused);
	tcase_add_test(tc, reports_are_bounded);
	tcase_add_test(tc, the_rate_holds);
	tcase_add_test(tc, shares_are_fair);
	tcase_add_test(tc, no_share_is_our_fault);
	tcase_add_test(tc, idlers_make_room);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
