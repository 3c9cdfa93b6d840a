#include "config.h"

#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "base/span.h"
#include "io/beneath.h"
#include "io/digest.h"
#include "io/fwfile.h"
#include "tio.h"

#define FW_BYTES 700001
#define SMALL "0123456789abcdef"

/* --- a server over a directory of its own ----------------------------------*/

static char root[64], outside[64];
static struct fwfile *server;
static struct fwfile_config cfg;
static struct trackers_address listen_on;
static uint16_t port;
static unsigned char *firmware;

static pthread_mutex_t note_lock = PTHREAD_MUTEX_INITIALIZER;
static char last_debug[1024], last_warn[1024];
static atomic_int warns;

static void
on_note(void *arg, enum note_level level, const char *line)
{
	(void)arg;
	pthread_mutex_lock(&note_lock);
	if (level == NOTE_DEBUG) {
		snprintf(last_debug, sizeof(last_debug), "%s", line);
	} else {
		snprintf(last_warn, sizeof(last_warn), "%s", line);
		warns++;
	}
	pthread_mutex_unlock(&note_lock);
}

static void
put_file(const char *dir, const char *name, const void *p, size_t n)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

static void
put_link(const char *target, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	ck_assert_int_eq(symlink(target, path), 0);
}

static void
put_dir(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void
setup(void)
{
	char path[256];

	strcpy(root, "/tmp/check_fwfile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	strcpy(outside, "/tmp/check_fwoutside.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(outside));
	firmware = malloc(FW_BYTES);
	ck_assert_ptr_nonnull(firmware);
	for (size_t i = 0; i < FW_BYTES; i++)
		firmware[i] = (unsigned char)((i * 2654435761u) >> 13);
	put_file(root, "fw.enc", firmware, FW_BYTES);
	put_file(root, "small.enc", SMALL, strlen(SMALL));
	put_file(root, "a b+c.enc", "blank", 5);
	put_file(root, "empty.enc", "", 0);
	put_file(root, ".hidden", "secret", 6);
	put_file(outside, "secret", "secret", 6);
	put_dir("sub");
	put_file(root, "sub/fw2.enc", "two", 3);
	put_dir("sub/.git");
	put_file(root, "sub/.git/config", "secret", 6);
	snprintf(path, sizeof(path), "%s/secret", outside);
	put_link(path, "link.enc");
	put_link("small.enc", "inner.enc");
	put_link(outside, "linkdir");
	put_link("sub", "innerdir");
	snprintf(path, sizeof(path), "%s/pipe.enc", root);
	ck_assert_int_eq(mkfifo(path, 0644), 0);

	listen_on = (struct trackers_address){.host = "127.0.0.1"};
	cfg = (struct fwfile_config){
		.listen = &listen_on, .listen_count = 1, .root = root,
		.user = "", .password = "", .max_connections = 500,
		.request_timeout_ms = 20000, .download_timeout_ms = 20000,
		.note = on_note,
	};
	warns = 0;
}

static void
start(void)
{
	struct errtext err = {0};

	ck_assert_msg(fwfile_start(&server, &cfg, &err) == 0, "%s", err.text);
	port = fwfile_port(server, 0);
	ck_assert_uint_ne(port, 0);
}

static void
teardown(void)
{
	char command[256];

	fwfile_stop(server);
	server = NULL;
	free(firmware);
	snprintf(command, sizeof(command), "rm -rf '%s' '%s'", root, outside);
	ck_assert_int_eq(system(command), 0);
}

static struct fwfile_stats
stats(void)
{
	struct fwfile_stats st;

	fwfile_get_stats(server, &st);
	return st;
}

/* Another thread works: this one looks again until it is so. */
#define WAIT(cond) do { \
	int64_t until_ = loop_mono_ms() + TIO_PATIENCE_MS; \
	while (!(cond)) { \
		ck_assert_msg(loop_mono_ms() < until_, \
		    "waited in vain for " #cond); \
		usleep(1000); \
	} \
} while (0)

/* --- a client --------------------------------------------------------------*/

struct reply {
	int status;
	char head[4096];
	unsigned char *body;
	size_t len;
	bool closed; /* by the server, behind this reply */
};

static int
client(void)
{
	struct timeval tv = {.tv_sec = TIO_PATIENCE_MS / 1000};
	int fd = tio_connect(port, NULL, 0);

	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
	    sizeof(tv)), 0);
	return fd;
}

/* The value of a header, or NULL; valid until the next call. */
static const char *
header(const struct reply *r, const char *name)
{
	static char value[256];
	const char *p = r->head;
	size_t n = strlen(name);

	while ((p = strstr(p, "\r\n")) != NULL) {
		p += 2;
		if (strncasecmp(p, name, n) != 0 || p[n] != ':')
			continue;
		p += n + 1;
		p += strspn(p, " ");
		n = strcspn(p, "\r");
		ck_assert_uint_lt(n, sizeof(value));
		memcpy(value, p, n);
		value[n] = '\0';
		return value;
	}
	return NULL;
}

static void
reply_free(struct reply *r)
{
	free(r->body);
	r->body = NULL;
}

