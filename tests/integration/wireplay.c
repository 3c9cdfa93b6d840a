/*
 * wireplay: frames of the field, said to a daemon at every split point.
 *
 *   wireplay PORT FILE ascii|hex
 *
 * FILE has a frame a line, binary ones as digits. Each is sent in two pieces,
 * cut at each of its bytes in turn, with a heartbeat of text behind it. The
 * heartbeat must be answered; before that the frame must be acknowledged once,
 * with its own count, when it is sound, and not at all when it is not. What is
 * sound is judged here, by the description of the wire.
 *
 * The last line is "N frames, N sound, N pieces"; what went wrong comes before
 * it, and then the exit status is 1.
 */
#include "config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BEAT "+ACK:GTHBD,C20100,135790246811220,,20150201020000,11F0$"
#define BEAT_REPLY "+SACK:GTHBD,C20100,11F0$"
#define TURNS 10            /* a connection, before bad frames close it */
#define WRONG_MAX 20

struct frame {
	char p[4096];
	size_t n;
	bool sound, beat;
	char count[5];
};

static long wrong;
static in_port_t port;

static void
fail(const struct frame *f, size_t cut, const char *got)
{
	if (wrong++ >= WRONG_MAX)
		return;
	(void)printf("failed: cut at %zu of %zu: answered \"%s\": ", cut, f->n,
	    got);
	for (size_t i = 0; i < f->n && i < 60; i++)
		(void)printf(isprint((unsigned char)f->p[i]) ? "%c" : "\\x%02x",
		    (unsigned char)f->p[i]);
	(void)printf("\n");
}

static _Noreturn void
die(const char *what)
{
	(void)fprintf(stderr, "wireplay: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* --- what is sound ---------------------------------------------------------*/

static unsigned
crc(const char *p, size_t n, unsigned v, unsigned poly, unsigned top)
{
	for (size_t i = 0; i < n; i++) {
		v ^= (unsigned)(unsigned char)p[i] * (top >> 7);
		for (int bit = 0; bit < 8; bit++)
			v = (v & top) != 0 ? v << 1 ^ poly : v << 1;
		v &= top * 2 - 1;
	}
	return v;
}

static unsigned
byte_at(const struct frame *f, size_t i)
{
	return (unsigned char)f->p[i];
}

static void
judge_text(struct frame *f)
{
	const char *comma = NULL, *time = NULL;

	for (size_t i = 0; i < f->n; i++)
		if (f->p[i] == ',') {
			time = comma;
			comma = f->p + i;
		}
	if (comma == NULL || time == NULL || f->p + f->n - comma != 6)
		return;
	f->sound = strspn(comma + 1, "0123456789ABCDEFabcdef") == 4 &&
	    (time + 1 == comma ||
		(comma - time == 15 && strspn(time + 1, "0123456789") == 14));
	f->beat = strstr(f->p, ":GTHBD,") != NULL;
	memcpy(f->count, comma + 1, 4);
}

static void
judge_binary(struct frame *f)
{
	size_t count_at;

	if (f->p[1] == '\0' || f->p[1] == 0x10) {
		f->sound = crc(f->p, f->n - 2, 0xff, 0x31, 0x80) ==
		    byte_at(f, f->n - 2);
		f->beat = f->p[1] == 0x10;
		count_at = f->n - 4;
	} else {
		f->sound = crc(f->p + 4, f->n - 8, 0xffff, 0x1021, 0x8000) ==
		    (byte_at(f, f->n - 4) << 8 | byte_at(f, f->n - 3));
		f->beat = strncmp(f->p, "+HBD", 4) == 0 ||
		    strncmp(f->p, "+BBD", 4) == 0;
		count_at = f->n - 6;
	}
	(void)snprintf(f->count, sizeof(f->count), "%02X%02X",
	    byte_at(f, count_at), byte_at(f, count_at + 1));
}

static bool
frame_read(FILE *file, bool hex, struct frame *f)
{
	static char text[16384];
	size_t n;

	if (fgets(text, sizeof(text), file) == NULL)
		return false;
	n = strcspn(text, "\r\n");
	*f = (struct frame){0};
	if (!hex) {
		if (n >= sizeof(f->p))
			die("a line is too long");
		memcpy(f->p, text, n);
		f->n = n;
		judge_text(f);
		return true;
	}
	for (size_t i = 0; i + 1 < n && f->n < sizeof(f->p); i += 2) {
		char two[3] = {text[i], text[i + 1], '\0'};

		f->p[f->n++] = (char)strtoul(two, NULL, 16);
	}
	if (f->n < 12)
		die("a line is too short");
	judge_binary(f);
	return true;
}

/* --- the wire --------------------------------------------------------------*/

static void
say(int fd, const char *p, size_t n)
{
	if (n > 0 && send(fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
		die("send");
}

/* All until the heartbeat's reply; false: it did not come. */
static bool
answers(int fd, char *buf, size_t size)
{
	size_t n = 0, tail = strlen(BEAT_REPLY);

	while (n < tail || strcmp(buf + n - tail, BEAT_REPLY) != 0) {
		ssize_t got = n + 1 < size ? recv(fd, buf + n, size - 1 - n, 0)
		                           : -1;

		if (got <= 0)
			return false;
		n += (size_t)got;
		buf[n] = '\0';
	}
	buf[n - tail] = '\0';
	return true;
}

static int
dial(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval tv = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	char buf[256] = "";

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	/* Frames without an id belong to the one that was named last. */
	say(fd, BEAT, strlen(BEAT));
	if (!answers(fd, buf, sizeof(buf)))
		die("no answer at all");
	return fd;
}

static bool
as_due(const struct frame *f, const char *got)
{
	char want[64];
	size_t n = strlen(got);

	if (!f->sound)
		return n == 0;
	if (!f->beat) {
		(void)snprintf(want, sizeof(want), "+SACK:%s$", f->count);
		return strcmp(got, want) == 0;
	}
	(void)snprintf(want, sizeof(want), ",%s$", f->count);
	return strncmp(got, "+SACK:GTHBD,", 12) == 0 && n > strlen(want) &&
	    strcmp(got + n - strlen(want), want) == 0 &&
	    strchr(got, '$') == got + n - 1;
}

/* How many pieces it was. */
static long
play(const struct frame *f)
{
	int fd = -1;
	long pieces = 0;

	for (size_t cut = 0; cut <= f->n; cut++) {
		char got[512] = "";

		if (fd < 0)
			fd = dial();
		say(fd, f->p, cut);
		say(fd, f->p + cut, f->n - cut);
		say(fd, BEAT, strlen(BEAT));
		pieces += 2;
		if (!answers(fd, got, sizeof(got)) || !as_due(f, got)) {
			fail(f, cut, got);
			(void)close(fd);
			return pieces;
		}
		if ((cut + 1) % TURNS == 0) {
			(void)close(fd);
			fd = -1;
		}
	}
	if (fd >= 0)
		(void)close(fd);
	return pieces;
}

int
main(int argc, char **argv)
{
	static struct frame f;
	long frames = 0, sound = 0, pieces = 0;
	FILE *file;
	bool hex;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: wireplay PORT FILE ascii|hex\n");
		return 2;
	}
	port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	hex = strcmp(argv[3], "hex") == 0;
	if ((file = fopen(argv[2], "r")) == NULL)
		die(argv[2]);
	while (frame_read(file, hex, &f)) {
		frames++;
		sound += f.sound;
		pieces += play(&f);
	}
	(void)fclose(file);
	(void)printf("%ld frames, %ld sound, %ld pieces\n", frames, sound,
	    pieces);
	return wrong > 0;
}
