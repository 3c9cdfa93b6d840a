#include "config.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 500 /* further ones are not looked at */

struct names {
	char *name[NAMES_MAX + 1];
	size_t n;
};

static int
keep_name(struct ctl *c, const json_t *item, void *arg)
{
	const char *name = json_string_value(json_object_get(item, "name"));
	struct names *names = arg;

	(void)c;
	if (names->n < NAMES_MAX && name != NULL)
		names->name[names->n++] = xstrdup(name);
	return 0;
}

static bool
has_name(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->name[i], name) == 0)
			return true;
	return false;
}

static void
say_nearest(const struct names *names, const char *name)
{
	const char *list[NAMES_MAX + 1] = {NULL}, *best;

	for (size_t i = 0; i < names->n; i++)
		list[i] = names->name[i];
	if ((best = nearest(name, list)) != NULL)
		say("did you mean %s?", best);
}

static void
names_done(struct names *names)
{
	while (names->n > 0)
		free(names->name[--names->n]);
}

void
suggest(struct ctl *c, const char *campaign, const char *wave)
{
	struct names names = {.n = 0};
	const json_t *w;
	json_t *j = NULL;
	char *s;
	size_t i;

	if (client_each(c, "campaigns", keep_name, &names) != 0)
		goto out;
	if (names.n == 0)
		say("there are no campaigns; trackupctl reload says what was "
		    "refused");
	if (!has_name(&names, campaign)) {
		say_nearest(&names, campaign);
		goto out;
	}
	names_done(&names);
	s = client_encode(c, campaign);
	if (wave != NULL && client_get(c, &j, "campaigns/%s", s) == 0)
		json_array_foreach(json_object_get(j, "waves"), i, w)
			(void)keep_name(c, w, &names);
	free(s);
	if (wave != NULL)
		say_nearest(&names, wave);
	json_decref(j);
out:
	names_done(&names);
}
