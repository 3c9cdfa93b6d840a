/*
 * helper: what a shell cannot do well, for the tests and for quickstart demo.
 *
 *   helper get PATH...  values of the JSON on standard input, one a line:
 *                       "targets.total", "0.id", "waves.#" (the length),
 *                       "limits.@" (the names); text
 *                       without quotes, an empty line for what is not there
 *   helper port-of PID PORT   true when that is a socket of that process
 *   helper ports N      N TCP ports of 127.0.0.1 that are free now
 *   helper package N    N bytes that look like nothing in particular
 *   helper fault FILE SLOT N    sets a number of shim.c; without N: prints it
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Below the range from which the kernel takes the ports of clients, so that
 * no connection of the fleet sits on a port between our look and its use. */
#define PORT_LOW 12000
#define PORT_COUNT 19000

static uint64_t state;

static uint64_t
next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static long
number(const char *s, long max)
{
	char *end;
	errno = 0;
	long v = strtol(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || v < 1 || v > max) {
		(void)fprintf(stderr, "helper: not a number 1..%ld: %s\n", max,
		    s);
		exit(2);
	}
	return v;
}

static void
print_value(const json_t *v)
{
	if (json_is_string(v))
		(void)fputs(json_string_value(v), stdout);
	else if (v != NULL)
		(void)json_dumpf(v, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
	(void)putchar('\n');
}

static void
print_names(const json_t *v)
{
	/* jansson walks an object that it could change, and does not here. */
	void *it = json_object_iter((json_t *)(uintptr_t)v);

	for (; it != NULL;
	    it = json_object_iter_next((json_t *)(uintptr_t)v, it))
		(void)puts(json_object_iter_key(it));
}

/* Takes path apart. False: it is not there. */
static bool
get(const json_t *v, char *path)
{
	char *rest = path, *key;
	while (v != NULL && (key = strsep(&rest, ".")) != NULL) {
		if (strcmp(key, "#") == 0) {
			(void)printf("%zu\n",
			    json_is_array(v) ? json_array_size(v) :
			                       json_object_size(v));
			return true;
		}
		if (strcmp(key, "@") == 0) {
			print_names(v);
			return true;
		}
		v = json_is_array(v) ?
		    json_array_get(v, strtoul(key, NULL, 10)) :
		    json_object_get(v, key);
	}
	print_value(v);
	return v != NULL;
}

static int
get_all(char **path)
{
	json_error_t err;
	json_t *root = json_loadf(stdin, JSON_DECODE_ANY, &err);
	if (root == NULL) {
		(void)fprintf(stderr, "helper: line %d: %s\n", err.line,
		    err.text);
		return 1;
	}
	int rc = 0;
	for (; *path != NULL; path++)
		if (!get(root, *path))
			rc = 1;
	json_decref(root);
	return rc;
}

static int
ports(long want)
{
	int fds[64];
	long have = 0;
	for (int tries = 0; have < want && tries < 2000; tries++) {
		struct sockaddr_in a = {.sin_family = AF_INET};
		uint16_t port =
		    (uint16_t)(PORT_LOW + next_random() % PORT_COUNT);
		a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		a.sin_port = htons(port);
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			break;
		if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
			(void)close(fd);
			continue;
		}
		(void)printf("%u\n", (unsigned)port);
		fds[have++] = fd; /* held until all are found */
	}
	for (long i = 0; i < have; i++)
		(void)close(fds[i]);
	return have == want ? 0 : 1;
}

static int
package(long size)
{
	for (long i = 0; i < size; i++)
		(void)putchar((int)(next_random() >> 24 & 0xff));
	return fflush(stdout) == 0 ? 0 : 1;
}

/* FILE is as the shim maps it: 64-bit numbers. */
static int
fault(const char *path, off_t slot, const char *value)
{
	int64_t v = value == NULL ? 0 : strtoll(value, NULL, 10);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	off_t at = slot * (off_t)sizeof(v);
	ssize_t n = -1;

	if (fd >= 0 && lseek(fd, 0, SEEK_END) < 4096)
		(void)!ftruncate(fd, 4096);
	if (fd >= 0)
		n = value == NULL ? pread(fd, &v, sizeof(v), at) :
				    pwrite(fd, &v, sizeof(v), at);
	if (n != sizeof(v)) {
		perror(path);
		return 1;
	}
	(void)close(fd);
	if (value == NULL)
		(void)printf("%lld\n", (long long)v);
	return 0;
}

/* Whether PORT of 127.0.0.1 is the local end of a TCP socket of process PID. */
static int
port_of(const char *pid, const char *port)
{
	char want[32], line[512], path[64], link[64];
	unsigned long inode = 0;
	FILE *f = fopen("/proc/net/tcp", "re");
	ssize_t n;

	if (f == NULL)
		return 1;
	(void)snprintf(want, sizeof(want), " 0100007F:%04lX ",
	    strtoul(port, NULL, 10));
	for (int fd = 0; fd < 1024; fd++) {
		(void)snprintf(path, sizeof(path), "/proc/%s/fd/%d", pid, fd);
		if ((n = readlink(path, link, sizeof(link) - 1)) <= 0)
			continue;
		link[n] = '\0';
		if (sscanf(link, "socket:[%lu]", &inode) != 1)
			continue;
		rewind(f);
		while (fgets(line, sizeof(line), f) != NULL) {
			unsigned long have = 0;
			char *at = strstr(line, want);

			/* The local address stands first. */
			if (at == NULL || at - line > 8 ||
			    sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %*s "
				"%lu", &have) != 1)
				continue;
			if (have == inode) {
				(void)fclose(f);
				return 0;
			}
		}
	}
	(void)fclose(f);
	return 1;
}

int
main(int argc, char **argv)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	state = (uint64_t)now.tv_nsec * 2654435761U;
	state ^= (uint64_t)now.tv_sec ^ ((uint64_t)getpid() << 32);
	state |= 1;
	if (argc >= 3 && strcmp(argv[1], "get") == 0)
		return get_all(argv + 2);
	if (argc == 3 && strcmp(argv[1], "ports") == 0)
		return ports(number(argv[2], 64));
	if (argc == 4 && strcmp(argv[1], "port-of") == 0)
		return port_of(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "package") == 0)
		return package(number(argv[2], 1L << 30));
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "fault") == 0)
		return fault(argv[2], strtol(argv[3], NULL, 10),
		    argc == 5 ? argv[4] : NULL);
	(void)fprintf(stderr, "usage: helper get PATH... | ports N | port-of PID PORT | "
	    "package N | fault FILE SLOT [N]\n");
	return 2;
}
