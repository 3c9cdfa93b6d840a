#include "config.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* device exclude and include: of one id, of several, of a list. */

#define LINE_LEN 4096

struct run {
	struct ctl *c;
	size_t done, failed;
	int worst;
};

static json_t *
body_of(const struct ctl *c)
{
	json_t *body = client_body(c);

	if ((c->given & OPT_BIT(OPT_FOR)) != 0 &&
	    json_object_set_new(body, "for",
	    json_string(c->value[OPT_FOR])) < 0)
		die("--for: not UTF-8");
	if ((c->given & OPT_BIT(OPT_CANCEL)) != 0)
		(void)json_object_set_new(body, "cancel", json_true());
	return body;
}

/* Each is a change of its own: one that fails does not undo the others. */
static void
one(struct run *r, const char *id)
{
	char *s = client_encode(r->c, id), path[CTL_PATH_MAX];
	struct answer a;
	int e;

	(void)snprintf(path, sizeof path, "devices/%s/%s", s,
	    r->c->cmd->word);
	free(s);
	a = client_ask(r->c, path, body_of(r->c));
	if (a.status == 200) {
		r->done++;
	} else {
		e = answer_failed(r->c, &a);
		r->failed++;
		if (r->worst == CTL_OK || e == CTL_UNREACHABLE)
			r->worst = e;
	}
	answer_done(&a);
}

static char *
trim(char *line)
{
	char *end;

	line[strcspn(line, "#\r\n")] = '\0';
	line += strspn(line, " \t");
	end = line + strlen(line);
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return line;
}

static int
read_file(struct run *r, const char *path)
{
	bool named = strcmp(path, "-") != 0;
	FILE *f = named ? fopen(path, "re") : stdin;
	char line[LINE_LEN], *id;

	if (f == NULL) {
		say("%s: %s", path, strerror(errno));
		return CTL_USAGE;
	}
	/* Without a daemon every further id would say the same. */
	while (r->worst != CTL_UNREACHABLE &&
	    fgets(line, sizeof line, f) != NULL)
		if (*(id = trim(line)) != '\0')
			one(r, id);
	if (ferror(f) != 0) {
		say("%s: %s", path, strerror(errno));
		r->worst = CTL_FAILED;
	}
	if (named)
		(void)fclose(f);
	return CTL_OK;
}

int
cmd_device_exclude(struct ctl *c, char *const *args)
{
	bool file = (c->given & OPT_BIT(OPT_FILE)) != 0;
	struct run r = {.c = c, .worst = CTL_OK};

	if (args[0] == NULL && !file) {
		say("ids or --file are missing; see trackupctl device %s "
		    "--help", c->cmd->word);
		return CTL_USAGE;
	}
	for (; *args != NULL && r.worst != CTL_UNREACHABLE; args++)
		one(&r, *args);
	if (file && r.worst != CTL_UNREACHABLE) {
		int e = read_file(&r, c->value[OPT_FILE]);

		if (e != CTL_OK)
			return e;
	}
	if (c->json) {
		json_t *j = json_pack("{s:b, s:I, s:I}", "ok",
		    r.worst == CTL_OK, "done", (json_int_t)r.done, "failed",
		    (json_int_t)r.failed);

		print_json(j);
		json_decref(j);
	} else if (r.done > 0) {
		(void)printf("%zu %sd%s%s\n", r.done, c->cmd->word,
		    (c->given & OPT_BIT(OPT_FOR)) != 0 ? " for " : "",
		    (c->given & OPT_BIT(OPT_FOR)) != 0 ? c->value[OPT_FOR] :
		    "");
	}
	return r.worst;
}