/* Reads one reply; head_only: of HEAD. False: closed before it. */
static bool
reply_read(int fd, bool head_only, struct reply *r)
{
	size_t n = 0, want;
	const char *length;
	ssize_t got;

	memset(r, 0, sizeof(*r));
	while (strstr(r->head, "\r\n\r\n") == NULL) {
		ck_assert_uint_lt(n, sizeof(r->head) - 1);
		got = recv(fd, r->head + n, 1, 0);
		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	ck_assert_int_eq(sscanf(r->head, "HTTP/1.%*d %d", &r->status), 1);
	length = header(r, "Content-Length");
	ck_assert_msg(length != NULL, "no Content-Length: %s", r->head);
	ck_assert_ptr_null(strstr(r->head, "chunked"));
	want = head_only ? 0 : (size_t)strtoull(length, NULL, 10);
	r->body = malloc(want + 1);
	ck_assert_ptr_nonnull(r->body);
	while (r->len < want) {
		got = recv(fd, r->body + r->len, want - r->len, 0);
		if (got <= 0)
			break;
		r->len += (size_t)got;
	}
	r->body[r->len] = '\0';
	return true;
}

static void
request(int fd, const char *method, const char *target, const char *headers)
{
	char text[16384];
	int n = snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\n"
	    "%s\r\n", method, target, headers);

	ck_assert_int_lt(n, (int)sizeof(text));
	tio_write(fd, text, (size_t)n);
}

/* One request on a connection of its own. */
static struct reply
ask(const char *method, const char *target, const char *headers)
{
	struct reply r;
	int fd = client();
	char c;

	request(fd, method, target, headers);
	ck_assert_msg(reply_read(fd, strcmp(method, "HEAD") == 0, &r),
	    "no reply to %s %s", method, target);
	r.closed = recv(fd, &c, 1, MSG_DONTWAIT) == 0;
	close(fd);
	return r;
}

static int
status_of(const char *method, const char *target, const char *headers)
{
	struct reply r = ask(method, target, headers);

	reply_free(&r);
	return r.status;
}

/* --- whole files -----------------------------------------------------------*/

START_TEST(whole_file)
{
	struct reply r;

	start();
	r = ask("GET", "/fw.enc", "");
	ck_assert_int_eq(r.status, 200);
	ck_assert_uint_eq(r.len, FW_BYTES);
	ck_assert_int_eq(memcmp(r.body, firmware, FW_BYTES), 0);
	ck_assert_str_eq(header(&r, "Accept-Ranges"), "bytes");
	ck_assert_str_eq(header(&r, "Content-Type"),
	    "application/octet-stream");
	ck_assert_ptr_nonnull(header(&r, "ETag"));
	ck_assert_ptr_nonnull(strstr(header(&r, "Last-Modified"), " GMT"));
	reply_free(&r);
	WAIT(stats().completed == 1);
	ck_assert_uint_eq(stats().bytes, FW_BYTES);
	ck_assert_uint_eq(stats().requests, 1);
	WAIT(stats().connections == 0);
	ck_assert_uint_eq(stats().downloads, 0);
	ck_assert_uint_eq(stats().aborted, 0);
	pthread_mutex_lock(&note_lock);
	ck_assert_ptr_nonnull(strstr(last_debug, "download finished "
	    "path=\"fw.enc\" status=200 bytes=700001 of=700001 "
	    "peer=127.0.0.1:"));
	ck_assert_ptr_nonnull(strstr(last_debug, "duration_ms="));
	pthread_mutex_unlock(&note_lock);
	ck_assert_int_eq(warns, 0);
}
END_TEST

START_TEST(head)
{
	struct reply r;

	start();
	r = ask("HEAD", "/fw.enc", "");
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(header(&r, "Content-Length"), "700001");
	ck_assert_ptr_nonnull(header(&r, "ETag"));
	reply_free(&r);
	r = ask("HEAD", "/fw.enc", "Range: bytes=5-9\r\n");
	ck_assert_int_eq(r.status, 206);
	ck_assert_str_eq(header(&r, "Content-Length"), "5");
	reply_free(&r);
	r = ask("HEAD", "/nothing.enc", "");
	ck_assert_int_eq(r.status, 404);
	reply_free(&r);
	ck_assert_uint_eq(stats().bytes, 0);
}
END_TEST

START_TEST(names)
{
	struct reply r;

	start();
	r = ask("GET", "/sub/fw2.enc", "");
	ck_assert_str_eq((char *)r.body, "two");
	reply_free(&r);
	r = ask("GET", "/a%20b+c.enc", "");
	ck_assert_str_eq((char *)r.body, "blank");
	reply_free(&r);
	r = ask("GET", "/small%2eenc?token=%zz&x=../..", "");
	ck_assert_str_eq((char *)r.body, SMALL);
	reply_free(&r);
	r = ask("GET", "http://fw.example.org:9622/small.enc", "");
	ck_assert_str_eq((char *)r.body, SMALL);
	reply_free(&r);
	r = ask("GET", "/empty.enc", "");
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(header(&r, "Content-Length"), "0");
	reply_free(&r);
	ck_assert_int_eq(status_of("GET", "/empty.enc",
	    "Range: bytes=0-\r\n"), 416);
}
END_TEST

