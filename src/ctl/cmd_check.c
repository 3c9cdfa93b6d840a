#include "config.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/sbuf.h"

#define UPLOAD_MAX (64 * 1024 * 1024)
#define WARNING "warning: "
#define ROUNDS_MAX 4 /* a daemon that never has enough is not to be trusted */

/* Adds the text of path to files as name. 0, or the exit code. */
static int
add_file(json_t *files, const char *name, const char *path, size_t *left)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = CTL_FAILED;
	struct sbuf b;
	struct stat st;
	char part[65536];
	ssize_t n = -1;

	sbuf_init(&b, *left);
	if (fd < 0 || fstat(fd, &st) < 0) {
		say("%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		say("%s: not a regular file", path);
	} else {
		while ((n = read(fd, part, sizeof part)) > 0)
			sbuf_add(&b, part, (size_t)n);
		if (n < 0)
			say("%s: %s", path, strerror(errno));
		else if (b.failed)
			say("%s: more than 64 MiB in all", path);
		else if (json_object_set_new(files, name,
		    json_stringn(sbuf_str(&b), b.len)) < 0)
			say("%s: not UTF-8 text", path);
		else
			r = 0;
	}
	*left -= b.failed ? 0 : b.len;
	sbuf_done(&b);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* A list is named relative to the directory of the campaign file. */
static int
add_list(json_t *files, const char *file, const char *list, size_t *left)
{
	const char *slash = strrchr(file, '/');
	char path[4096];
	int n;

	if (list[0] == '/' || slash == NULL)
		n = snprintf(path, sizeof path, "%s", list);
	else
		n = snprintf(path, sizeof path, "%.*s/%s",
		    (int)(slash - file), file, list);
	if (n < 0 || (size_t)n >= sizeof path) {
		say("%s: path too long", list);
		return CTL_FAILED;
	}
	return add_file(files, list, path, left);
}

/* Diagnostics name the file as it was sent; here as it was typed. */
static void
print_lines(FILE *to, const json_t *lines, const char *base, const char *file)
{
	const json_t *line;
	size_t i, n = strlen(base);

	json_array_foreach(lines, i, line) {
		const char *s = json_string_value(line);
		size_t w = strncmp(s, WARNING, strlen(WARNING)) == 0 ?
		    strlen(WARNING) : 0;

		if (strncmp(s + w, base, n) == 0 && s[w + n] == ':')
			(void)fprintf(to, "%.*s%s%s\n", (int)w, s, file,
			    s + w + n);
		else
			(void)fprintf(to, "%s\n", s);
	}
}

/* Posts until nothing is missing. 0 with *ret, or the exit code. */
static int
post_all(struct ctl *c, const char *question, const char *file,
    const char *base, const json_t *more, struct answer *ret)
{
	json_t *files = json_object(), *body, *name;
	size_t left = UPLOAD_MAX, i;
	int r = add_file(files, base, file, &left);

	for (int round = 0; r == 0; round++) {
		body = client_body(c);
		(void)json_object_set_new(body, "file", json_string(base));
		(void)json_object_set(body, "files", files);
		if (more != NULL)
			(void)json_object_update(body,
			    (json_t *)(uintptr_t)more);
		*ret = client_ask(c, question, body);
		if (ret->status != 409 || round == ROUNDS_MAX ||
		    json_object_get(ret->json, "files") == NULL)
			break;
		json_array_foreach(json_object_get(ret->json, "files"), i,
		    name)
			if (r == 0)
				r = add_list(files, file,
				    json_string_value(name), &left);
		answer_done(ret);
	}
	json_decref(files);
	return r;
}

/* Who types the name of a campaign where a file is due is told what becomes of
 * that one. */
static bool
is_campaign(struct ctl *c, const char *question, const char *name)
{
	char path[CTL_PATH_MAX], state[32], *s;
	struct answer a;
	bool r;

	if (access(name, F_OK) == 0 || errno != ENOENT ||
	    strchr(name, '/') != NULL || strlen(name) > 64)
		return false;
	s = client_encode(c, name);
	(void)snprintf(path, sizeof path, "campaigns/%s", s);
	free(s);
	a = client_ask(c, path, NULL);
	if ((r = a.status == 200))
		say("%s is no file, but a campaign of the daemon: it is %s; "
		    "%s takes a campaign file", name,
		    jtext(a.json, "state", state, sizeof state), question);
	answer_done(&a);
	return r;
}

int
ask_about(struct ctl *c, const char *question, const char *file,
    const json_t *more, json_t **ret)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash == NULL ? file : slash + 1;
	struct answer a = {0};
	int r;

	*ret = NULL;
	if (is_campaign(c, question, file))
		return CTL_USAGE;
	r = post_all(c, question, file, base, more, &a);
	if (r != 0)
		return r;
	if (a.status == 200) {
		print_lines(stderr, json_object_get(a.json, "warnings"), base,
		    file);
		*ret = json_incref(a.json);
	} else if (a.status == 422) {
		r = CTL_FAILED;
		if (c->json)
			print_json(a.json);
		print_lines(stderr, json_object_get(a.json, "diagnostics"),
		    base, file);
	} else {
		r = answer_failed(c, &a);
	}
	answer_done(&a);
	return r;
}

int
cmd_campaign_check(struct ctl *c, char *const *args)
{
	json_t *j;
	int r = ask_about(c, "check", args[0], NULL, &j);

	if (r == CTL_UNREACHABLE)
		say("without a running trackupd: trackupd -t checks "
		    "the configuration and all its campaign files");
	if (r == 0 && c->json)
		print_json(j);
	else if (r == 0)
		(void)printf("%s: good\n", args[0]);
	json_decref(j);
	return r;
}
