#include "config.h"
#include "stage.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/span.h"

#define WORDS_MAX 40
#define FRAME_TIMEOUT_MS 8000
#define BODY 5000 /* bytes of the package */

static int64_t
now_ms(void)
{
	struct timespec ts;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
listen_on(uint16_t *port)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(a);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 1024), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

struct stage *
stage_new(void)
{
	struct stage *s = calloc(1, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	for (size_t i = 0; i < STAGE_CLIENTS_MAX; i++)
		s->clients[i].fd = -1;
	s->http_fd = listen_on(&s->http_port);
	s->tracker_fd = listen_on(&s->tracker_port);
	(void)snprintf(s->folder, sizeof(s->folder), "check_tracksim.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->folder));
	(void)signal(SIGPIPE, SIG_IGN);
	return s;
}

static void
path_of(const struct stage *s, const char *name, char buf[128])
{
	(void)snprintf(buf, 128, "%s/%s", s->folder, name);
}

static void
client_close(struct stage_client *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
}

void
stage_free(struct stage *s)
{
	static const char *const names[] = {"truth", "out"};
	char path[128];

	if (s->pid > 0)
		(void)stage_end(s, SIGKILL);
	for (size_t i = 0; i < STAGE_CLIENTS_MAX; i++)
		client_close(&s->clients[i]);
	(void)close(s->http_fd);
	if (s->tracker_fd >= 0)
		(void)close(s->tracker_fd);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		path_of(s, names[i], path);
		(void)unlink(path);
	}
	ck_assert_int_eq(rmdir(s->folder), 0);
	free(s->out);
	free(s);
}

/* --- the program ---------------------------------------------------------- */

static void
spawn(struct stage *s, const char *const *words)
{
	const char *top = getenv("top_builddir");
	static char program[4096], truth[128], text[WORDS_MAX][256];
	char *argv[WORDS_MAX + 1] = {program};
	char out[128];
	int fd;

	(void)snprintf(program, sizeof(program), "%s/tracksim",
	    top != NULL ? top : ".");
	path_of(s, "truth", truth);
	path_of(s, "out", out);
	for (size_t i = 0; words[i] != NULL; i++) {
		const char *word =
		    strcmp(words[i], "TRUTH") == 0 ? truth : words[i];

		ck_assert(i + 1 < WORDS_MAX);
		ck_assert(span_copy(text[i], sizeof(text[i]), span_str(word)));
		argv[i + 1] = text[i];
	}
	fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	s->pid = fork();
	ck_assert_int_ge(s->pid, 0);
	if (s->pid == 0) {
		if (dup2(fd, STDOUT_FILENO) >= 0 &&
		    dup2(fd, STDERR_FILENO) >= 0)
			(void)execv(program, argv);
		_exit(127);
	}
	(void)close(fd);
}

static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t len = 0, n;

	ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
	do {
		text = realloc(text, len + 4097);
		ck_assert_ptr_nonnull(text);
		n = fread(text + len, 1, 4096, f);
		len += n;
	} while (n > 0);
	text[len] = '\0';
	(void)fclose(f);
	return text;
}

char *
stage_truth(const struct stage *s)
{
	char path[128];

	path_of(s, "truth", path);
	return read_file(path);
}

void
stage_play(struct stage *s, const char *const *words)
{
	const char *all[WORDS_MAX] = {"--connect"};
	char to[32];
	size_t n = 2;

	(void)snprintf(to, sizeof(to), "127.0.0.1:%u",
	    (unsigned)s->tracker_port);
	all[1] = to;
	for (size_t i = 0; words[i] != NULL; i++) {
		ck_assert(n + 1 < WORDS_MAX);
		all[n++] = words[i];
	}
	spawn(s, all);
}

static bool
has_ended(struct stage *s, const void *arg)
{
	int *status = *(int *const *)arg;

	return waitpid(s->pid, status, WNOHANG) == s->pid;
}

static int
wait_end(struct stage *s)
{
	int status = 0, *to = &status;
	char path[128];

	stage_until(s, has_ended, &to, FRAME_TIMEOUT_MS);
	s->pid = 0;
	path_of(s, "out", path);
	free(s->out);
	s->out = read_file(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int
stage_end(struct stage *s, int signal_number)
{
	/* One that has ended already is still there to be waited for. */
	ck_assert_int_eq(kill(s->pid, signal_number), 0);
	return wait_end(s);
}

int
stage_run(struct stage *s, const char *const *words)
{
	spawn(s, words);
	return wait_end(s);
}

/* --- the file server ------------------------------------------------------ */

static void
say_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t put = send(fd, text, n, MSG_NOSIGNAL);

		if (put <= 0)
			return; /* the other end had enough */
		text += put;
		n -= (size_t)put;
	}
}