START_TEST(http_1_0)
{
	struct reply r;
	int fd;
	char c;

	start();
	fd = client();
	tio_write(fd, "GET /fw.enc HTTP/1.0\r\n\r\n", 24);
	ck_assert(reply_read(fd, false, &r));
	ck_assert_int_eq(r.status, 200);
	ck_assert_uint_eq(r.len, FW_BYTES);
	ck_assert_int_eq(memcmp(r.body, firmware, FW_BYTES), 0);
	reply_free(&r);
	/* And it is closed behind it. */
	ck_assert_int_eq(recv(fd, &c, 1, 0), 0);
	close(fd);
}
END_TEST

START_TEST(keep_alive_and_pipeline)
{
	struct reply r;
	int fd;

	start();
	fd = client();
	for (int i = 0; i < 3; i++) {
		request(fd, "GET", "/small.enc", "");
		ck_assert(reply_read(fd, false, &r));
		ck_assert_str_eq((char *)r.body, SMALL);
		reply_free(&r);
	}
	request(fd, "GET", "/small.enc", "");
	request(fd, "GET", "/nothing", "");
	request(fd, "GET", "/fw.enc", "");
	ck_assert(reply_read(fd, false, &r));
	ck_assert_str_eq((char *)r.body, SMALL);
	reply_free(&r);
	ck_assert(reply_read(fd, false, &r));
	ck_assert_int_eq(r.status, 404);
	reply_free(&r);
	ck_assert(reply_read(fd, false, &r));
	ck_assert_int_eq(memcmp(r.body, firmware, FW_BYTES), 0);
	reply_free(&r);
	close(fd);
	ck_assert_uint_eq(stats().connections, 1);
	WAIT(stats().connections == 0);
}
END_TEST

START_TEST(split_request)
{
	static const char text[] = "GET /small.enc HTTP/1.1\r\nHost: x\r\n\r\n";
	struct reply r;
	int fd;

	start();
	fd = client();
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		tio_write(fd, text + i, 1);
	ck_assert(reply_read(fd, false, &r));
	ck_assert_str_eq((char *)r.body, SMALL);
	reply_free(&r);
	close(fd);
}
END_TEST

START_TEST(half_closed_client)
{
	struct reply r;
	int fd;

	start();
	fd = client();
	request(fd, "GET", "/fw.enc", "");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert(reply_read(fd, false, &r));
	ck_assert_uint_eq(r.len, FW_BYTES);
	ck_assert_int_eq(memcmp(r.body, firmware, FW_BYTES), 0);
	reply_free(&r);
	close(fd);
	WAIT(stats().connections == 0);
	ck_assert_uint_eq(stats().completed, 1);
	fd = client();
	request(fd, "GET", "/nothing", "");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert(reply_read(fd, false, &r));
	ck_assert_int_eq(r.status, 404);
	reply_free(&r);
	close(fd);
}
END_TEST

/* --- ranges ----------------------------------------------------------------*/

static void
range_check(const char *range, size_t first, size_t len)
{
	char headers[128], want[128];
	struct reply r;

	snprintf(headers, sizeof(headers), "Range: %s\r\n", range);
	r = ask("GET", "/fw.enc", headers);
	ck_assert_msg(r.status == 206, "%s: %d", range, r.status);
	snprintf(want, sizeof(want), "bytes %zu-%zu/%d", first,
	    first + len - 1, FW_BYTES);
	ck_assert_str_eq(header(&r, "Content-Range"), want);
	ck_assert_uint_eq(r.len, len);
	ck_assert_int_eq(memcmp(r.body, firmware + first, len), 0);
	reply_free(&r);
}

START_TEST(ranges)
{
	struct reply r;

	start();
	range_check("bytes=0-0", 0, 1);
	range_check("bytes=0-99", 0, 100);
	range_check("bytes=350000-450000", 350000, 100001);
	range_check("bytes=700000-", 700000, 1);
	range_check("bytes=1-", 1, FW_BYTES - 1);
	range_check("bytes=-1000", FW_BYTES - 1000, 1000);
	range_check("bytes=-9999999", 0, FW_BYTES);
	range_check("bytes=699999-9999999", 699999, 2);
	r = ask("GET", "/fw.enc", "Range: bytes=700001-\r\n");
	ck_assert_int_eq(r.status, 416);
	ck_assert_str_eq(header(&r, "Content-Range"), "bytes */700001");
	reply_free(&r);
	ck_assert_int_eq(status_of("GET", "/fw.enc", "Range: bytes=-0\r\n"),
	    416);
	/* What is not one range of bytes asks for all of it. */
	r = ask("GET", "/small.enc", "Range: bytes=0-1,4-5\r\n");
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq((char *)r.body, SMALL);
	reply_free(&r);
	ck_assert_int_eq(status_of("GET", "/small.enc",
	    "Range: lines=0-1\r\n"), 200);
	ck_assert_int_eq(status_of("GET", "/small.enc",
	    "Range: bytes=5-2\r\n"), 200);
	ck_assert_int_eq(status_of("GET", "/small.enc",
	    "Range: bytes=-\r\n"), 200);
	ck_assert_int_eq(status_of("GET", "/small.enc",
	    "Range: bytes=x-9\r\n"), 200);
}
END_TEST

