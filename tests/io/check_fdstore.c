#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/fdstore.h"
#include "daemon/systemd.h"

/* Connections on their way through the service manager; the manager is a list
 * here (the real one is in tests/integration/t-systemd.sh). */

static int stored[64];
static size_t stored_count;
static bool manager_works;

bool __wrap_systemd_store_fd(int fd, const char *name);

bool
__wrap_systemd_store_fd(int fd, const char *name)
{
	ck_assert_str_eq(name, FDSTORE_NAME);
	if (!manager_works)
		return false;
	ck_assert_uint_lt(stored_count, ARRAY_LEN(stored));
	stored[stored_count++] = dup(fd);
	return true;
}

struct seen {
	size_t count, in_bytes, out_bytes;
	struct trackers_kept last;
	char in[64], out[64], up[64], late[64];
};

static void
on_kept(void *arg, const struct trackers_kept *k)
{
	struct seen *s = arg;

	s->count++;
	s->in_bytes += k->in_len;
	s->out_bytes += k->out_len;
	s->last = *k;
	memcpy(s->in, k->in, MIN_OF(k->in_len, sizeof(s->in)));
	memcpy(s->out, k->out, MIN_OF(k->out_len, sizeof(s->out)));
	memcpy(s->up, k->relay.up, MIN_OF(k->relay.up_len, sizeof(s->up)));
	memcpy(s->late, k->relay.late,
	    MIN_OF(k->relay.late_len, sizeof(s->late)));
	(void)close(k->fd);
	if (k->relay.host[0] != '\0')
		(void)close(k->relay.fd);
}

static int
descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int
tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
setup(void)
{
	stored_count = 0;
	manager_works = true;
}

static void
store_one(const struct trackers_kept *k)
{
	struct fdstore *f = fdstore_new();

	ck_assert_ptr_nonnull(f);
	fdstore_put(f, k);
	ck_assert_uint_eq(fdstore_commit(f), 1);
	fdstore_free(f);
}

static size_t
read_all(struct seen *s, size_t *bad)
{
	size_t n = 0;

	memset(s, 0, sizeof(*s));
	*bad = 0;
	for (size_t i = 0; i < stored_count; i++)
		n += fdstore_read(stored[i], on_kept, s, bad);
	stored_count = 0;
	return n;
}

START_TEST(there_and_back)
{
	struct trackers_kept k = {.v6 = true, .port = 4711, .bad = 3,
	    .in = "+ACK:GT", .in_len = 7, .out = "+SACK", .out_len = 5};
	int before = descriptors();
	struct seen s;
	size_t bad;

	ck_assert_int_eq(devid_parse(SPAN_LIT("860000000000009"), &k.devid),
	    0);
	memset(k.addr, 0xfd, sizeof(k.addr));
	k.fd = tcp();
	store_one(&k);
	(void)close(k.fd);
	ck_assert_uint_eq(read_all(&s, &bad), 1);
	ck_assert_uint_eq(bad, 0);
	ck_assert(s.last.v6);
	ck_assert_uint_eq(s.last.port, 4711);
	ck_assert_int_eq(s.last.bad, 3);
	ck_assert_mem_eq(s.last.addr, k.addr, sizeof(k.addr));
	ck_assert_str_eq(s.last.devid.text, "860000000000009");
	ck_assert_uint_eq(s.last.devid.key, k.devid.key);
	ck_assert_mem_eq(s.in, "+ACK:GT", 7);
	ck_assert_mem_eq(s.out, "+SACK", 5);
	ck_assert_int_eq(descriptors(), before);
}
END_TEST

/* More than one batch, more than one pair, and some that have a lot to say. */
START_TEST(many)
{
	static char half[4096], rest[32768];
	struct trackers_kept k = {.in = half, .out = rest};
	struct fdstore *f = fdstore_new();
	size_t in_bytes = 0, out_bytes = 0, bad;
	int before = descriptors();
	struct seen s;

	k.fd = tcp();
	for (int i = 0; i < 5000; i++) {
		k.in_len = i % 3 == 0 ? sizeof(half) : 0;
		k.out_len = i % 100 == 0 ? sizeof(rest) : 0;
		in_bytes += k.in_len;
		out_bytes += k.out_len;
		fdstore_put(f, &k);
	}
	ck_assert_uint_eq(fdstore_commit(f), 5000);
	fdstore_free(f);
	(void)close(k.fd);
	ck_assert_uint_gt(stored_count, 1);
	ck_assert_uint_eq(read_all(&s, &bad), 5000);
	ck_assert_uint_eq(bad, 0);
	ck_assert_uint_eq(s.in_bytes, in_bytes);
	ck_assert_uint_eq(s.out_bytes, out_bytes);
	ck_assert_int_eq(descriptors(), before);
}
END_TEST

START_TEST(manager_that_cannot)
{
	struct trackers_kept k = {.in = "", .out = ""};
	struct fdstore *f = fdstore_new();

	manager_works = false;
	k.fd = tcp();
	fdstore_put(f, &k);
	ck_assert_uint_eq(fdstore_commit(f), 0);
	fdstore_free(f);
	(void)close(k.fd);
}
END_TEST

static int
raw(const void *p, size_t n, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 8)];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;
	int v[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, v), 0);
	if (count > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	ck_assert_int_eq(sendmsg(v[1], &m, 0), (ssize_t)n);
	(void)close(v[1]);
	return v[0];
}

static size_t
read_raw(const void *p, size_t n, const int *fds, size_t count,
    struct seen *s)
{
	size_t bad = 0, kept;
	int before = descriptors();

	memset(s, 0, sizeof(*s));
	kept = fdstore_read(raw(p, n, fds, count), on_kept, s, &bad);
	ck_assert_uint_eq(kept, s->count);
	ck_assert_int_eq(descriptors(), before);
	return bad;
}