/* What each path answers; the body is BODY bytes cut to `sent`. */
static const struct {
	const char *path;
	const char *head;
	size_t sent;
} pages[] = {
	{"/good.enc", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n", BODY},
	{"/lower.enc", "HTTP/1.0 200 OK\r\ncontent-length:5000\r\n", BODY},
	{"/cut.enc", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n", BODY - 1},
	{"/more.enc", "HTTP/1.1 200 OK\r\nContent-Length: 4999\r\n", BODY},
	{"/empty.enc", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", 0},
	{"/nolength.enc", "HTTP/1.1 200 OK\r\n", BODY},
	{"/chunked.enc", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
		BODY},
	{"/moved.enc", "HTTP/1.1 302 Found\r\nLocation: /good.enc\r\n"
	    "Content-Length: 5000\r\n", BODY},
	{"/mad.enc", "HELLO\r\n", BODY},
};

static void
serve(struct stage *s, struct stage_client *c)
{
	static const char missing[] = "HTTP/1.1 404 Not Found\r\n"
	    "Content-Length: 0\r\n\r\n";
	static char body[BODY];
	char path[64] = "";

	c->in[c->len] = '\0';
	if (strstr(c->in, "\r\n\r\n") == NULL)
		return;
	(void)span_copy(s->request, sizeof(s->request), span_str(c->in));
	s->requests++;
	ck_assert_int_eq(sscanf(c->in, "GET %63s HTTP/1.1", path), 1);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (strcmp(path, pages[i].path) != 0)
			continue;
		say_all(c->fd, pages[i].head, strlen(pages[i].head));
		say_all(c->fd, "\r\n", 2);
		say_all(c->fd, body, pages[i].sent);
		client_close(c);
		return;
	}
	say_all(c->fd, missing, sizeof(missing) - 1);
	client_close(c);
}

/* --- the server of trackers ----------------------------------------------- */

static void
field(const char *frame, unsigned index, bool from_end, char *buf, size_t size)
{
	struct span rest = span_of(frame, strlen(frame) - 1), f = {0};

	for (unsigned i = 0; i <= index; i++)
		ck_assert_msg(from_end ? span_field_last(&rest, ',', &f)
		                       : span_field(&rest, ',', &f),
		    "too few fields: %s", frame);
	(void)span_copy(buf, size, f);
}

static void
take_frame(struct stage *s, struct stage_client *c, const char *p, size_t n)
{
	struct stage_frame *f = &s->frames[s->frame_count];
	char count[8], sack[64];
	bool heartbeat;

	ck_assert_uint_lt(s->frame_count, STAGE_FRAMES_MAX);
	ck_assert_uint_lt(n, sizeof(f->text));
	memcpy(f->text, p, n);
	f->text[n] = '\0';
	f->link = c->link;
	field(f->text, 2, false, f->id, sizeof(f->id));
	memcpy(c->id, f->id, sizeof(c->id));
	field(f->text, 0, true, count, sizeof(count));
	s->frame_count++;
	heartbeat = strstr(f->text, ":GTHBD,") != NULL;
	if (!heartbeat && (s->mute || strncmp(f->text, "+ACK", 4) == 0))
		return;
	(void)snprintf(sack, sizeof(sack), "+SACK:%s%s$",
	    heartbeat ? "GTHBD,C20100," : "", count);
	say_all(c->fd, sack, strlen(sack));
}

static void
take_frames(struct stage *s, struct stage_client *c)
{
	size_t at = 0;

	while (at < c->len) {
		char *end;

		if (c->in[at] != '+') {
			at++;
			s->junk++;
			continue;
		}
		end = memchr(c->in + at, '$', c->len - at);
		if (end == NULL)
			break;
		take_frame(s, c, c->in + at, (size_t)(end - c->in) + 1 - at);
		at = (size_t)(end - c->in) + 1;
	}
	memmove(c->in, c->in + at, c->len - at);
	c->len -= at;
}

static void
accept_from(struct stage *s, int fd, bool http)
{
	int got = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	size_t i = 0;

	if (got < 0)
		return;
	while (i < STAGE_CLIENTS_MAX && s->clients[i].fd >= 0)
		i++;
	ck_assert_uint_lt(i, STAGE_CLIENTS_MAX);
	s->clients[i] = (struct stage_client){
		.fd = got,
		.http = http,
		.link = http ? 0 : ++s->links,
	};
}

static void
read_from(struct stage *s, struct stage_client *c)
{
	ssize_t n = recv(c->fd, c->in + c->len, sizeof(c->in) - 1 - c->len,
	    MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		s->closed += !c->http;
		client_close(c);
		return;
	}
	c->len += (size_t)n;
	if (c->http)
		serve(s, c);
	else
		take_frames(s, c);
}

/* One turn of the sockets, at most 20 ms. */
static void
turn(struct stage *s)
{
	static struct pollfd p[STAGE_CLIENTS_MAX + 2];
	static struct stage_client *of[STAGE_CLIENTS_MAX + 2];
	nfds_t n = 0;

	p[n++] = (struct pollfd){.fd = s->http_fd, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = s->tracker_fd, .events = POLLIN};
	for (size_t i = 0; i < STAGE_CLIENTS_MAX; i++) {
		if (s->clients[i].fd < 0)
			continue;
		of[n] = &s->clients[i];
		p[n++] = (struct pollfd){.fd = s->clients[i].fd,
			.events = POLLIN};
	}
	if (poll(p, n, 20) <= 0)
		return;
	for (nfds_t i = 2; i < n; i++)
		if (p[i].revents != 0)
			read_from(s, of[i]);
	if (p[0].revents != 0)
		accept_from(s, s->http_fd, true);
	if (p[1].revents != 0)
		accept_from(s, s->tracker_fd, false);
}

void
stage_until(struct stage *s, stage_condition *holds, const void *arg,
    int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (!holds(s, arg)) {
		ck_assert_msg(now_ms() < end, "waited in vain; %zu frames, "
		    "the last: %s", s->frame_count, s->frame_count > 0
		    ? s->frames[s->frame_count - 1].text : "none");
		turn(s);
	}
}

struct wanted {
	const char *id;
	const char *text;
	const struct stage_frame *found;
};

static const struct stage_frame *
find_frame(const struct stage *s, const char *id, const char *text)
{
	for (size_t i = 0; i < s->frame_count; i++)
		if ((id == NULL || strcmp(s->frames[i].id, id) == 0) &&
		    strstr(s->frames[i].text, text) != NULL)
			return &s->frames[i];
	return NULL;
}

static bool
frame_is_there(struct stage *s, const void *arg)
{
	const struct wanted *w = arg;

	return find_frame(s, w->id, w->text) != NULL;
}

const struct stage_frame *
stage_frame(struct stage *s, const char *id, const char *text)
{
	struct wanted w = {.id = id, .text = text};

	stage_until(s, frame_is_there, &w, FRAME_TIMEOUT_MS);
	return find_frame(s, id, text);
}

size_t
stage_count(const struct stage *s, const char *id, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < s->frame_count; i++)
		n += (id == NULL || strcmp(s->frames[i].id, id) == 0) &&
		    strstr(s->frames[i].text, text) != NULL;
	return n;
}

void
stage_say(struct stage *s, const char *id, const char *text)
{
	struct stage_client *newest = NULL;

	for (size_t i = 0; i < STAGE_CLIENTS_MAX; i++) {
		struct stage_client *c = &s->clients[i];

		if (c->fd >= 0 && !c->http && strcmp(c->id, id) == 0 &&
		    (newest == NULL || c->link > newest->link))
			newest = c;
	}
	ck_assert_msg(newest != NULL, "%s is not connected", id);
	say_all(newest->fd, text, strlen(text));
}

void
stage_shut(struct stage *s)
{
	(void)close(s->tracker_fd);
	s->tracker_fd = -1;
	for (size_t i = 0; i < STAGE_CLIENTS_MAX; i++)
		if (!s->clients[i].http)
			client_close(&s->clients[i]);
}

void
stage_open(struct stage *s)
{
	s->tracker_fd = listen_on(&s->tracker_port);
}

static bool
is_copy(const struct stage *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(s->frames[k].text + 5, s->frames[i].text + 5) == 0)
			return true;
	return false;
}

const char *
stage_codes(const struct stage *s, const char *id)
{
	static char text[1024];
	char code[8], times[8];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < s->frame_count; i++) {
		const struct stage_frame *f = &s->frames[i];

		if (strcmp(f->id, id) != 0 || is_copy(s, i) ||
		    strncmp(f->text + 5, ":GTUPD,", 7) != 0)
			continue;
		field(f->text, 3, true, code, sizeof(code));
		field(f->text, 2, true, times, sizeof(times));
		ck_assert_uint_lt(at + 16, sizeof(text));
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "%s%s%s%s", at > 0 ? " " : "", code,
		    times[0] != '\0' ? "/" : "", times);
	}
	return text;
}