START_TEST(if_range)
{
	char headers[256], etag[128];
	struct reply r;

	start();
	r = ask("HEAD", "/small.enc", "");
	snprintf(etag, sizeof(etag), "%s", header(&r, "ETag"));
	reply_free(&r);
	snprintf(headers, sizeof(headers),
	    "Range: bytes=4-7\r\nIf-Range: %s\r\n", etag);
	r = ask("GET", "/small.enc", headers);
	ck_assert_int_eq(r.status, 206);
	ck_assert_str_eq((char *)r.body, "4567");
	reply_free(&r);
	/* Another file by now: the whole of it, no mixture. */
	put_file(root, "small.enc", "different!", 10);
	r = ask("GET", "/small.enc", headers);
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq((char *)r.body, "different!");
	ck_assert_str_ne(header(&r, "ETag"), etag);
	reply_free(&r);
}
END_TEST

/* --- what must not be served -----------------------------------------------*/

START_TEST(tricks)
{
	static const struct {
		const char *target;
		int status;
	} row[] = {
		{"/", 404}, {"/sub", 404}, {"/sub/", 404}, {"/nothing", 404},
		{"/small.enc/", 404}, {"/small.enc/x", 404},
		{"/../etc/passwd", 404}, {"/sub/../small.enc", 404},
		{"/sub/../../etc/passwd", 404}, {"/./small.enc", 404},
		{"/%2e%2e/etc/passwd", 404}, {"/%2E%2e%2fetc/passwd", 404},
		{"/sub/%2e%2e/small.enc", 404}, {"/..%2f..%2fetc/passwd", 404},
		{"/%252e%252e/etc/passwd", 404}, {"/..%5c..%5cx", 404},
		{"/sub\\..\\small.enc", 404}, {"/sub%5Cfw2.enc", 404},
		{"/sub%2ffw2.enc", 404}, {"//etc/passwd", 404},
		{"//small.enc", 404}, {"/sub//fw2.enc", 404},
		{"/%2fetc/passwd", 404}, {"/.hidden", 404},
		{"/%2ehidden", 404}, {"/sub/.git/config", 404},
		{"/link.enc", 404}, {"/inner.enc", 404},
		{"/linkdir/secret", 404}, {"/innerdir/fw2.enc", 404},
		{"/pipe.enc", 404}, {"/small.enc%00.txt", 400},
		{"/small.enc%0a", 400}, {"/small.enc%0d%0aX: y", 400},
		{"/%zz", 400}, {"/small.enc%", 400}, {"/small.enc%2", 400},
		{"/small.enc%7f", 400}, {"/%c0%ae%c0%ae/etc/passwd", 404},
		{"/small%ef%bc%8eenc", 404}, {"/\xc3\xa4", 404},
		{"*", 400}, {"small.enc", 400}, {"file:///etc/passwd", 400},
		{"http://x", 400}, {"/small.enc#x", 404},
	};

	start();
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct reply r;
		int fd = client();

		request(fd, "GET", row[i].target, "");
		/* Where evhttp itself finds no request it may just close. */
		if (reply_read(fd, false, &r)) {
			ck_assert_msg(r.status == row[i].status ||
			    r.status == 400, "%s: %d", row[i].target,
			    r.status);
			ck_assert_ptr_null(strstr((char *)r.body, "secret"));
			ck_assert_ptr_null(strstr((char *)r.body, "root:"));
			ck_assert_str_ne((char *)r.body, SMALL);
			reply_free(&r);
		}
		close(fd);
	}
	ck_assert_uint_eq(stats().completed, 0);
	ck_assert_uint_gt(stats().refused_path, 20);
	ck_assert_uint_gt(stats().not_found, 3);
	/* It is all still there for who asks rightly. */
	ck_assert_int_eq(status_of("GET", "/small.enc", ""), 200);
}
END_TEST

START_TEST(beneath)
{
	static const char *const bad[] = {
		"/etc/passwd", "../x", "sub/../../x", "link.enc", "inner.enc",
		"linkdir/secret", "innerdir/fw2.enc", "sub", "pipe.enc",
		"nothing", "small.enc/x", "",
	};
	struct stat st;
	int dir = beneath_root(root), fd, lowest = dup(0);

	ck_assert_int_ge(dir, 0);
	close(lowest);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_msg(beneath_open(dir, bad[i], &st) < 0, "%s",
		    bad[i]);
		ck_assert_int_ne(errno, 0);
		ck_assert_msg(beneath_open_walk(dir, bad[i], &st) < 0, "%s",
		    bad[i]);
	}
	fd = beneath_open(dir, "sub/fw2.enc", &st);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(st.st_size, 3);
	close(fd);
	fd = beneath_open_walk(dir, "sub/fw2.enc", &st);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(st.st_size, 3);
	close(fd);
	/* The directory is still open, and nothing else is. */
	ck_assert_int_eq(dup(dir), lowest);
	close(lowest);
	close(dir);
}
END_TEST

