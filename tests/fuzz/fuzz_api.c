/*
 * fuzz_api: bytes of a client on the control socket.
 *
 * One API over a made-up core lives through the whole run; each input is one
 * connection. Whatever was sent: the connection comes to its end, each answer
 * begins like one, what is not HTTP 200 changes nothing, and the next client
 * is served.
 */
#include "config.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_world.h"
#include "fuzz.h"
#include "io/loop.h"

#define TURNS_MAX 100000

static struct loop *loop;
static struct fake_world world;
static char dir[] = "/tmp/trackup-fuzz-XXXXXX";
static struct sockaddr_un sa = {.sun_family = AF_UNIX};
static char answer[1 << 20];

static void
end(void)
{
	api_free(world.api);
	fake_world_done(&world);
	loop_free(loop);
	(void)rmdir(dir);
}

static void
begin(void)
{
	struct api_config cfg = {.socket = sa.sun_path, .group = ""};
	struct api_ops ops;
	struct errtext err;

	MUST((loop = loop_new()) != NULL);
	MUST(mkdtemp(dir) != NULL);
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s", dir);
	fake_world_init(&world, loop);
	ops = fake_world_ops(&world);
	MUST(api_new(&world.api, loop, &cfg, &ops, &err) == 0);
	(void)atexit(end);
}

static void
turn(void)
{
	(void)event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
}

/* Sends all, then reads until the other side closes. Bytes that came. */
static size_t
converse(const char *p, size_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	size_t got = 0;
	ssize_t k = 1;

	MUST(fd >= 0);
	MUST(connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0);
	for (int turns = 0; n > 0; turns++) {
		MUST(turns < TURNS_MAX);
		k = send(fd, p, n, MSG_NOSIGNAL);
		if (k < 0 && errno != EAGAIN)
			break;
		p += k > 0 ? k : 0;
		n -= k > 0 ? (size_t)k : 0;
		turn();
	}
	(void)shutdown(fd, SHUT_WR);
	for (int turns = 0; k != 0; turns++) {
		MUST(turns < TURNS_MAX);
		turn();
		k = recv(fd, answer + got, sizeof(answer) - 1 - got, 0);
		if (k < 0 && errno != EAGAIN)
			break;
		got += k > 0 ? (size_t)k : 0;
		MUST(got < sizeof(answer) - 1);
	}
	(void)close(fd);
	answer[got] = '\0';
	return got;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char probe[] =
	    "GET /api/v1/devices/A000002B000000 HTTP/1.0\r\n\r\n";
	unsigned before;

	if (loop == NULL)
		begin();
	before = world.operated + world.reloaded;
	if (converse((const char *)data, size) > 0)
		MUST(strncmp(answer, "HTTP/", 5) == 0);
	if (strstr(answer, " 200 OK\r\n") == NULL &&
	    strstr(answer, " 409 Conflict\r\n") == NULL)
		MUST(world.operated + world.reloaded == before);
	MUST(converse(probe, sizeof(probe) - 1) > 0);
	MUST(strstr(answer, " 200 OK\r\n") != NULL);
	MUST(strstr(answer, "A000002B000000") != NULL);
	return 0;
}
