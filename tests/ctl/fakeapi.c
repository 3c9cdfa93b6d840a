/*
 * fakeapi: a daemon for trackupctl to talk to: the real API over a made-up
 * core (tests/io/fake_world.c).
 *
 *	fakeapi SOCKET [VIEWS]  serves until SIGTERM; one log line a request.
 *	                        VIEWS: looks after which campaigns change.
 *	fakeapi SOCKET junk     answers everything with something else.
 *	fakeapi json            what the JSON on stdin is: "array 5".
 */
#include "config.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "fake_world.h"
#include "io/loop.h"

static int
describe_json(void)
{
	json_error_t e;
	json_t *j = json_loadf(stdin, JSON_REJECT_DUPLICATES, &e);

	if (j == NULL) {
		(void)fprintf(stderr, "%d:%d: %s\n", e.line, e.column, e.text);
		return 1;
	}
	if (json_is_array(j))
		(void)printf("array %zu\n", json_array_size(j));
	else
		(void)printf("object %zu\n", json_object_size(j));
	json_decref(j);
	return 0;
}

static int
serve_junk(const char *path)
{
	static const char answer[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char buf[4096];
	int s = socket(AF_UNIX, SOCK_STREAM, 0), fd;

	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	if (bind(s, (const struct sockaddr *)&sa, sizeof sa) < 0 ||
	    listen(s, 5) < 0) {
		perror(path);
		return 1;
	}
	(void)puts("ready");
	(void)fflush(stdout);
	while ((fd = accept(s, NULL, NULL)) >= 0) {
		if (read(fd, buf, sizeof buf) > 0 &&
		    write(fd, answer, sizeof answer - 1) < 0)
			perror("write");
		(void)close(fd);
	}
	return 1;
}

static void
note(void *arg, enum note_level level, const char *line)
{
	const struct fake_world *w = arg;

	(void)level;
	(void)printf("%s reason=\"%s\"\n", line, w->last_reason);
	(void)fflush(stdout);
}

static void
on_term(void *arg)
{
	loop_stop(arg);
}

static int
serve(const char *path, const char *views)
{
	struct api_config cfg = {.socket = path, .group = ""};
	struct loop *l = loop_new();
	struct loop_watch *term;
	struct fake_world w;
	struct api_ops ops;
	struct errtext err;

	if (l == NULL || (term = loop_signal(l, SIGTERM, on_term, l)) == NULL)
		return 1;
	fake_world_init(&w, l);
	if (views != NULL)
		w.core.views_left = (int)strtol(views, NULL, 10);
	w.feed_events = 5;
	w.feed_audits = 1;
	ops = fake_world_ops(&w);
	ops.note = note;
	if (api_new(&w.api, l, &cfg, &ops, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	(void)puts("ready");
	(void)fflush(stdout);
	(void)loop_run(l);
	api_free(w.api);
	fake_world_done(&w);
	loop_watch_free(term);
	loop_free(l);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "json") == 0)
		return describe_json();
	if (argc == 3 && strcmp(argv[2], "junk") == 0)
		return serve_junk(argv[1]);
	if (argc == 2 || argc == 3)
		return serve(argv[1], argv[2]);
	(void)fprintf(stderr, "usage: fakeapi SOCKET [VIEWS | junk]\n");
	return 2;
}