/* A good batch of one connection, with so many descriptors, changed in one
 * place after the other: whatever it says, no descriptor is left open and
 * nothing is read beyond its end. Returns its length. */
static size_t
change_each_byte(const struct trackers_kept *k, const int *fds, size_t count,
    size_t bytes_max, char good[512])
{
	char bytes[512];
	struct seen s;
	size_t bad;
	ssize_t n;

	store_one(k);
	ck_assert_int_gt(n = recv(stored[0], good, 512, 0), 40);
	(void)close(stored[0]);
	stored_count = 0;
	for (ssize_t i = 0; i < n; i++)
		for (int v = 0; v < 3; v++) {
			memcpy(bytes, good, (size_t)n);
			bytes[i] = (char)(v == 0 ? 0 : v == 1 ? 0xff :
			    bytes[i] ^ 1);
			bad = read_raw(bytes, (size_t)n, fds, count, &s);
			ck_assert_uint_le(s.count, 1);
			ck_assert_uint_ge(s.count + bad, 1);
			ck_assert_uint_le(s.count + bad, count);
			ck_assert_uint_le(s.in_bytes + s.out_bytes, bytes_max);
		}
	return (size_t)n;
}

START_TEST(what_it_says_is_not_believed)
{
	struct trackers_kept k = {.in = "abc", .in_len = 3, .out = "de",
	    .out_len = 2};
	char good[512];
	struct seen s;
	size_t n;

	ck_assert_int_eq(devid_parse(SPAN_LIT("860000000000009"), &k.devid),
	    0);
	k.fd = tcp();
	n = change_each_byte(&k, &k.fd, 1, 5, good);
	/* Cut off, and with another number of descriptors. */
	for (size_t i = 1; i < n; i++) {
		ck_assert_uint_eq(read_raw(good, i, &k.fd, 1, &s), 1);
		ck_assert_uint_eq(s.count, 0);
	}
	(void)read_raw(good, n, NULL, 0, &s);
	ck_assert_uint_eq(s.count, 0);
	(void)close(k.fd);
}
END_TEST

static struct trackers_kept
relayed(void)
{
	struct trackers_kept k = {.in = "abc", .in_len = 3, .out = "de",
	    .out_len = 2, .fd = tcp()};

	k.relay = (struct relay_kept){.fd = tcp(), .host = "fw.example.org",
	    .port = 5004, .up = "fghi", .up_len = 4, .late = "j",
	    .late_len = 1, .ahead = 2, .inside = true, .head_len = 3,
	    .head = "AT+"};
	return k;
}

static void
relayed_close(const struct trackers_kept *k)
{
	(void)close(k->fd);
	(void)close(k->relay.fd);
}

START_TEST(relayed_there_and_back)
{
	struct fdstore *f = fdstore_new();
	int before = descriptors();
	struct trackers_kept k = relayed();
	const struct relay_kept *y;
	struct seen s;
	size_t bad;

	/* Odd, so that a pair would not fit into the rest of a batch. */
	k.relay.host[0] = '\0';
	fdstore_put(f, &k);
	k.relay.host[0] = 'f';
	for (int i = 0; i < 300; i++)
		fdstore_put(f, &k);
	ck_assert_uint_eq(fdstore_commit(f), 301);
	fdstore_free(f);
	relayed_close(&k);
	ck_assert_uint_eq(read_all(&s, &bad), 301);
	ck_assert_uint_eq(bad, 0);
	y = &s.last.relay;
	ck_assert_str_eq(y->host, "fw.example.org");
	ck_assert_uint_eq(y->port, 5004);
	ck_assert_uint_eq(y->ahead, 2);
	ck_assert(y->inside);
	ck_assert_uint_eq(y->head_len, 3);
	ck_assert_mem_eq(y->head, "AT+", 3);
	ck_assert_mem_eq(s.in, "abc", 3);
	ck_assert_mem_eq(s.out, "de", 2);
	ck_assert_uint_eq(y->up_len, 4);
	ck_assert_mem_eq(s.up, "fghi", 4);
	ck_assert_uint_eq(y->late_len, 1);
	ck_assert_mem_eq(s.late, "j", 1);
	ck_assert_int_eq(descriptors(), before);
}
END_TEST

START_TEST(what_it_says_of_relayed_ones)
{
	struct trackers_kept k = relayed();
	int fds[2] = {k.fd, k.relay.fd};
	char good[512];
	struct seen s;
	size_t n = change_each_byte(&k, fds, 2, 25, good);

	/* Without its platform's. */
	ck_assert_uint_eq(read_raw(good, n, fds, 1, &s), 1);
	ck_assert_uint_eq(s.count, 0);
	relayed_close(&k);
}
END_TEST

/* Only a TCP connection may come in this way. */
START_TEST(other_descriptors)
{
	struct trackers_kept k = {.in = "", .out = ""};
	struct seen s;
	size_t bad;
	int p[2];

	ck_assert_int_eq(pipe(p), 0);
	k.fd = p[0];
	store_one(&k);
	ck_assert_uint_eq(read_all(&s, &bad), 0);
	ck_assert_uint_eq(bad, 1);
	(void)close(p[0]);
	(void)close(p[1]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("descriptor store");
	TCase *tc = tcase_create("fdstore");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, there_and_back);
	tcase_add_test(tc, many);
	tcase_add_test(tc, manager_that_cannot);
	tcase_add_test(tc, what_it_says_is_not_believed);
	tcase_add_test(tc, relayed_there_and_back);
	tcase_add_test(tc, what_it_says_of_relayed_ones);
	tcase_add_test(tc, other_descriptors);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