START_TEST(digests)
{
	const char *ab[] = {"a", "b"}, *cut[] = {"ab", ""};
	size_t ab_len[] = {1, 1}, cut_len[] = {2, 0};
	char one[DIGEST_HEX], two[DIGEST_HEX];
	struct errtext err = {0};
	uint64_t bytes = 0;

	ck_assert_int_eq(digest_file(root, "small.enc", &bytes, one, &err), 0);
	ck_assert_uint_eq(bytes, 16);
	ck_assert_str_eq(one, "9f9f5111f7b27a781f1f1ddde5ebc2dd"
	    "2b796bfc7365c9c28b548e564176929f");
	ck_assert_int_eq(digest_file(root, "empty.enc", &bytes, one, &err), 0);
	ck_assert_str_eq(one, "e3b0c44298fc1c149afbf4c8996fb924"
	    "27ae41e4649b934ca495991b7852b855");
	digest_parts(ab, ab_len, 2, one);
	digest_parts(cut, cut_len, 2, two);
	ck_assert_str_ne(one, two);
	digest_parts(ab, ab_len, 2, two);
	ck_assert_str_eq(one, two);
	ck_assert_int_lt(digest_file(root, "nothing", &bytes, one, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "nothing"));
	ck_assert_int_lt(digest_file(root, "link.enc", &bytes, one, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "symbolic link"));
	ck_assert_int_lt(digest_file(root, "../x", &bytes, one, &err), 0);
	ck_assert_int_lt(digest_file(root, "pipe.enc", &bytes, one, &err), 0);
	ck_assert_int_lt(digest_file("/nowhere", "x", &bytes, one, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "/nowhere"));
}
END_TEST

START_TEST(methods)
{
	static const char *const refused[] = {"POST", "PUT", "DELETE",
	    "OPTIONS", "PATCH"};
	struct reply r;

	start();
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		r = ask(refused[i], "/small.enc", "Content-Length: 0\r\n");
		ck_assert_msg(r.status == 405, "%s: %d", refused[i], r.status);
		ck_assert_str_eq(header(&r, "Allow"), "GET, HEAD");
		reply_free(&r);
	}
	ck_assert_int_eq(status_of("BREW", "/small.enc", ""), 501);
}
END_TEST

/* A body would be read as the next request on this connection. */
START_TEST(no_smuggling)
{
	struct reply r;
	int fd;

	start();
	fd = client();
	request(fd, "GET", "/small.enc", "Content-Length: 44\r\n");
	request(fd, "GET", "/fw.enc", "");
	/* What lies unread when it closes may take the answer along. */
	if (reply_read(fd, false, &r)) {
		ck_assert_int_eq(r.status, 413);
		reply_free(&r);
		ck_assert(!reply_read(fd, false, &r));
	}
	close(fd);
	fd = client();
	request(fd, "GET", "/small.enc", "Transfer-Encoding: chunked\r\n");
	tio_write(fd, "0\r\n\r\n", 5);
	ck_assert(reply_read(fd, false, &r));
	ck_assert_int_eq(r.status, 400);
	reply_free(&r);
	ck_assert(!reply_read(fd, false, &r));
	close(fd);
	ck_assert_uint_eq(stats().completed, 0);
}
END_TEST

START_TEST(large_headers)
{
	static char headers[10000];
	struct reply r;
	int fd;

	start();
	memset(headers, 'x', sizeof(headers));
	memcpy(headers, "X-Long: ", 8);
	memcpy(headers + sizeof(headers) - 3, "\r\n", 3);
	fd = client();
	request(fd, "GET", "/small.enc", headers);
	if (reply_read(fd, false, &r)) {
		ck_assert_int_ge(r.status, 400);
		reply_free(&r);
	}
	close(fd);
	headers[4000] = '\r';
	headers[4001] = '\n';
	headers[4002] = '\0';
	ck_assert_int_eq(status_of("GET", "/small.enc", headers), 200);
}
END_TEST

START_TEST(garbage)
{
	static const char *const junk[] = {
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
		"GET / FTP/1.0\r\n\r\n", "+RESP:GTUPD,C20100$\r\n",
		"GET /small.enc HTTP/1.1\r\nno colon\r\n\r\n",
		"GET /small.enc HTTP/1.1\r\n : x\r\n\r\n",
	};
	struct reply r;

	start();
	for (size_t i = 0; i < ARRAY_LEN(junk); i++) {
		int fd = client();

		tio_write(fd, junk[i], strlen(junk[i]));
		ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
		if (reply_read(fd, false, &r)) {
			ck_assert_int_ge(r.status, 400);
			reply_free(&r);
		}
		close(fd);
	}
	ck_assert_int_eq(status_of("GET", "/small.enc", ""), 200);
}
END_TEST

/* --- authentication --------------------------------------------------------*/

START_TEST(auth)
{
	static const struct {
		const char *header;
		int status;
	} row[] = {
		{"", 401},
		{"Authorization: Basic dXNlcjpwYXNz\r\n", 200}, /* user:pass */
		{"Authorization: basic dXNlcjpwYXNz \r\n", 200},
		{"authorization: BASIC   dXNlcjpwYXNz\r\n", 200},
		{"Authorization: Basic dXNlcjpwYXNy\r\n", 401},
		{"Authorization: Basic dXNlcjpwYXNzdXNlcjpwYXNz\r\n", 401},
		{"Authorization: Basic dXNlcjpwYXN\r\n", 401},
		{"Authorization: Basic \r\n", 401},
		{"Authorization: Basic\r\n", 401},
		{"Authorization: Basic Og==\r\n", 401},
		{"Authorization: Bearer dXNlcjpwYXNz\r\n", 401},
		{"Authorization: dXNlcjpwYXNz\r\n", 401},
		{"Authorization: Basic user:pass\r\n", 401},
	};
	struct reply r;

	cfg.user = "user";
	cfg.password = "pass";
	start();
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		r = ask("GET", "/small.enc", row[i].header);
		ck_assert_msg(r.status == row[i].status, "%s: %d",
		    row[i].header, r.status);
		if (r.status == 401) {
			ck_assert_str_eq(header(&r, "WWW-Authenticate"),
			    "Basic realm=\"firmware\"");
			ck_assert_ptr_null(strstr((char *)r.body, SMALL));
		}
		reply_free(&r);
	}
	ck_assert_uint_eq(stats().refused_auth, 10);
	/* Nobody learns what is there. */
	ck_assert_int_eq(status_of("GET", "/nothing", ""), 401);
	ck_assert_int_eq(status_of("HEAD", "/small.enc", ""), 401);
}
END_TEST

