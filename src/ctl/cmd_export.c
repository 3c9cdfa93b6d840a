#include "config.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* campaign retry-failed and export. */

int
cmd_campaign_retry(struct ctl *c, char *const *args)
{
	char *s = client_encode(c, args[0]), path[CTL_PATH_MAX];
	json_t *body = client_body(c);
	struct answer a;
	char buf[40];
	int r = CTL_OK;

	if ((c->given & OPT_BIT(OPT_CAUSE)) != 0 &&
	    json_object_set_new(body, "cause",
	    json_string(c->value[OPT_CAUSE])) < 0)
		die("--cause: not UTF-8");
	(void)snprintf(path, sizeof path, "campaigns/%s/retry-failed", s);
	free(s);
	a = client_ask(c, path, body);
	if (a.status != 200)
		r = answer_failed(c, &a);
	else if (c->json)
		print_json(a.json);
	else
		(void)printf("campaign %s: %s to be tried again\n", args[0],
		    jtext(a.json, "retried", buf, sizeof buf));
	answer_done(&a);
	return r;
}

/* --- export ----------------------------------------------------------------*/

static const char *const columns[] = {"id", "state", "phase", "cause",
    "hold", "wave", "attempts", "retry_at", "version"};

/* RFC 4180. What a spreadsheet would run as a formula stays text: versions
 * are the words of trackers. */
static void
put_cell(const char *s)
{
	(void)putchar('"');
	if (strchr("=+-@\t", s[0]) != NULL && s[0] != '\0')
		(void)putchar('\'');
	for (; *s != '\0'; s++) {
		if (*s == '"')
			(void)putchar('"');
		(void)putchar(*s);
	}
	(void)putchar('"');
}

static int
put_row(struct ctl *c, const json_t *item, void *arg)
{
	size_t *n = arg;
	char buf[1024];

	if (c->json) {
		(void)fputs((*n)++ == 0 ? "[\n" : ",\n", stdout);
		(void)json_dumpf(item, stdout, JSON_COMPACT);
		return 0;
	}
	if ((*n)++ == 0)
		for (size_t i = 0; i < ARRAY_LEN(columns); i++)
			(void)printf("%s%s", i > 0 ? "," : "", columns[i]);
	(void)fputs("\r\n", stdout);
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		if (i > 0)
			(void)putchar(',');
		put_cell(jtext(item, columns[i], buf, sizeof buf));
	}
	return 0;
}

int
cmd_campaign_export(struct ctl *c, char *const *args)
{
	char *s = client_encode(c, args[0]), path[CTL_PATH_MAX];
	size_t n = 0;
	int r;

	(void)snprintf(path, sizeof path, "campaigns/%s/targets",
	    s);
	free(s);
	r = client_each(c, path, put_row, &n);
	/* Cut short, JSON stays without its end: nobody takes it for all. */
	if (r == CTL_OK && c->json)
		(void)fputs(n == 0 ? "[]\n" : "\n]\n", stdout);
	else if (n > 0)
		(void)fputs("\r\n", stdout);
	if (fflush(stdout) != 0 || ferror(stdout) != 0)
		die("cannot write to standard output");
	return r;
}