/* --- files that change -----------------------------------------------------*/

static size_t
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

START_TEST(file_replaced)
{
	char from[128], to[128];
	struct reply r;
	size_t before;

	start();
	before = descriptors();
	r = ask("GET", "/small.enc", "");
	ck_assert_str_eq((char *)r.body, SMALL);
	reply_free(&r);
	WAIT(stats().connections == 0);
	WAIT(descriptors() == before + 1); /* the segment's */
	before++;
	for (int i = 0; i < 20; i++) {
		char text[32];
		int n = snprintf(text, sizeof(text), "version %02d", i);

		/* The same length each time, and within one tick of a coarse
		 * clock: a rename is another inode. */
		put_file(root, "new", text, (size_t)n);
		snprintf(from, sizeof(from), "%s/new", root);
		snprintf(to, sizeof(to), "%s/small.enc", root);
		ck_assert_int_eq(rename(from, to), 0);
		r = ask("GET", "/small.enc", "");
		ck_assert_str_eq((char *)r.body, text);
		reply_free(&r);
	}
	/* The old ones are closed. */
	WAIT(stats().connections == 0 && descriptors() == before);
	ck_assert_int_eq(unlink(to), 0);
	ck_assert_int_eq(status_of("GET", "/small.enc", ""), 404);
}
END_TEST

/* A download that began with the old file ends with the old file. */
START_TEST(file_replaced_meanwhile)
{
	char from[128], to[128];
	struct reply r, other;
	int fd, size = 4096;

	start();
	fd = tio_connect(port, NULL, 4096);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	request(fd, "GET", "/fw.enc", "");
	WAIT(stats().downloads == 1);
	put_file(root, "new", "new", 3);
	snprintf(from, sizeof(from), "%s/new", root);
	snprintf(to, sizeof(to), "%s/fw.enc", root);
	ck_assert_int_eq(rename(from, to), 0);
	other = ask("GET", "/fw.enc", "");
	ck_assert_str_eq((char *)other.body, "new");
	reply_free(&other);
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	ck_assert(reply_read(fd, false, &r));
	ck_assert_uint_eq(r.len, FW_BYTES);
	ck_assert_int_eq(memcmp(r.body, firmware, FW_BYTES), 0);
	reply_free(&r);
	close(fd);
	WAIT(stats().completed == 2);
}
END_TEST

START_TEST(file_truncated_meanwhile)
{
	char path[128];
	struct reply r;
	int fd;

	start();
	fd = tio_connect(port, NULL, 4096);
	request(fd, "GET", "/fw.enc", "");
	WAIT(stats().downloads == 1);
	snprintf(path, sizeof(path), "%s/fw.enc", root);
	ck_assert_int_eq(truncate(path, 1000), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	/* Short of what was promised: the connection ends, nothing is made
	 * up, and nobody crashes. */
	ck_assert(reply_read(fd, false, &r));
	ck_assert_uint_lt(r.len, FW_BYTES);
	reply_free(&r);
	close(fd);
	WAIT(stats().aborted == 1);
	ck_assert_int_eq(status_of("GET", "/small.enc", ""), 200);
}
END_TEST

/* --- slow clients and caps -------------------------------------------------*/

START_TEST(header_drip)
{
	int64_t begin = loop_mono_ms(), next = begin;
	int fd;

	cfg.request_timeout_ms = 300;
	start();
	fd = client();
	tio_write(fd, "GET /small.enc HTTP/1.1\r\nX: ", 28);
	/* Bytes do not move the deadline. */
	while (stats().timeouts == 0) {
		ck_assert_int_lt(loop_mono_ms() - begin, TIO_PATIENCE_MS);
		if (loop_mono_ms() >= next) {
			(void)!send(fd, "x", 1, MSG_NOSIGNAL);
			next += 20;
		}
		usleep(1000);
	}
	ck_assert_int_ge(loop_mono_ms() - begin, 290);
	ck_assert_int_lt(loop_mono_ms() - begin, 2000);
	WAIT(stats().connections == 0);
	close(fd);
}
END_TEST

START_TEST(silent_connection)
{
	char c;
	int fd;

	cfg.request_timeout_ms = 200;
	start();
	fd = client();
	ck_assert_int_le(recv(fd, &c, 1, 0), 0);
	close(fd);
	WAIT(stats().connections == 0);
	ck_assert_uint_eq(stats().timeouts, 1);
}
END_TEST

START_TEST(kept_alive_too_long)
{
	struct reply r;
	char c;
	int fd;

	cfg.request_timeout_ms = 200;
	start();
	fd = client();
	request(fd, "GET", "/small.enc", "");
	ck_assert(reply_read(fd, false, &r));
	reply_free(&r);
	ck_assert_int_le(recv(fd, &c, 1, 0), 0);
	close(fd);
	WAIT(stats().connections == 0);
}
END_TEST

START_TEST(slow_download)
{
	int64_t begin;
	char buf[512];
	ssize_t n;
	int fd;

	cfg.download_timeout_ms = 500;
	start();
	fd = tio_connect(port, NULL, 4096);
	request(fd, "GET", "/fw.enc", "");
	WAIT(stats().downloads == 1);
	begin = loop_mono_ms();
	/* A little at a time: progress does not move the deadline. */
	while (stats().timeouts == 0) {
		ck_assert_int_lt(loop_mono_ms() - begin, TIO_PATIENCE_MS);
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		ck_assert(n != 0);
		usleep(5000);
	}
	ck_assert_int_ge(loop_mono_ms() - begin, 400);
	WAIT(stats().connections == 0);
	ck_assert_uint_eq(stats().aborted, 1);
	ck_assert_uint_eq(stats().downloads, 0);
	ck_assert_uint_gt(stats().bytes, 0);
	ck_assert_uint_lt(stats().bytes, FW_BYTES);
	pthread_mutex_lock(&note_lock);
	ck_assert_ptr_nonnull(strstr(last_debug, "download timed_out"));
	pthread_mutex_unlock(&note_lock);
	close(fd);
}
END_TEST

START_TEST(client_leaves)
{
	int fd;

	start();
	fd = tio_connect(port, NULL, 4096);
	request(fd, "GET", "/fw.enc", "");
	WAIT(stats().downloads == 1);
	tio_reset(fd);
	WAIT(stats().connections == 0);
	ck_assert_uint_eq(stats().aborted, 1);
	ck_assert_uint_eq(stats().completed, 0);
	pthread_mutex_lock(&note_lock);
	ck_assert_ptr_nonnull(strstr(last_debug, "download aborted"));
	pthread_mutex_unlock(&note_lock);
}
END_TEST

START_TEST(connection_cap)
{
	struct reply r;
	int fd[3];

	cfg.max_connections = 2;
	start();
	fd[0] = client();
	fd[1] = client();
	WAIT(stats().connections == 2);
	fd[2] = client();
	request(fd[2], "GET", "/small.enc", "");
	ck_assert(reply_read(fd[2], false, &r));
	ck_assert_int_eq(r.status, 503);
	ck_assert_ptr_nonnull(header(&r, "Retry-After"));
	ck_assert_str_eq(header(&r, "Connection"), "close");
	reply_free(&r);
	ck_assert(!reply_read(fd[2], false, &r));
	ck_assert_uint_eq(stats().refused_busy, 1);
	/* Those within go on. */
	request(fd[0], "GET", "/small.enc", "");
	ck_assert(reply_read(fd[0], false, &r));
	ck_assert_int_eq(r.status, 200);
	reply_free(&r);
	close(fd[0]);
	close(fd[2]);
	/* As soon as one left there is room, with no wait for the sweep. */
	WAIT(status_of("GET", "/small.enc", "") == 200);
	close(fd[1]);
	WAIT(stats().connections == 0);
}
END_TEST

/* Far over the cap the listener itself rests, and works again after. */
START_TEST(connection_flood)
{
	enum { N = 150 };
	struct reply r;
	int fd[N];

	cfg.max_connections = 4;
	cfg.request_timeout_ms = 20000;
	start();
	for (int i = 0; i < N; i++)
		fd[i] = client();
	WAIT(stats().connections == 4 + 64);
	for (int i = 0; i < 50; i++) {
		ck_assert_uint_le(stats().connections, 4 + 64);
		usleep(1000);
	}
	for (int i = 0; i < N; i++)
		close(fd[i]);
	fd[0] = client();
	for (;;) {
		request(fd[0], "GET", "/small.enc", "");
		if (reply_read(fd[0], false, &r) && r.status == 200)
			break;
		reply_free(&r);
		close(fd[0]);
		fd[0] = client();
	}
	reply_free(&r);
	close(fd[0]);
}
END_TEST

static size_t
head_length(const unsigned char *p, size_t n)
{
	const unsigned char *end = memmem(p, n, "\r\n\r\n", 4);

	ck_assert_ptr_nonnull(end);
	return (size_t)(end - p) + 4;
}

START_TEST(concurrent_downloads)
{
	enum { N = 200 };
	static unsigned char buf[65536];
	static size_t got[N];
	static bool headed[N];
	size_t before, done = 0;
	int64_t begin;
	int fd[N];

	start();
	before = descriptors();
	for (int i = 0; i < N; i++) {
		fd[i] = tio_connect(port, NULL, 8192);
		request(fd[i], "GET", "/fw.enc", "Connection: close\r\n");
	}
	WAIT(stats().downloads == N);
	/* Both ends of each connection, one file, and the answer's thread. */
	ck_assert_uint_le(descriptors(), before + 2 * N + 1);
	begin = loop_mono_ms();
	while (done < N) {
		ck_assert_int_lt(loop_mono_ms() - begin, 60000);
		for (int i = 0; i < N; i++) {
			ssize_t n = fd[i] < 0 ? -1 :
			    recv(fd[i], buf, sizeof(buf), MSG_DONTWAIT);

			if (n > 0) {
				size_t skip = headed[i] ? 0 :
				    head_length(buf, (size_t)n);
				size_t body = (size_t)n - skip;

				headed[i] = true;
				ck_assert_int_eq(memcmp(buf + skip, firmware +
				    got[i], body), 0);
				got[i] += body;
			} else if (n == 0) {
				ck_assert_uint_eq(got[i], FW_BYTES);
				close(fd[i]);
				fd[i] = -1;
				done++;
			}
		}
	}
	WAIT(stats().completed == N);
	ck_assert_uint_eq(stats().bytes, (uint64_t)N * FW_BYTES);
	WAIT(stats().connections == 0 && descriptors() == before + 1);
}
END_TEST

/* --- start and stop --------------------------------------------------------*/

START_TEST(start_errors)
{
	struct errtext err = {0};
	struct fwfile *f = NULL;

	start();
	listen_on.port = port;
	ck_assert_int_lt(fwfile_start(&f, &cfg, &err), 0);
	ck_assert_ptr_null(f);
	ck_assert_ptr_nonnull(strstr(err.text, strerror(EADDRINUSE)));
	listen_on.port = 0;
	cfg.user = "a:b";
	ck_assert_int_lt(fwfile_start(&f, &cfg, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "user"));
	fwfile_stop(NULL);
}
END_TEST

/* A disk that is mounted later is no reason to listen nowhere. */
START_TEST(root_comes_later)
{
	char later[256];

	(void)snprintf(later, sizeof(later), "%s/later", root);
	cfg.root = later;
	start();
	ck_assert_int_eq(warns, 1);
	ck_assert_ptr_nonnull(strstr(last_warn, later));
	ck_assert_int_eq(status_of("GET", "/small.enc", ""), 404);
	ck_assert_int_eq(mkdir(later, 0700), 0);
	put_file(later, "small.enc", SMALL, strlen(SMALL));
	ck_assert_int_eq(status_of("GET", "/small.enc", ""), 200);
	cfg.root = root;
}
END_TEST

START_TEST(stop_is_quick)
{
	int64_t begin;
	size_t before = descriptors();
	int idle, loading;

	start();
	idle = client();
	loading = tio_connect(port, NULL, 4096);
	request(loading, "GET", "/fw.enc", "");
	WAIT(stats().downloads == 1);
	begin = loop_mono_ms();
	fwfile_stop(server);
	server = NULL;
	ck_assert_int_lt(loop_mono_ms() - begin, 1000);
	close(idle);
	close(loading);
	ck_assert_uint_eq(descriptors(), before);
}
END_TEST

/* In a child: no descriptor is left. It neither spins nor dies. */
static int
starve(void)
{
	struct rlimit rl = {64, 64};
	struct rusage ru;
	int fd[64], n = 0, waiting;
	size_t before;

	if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
		return 1;
	start();
	before = descriptors();
	waiting = tio_connect(port, NULL, 0);
	WAIT(stats().connections == 1);
	close(waiting);
	WAIT(stats().connections == 0 && descriptors() == before);
	waiting = socket(AF_INET, SOCK_STREAM, 0);
	while (n < 64 && (fd[n] = dup(0)) >= 0)
		n++;
	{
		struct sockaddr_in sin = {.sin_family = AF_INET};

		sin.sin_port = htons(port);
		sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (connect(waiting, (struct sockaddr *)&sin, sizeof(sin)) < 0)
			return 2;
	}
	WAIT(warns > 0);
	getrusage(RUSAGE_SELF, &ru);
	int64_t cpu = ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec +
	    ru.ru_stime.tv_sec * 1000000 + ru.ru_stime.tv_usec;
	usleep(500000);
	getrusage(RUSAGE_SELF, &ru);
	cpu = ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec +
	    ru.ru_stime.tv_sec * 1000000 + ru.ru_stime.tv_usec - cpu;
	if (cpu > 200000)
		return 3;
	if (stats().connections != 0)
		return 4;
	while (n > 0)
		close(fd[--n]);
	WAIT(stats().connections == 1);
	return 0;
}

START_TEST(no_descriptors)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(starve());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

static void
add(Suite *s, const char *name, const TTest *const *tests, size_t count)
{
	TCase *tc = tcase_create(name);

	/* For CK_EXCLUDE_TAGS: a tool may have to leave a case out. */
	tcase_set_tags(tc, name);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 90);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
}

#define ADD(s, name, ...) do { \
	const TTest *const tests_[] = {__VA_ARGS__}; \
	add(s, name, tests_, ARRAY_LEN(tests_)); \
} while (0)

int
main(void)
{
	Suite *s = suite_create("fwfile");
	SRunner *sr;
	int failed;

	ADD(s, "files", whole_file, head, names, http_1_0,
	    keep_alive_and_pipeline, split_request, half_closed_client);
	ADD(s, "ranges", ranges, if_range);
	ADD(s, "refusals", tricks, beneath, digests, methods, no_smuggling,
	    large_headers, garbage);
	ADD(s, "auth", auth);
	ADD(s, "changes", file_replaced, file_replaced_meanwhile,
	    file_truncated_meanwhile);
	ADD(s, "slow", header_drip, silent_connection, kept_alive_too_long,
	    slow_download, client_leaves, connection_cap, connection_flood,
	    concurrent_downloads);
	ADD(s, "life", start_errors, root_comes_later, stop_is_quick);
	ADD(s, "resources", no_descriptors);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
