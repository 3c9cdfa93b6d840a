#include "config.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What its gate still lacks; "met" while it lacks nothing. */
static const char *
gate_text(const json_t *wave, char *buf, size_t size)
{
	const json_t *gate = json_object_get(wave, "gate");

	if (json_is_null(gate))
		return "";
	if (json_is_true(json_object_get(gate, "met")))
		return "met";
	return jtext(gate, "lacks", buf, size);
}

static void
print_wave(struct table *t, const json_t *w)
{
	static const char *const keys[] = {"name", "state", "total", "done",
	    "succeeded", "failed", "unverified", "offline"};
	char buf[512];

	table_row(t);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		table_put(t, jtext(w, keys[i], buf, sizeof buf));
	table_put(t, gate_text(w, buf, sizeof buf));
	table_put(t, jtext(w, "reason", buf, sizeof buf));
}

void
print_waves(const struct ctl *c, const json_t *waves)
{
	static const char *const titles[] = {"WAVE", "STATE", "TOTAL", "DONE",
	    "SUCCEEDED", "FAILED", "UNVERIFIED", "OFFLINE", "GATE", "REASON",
	    NULL};
	static const int flags[] = {COL_LEFT, COL_WORD, COL_RIGHT, COL_RIGHT,
	    COL_RIGHT, COL_RIGHT, COL_RIGHT, COL_RIGHT, COL_WIDE, COL_WIDE};
	struct table *t = table_new(c, titles, flags);
	const json_t *w;
	size_t i;

	json_array_foreach(waves, i, w)
		print_wave(t, w);
	table_print(t);
}

int
cmd_wave_list(struct ctl *c, char *const *args)
{
	char *s = client_encode(c, args[0]);
	const json_t *waves;
	json_t *j;
	int r = client_get(c, &j, "campaigns/%s", s);

	free(s);
	if (r != 0)
		return r;
	waves = json_object_get(j, "waves");
	if (c->json)
		print_json(waves);
	else
		print_waves(c, waves);
	json_decref(j);
	return CTL_OK;
}

int
cmd_wave_approve(struct ctl *c, char *const *args)
{
	char *campaign = client_encode(c, args[0]);
	char *wave = client_encode(c, args[1]);
	json_t *body = client_body(c);
	char path[CTL_PATH_MAX], buf[40], now[40];
	struct answer a;
	int r = CTL_OK;

	(void)snprintf(path, sizeof path, "campaigns/%s/waves/%s/approve",
	    campaign, wave);
	free(campaign);
	free(wave);
	if ((c->given & OPT_BIT(OPT_FORCE)) != 0)
		(void)json_object_set_new(body, "force", json_true());
	a = client_ask(c, path, body);
	if (a.status != 200) {
		r = answer_failed(c, &a);
	} else if (c->json) {
		print_json(a.json);
	} else {
		(void)printf("wave %s of campaign %s: %s\n", args[1], args[0],
		    jtext(a.json, "state", buf, sizeof buf));
		if (strcmp(jtext(a.json, "campaign_state", now, sizeof now),
			"paused") == 0)
			(void)printf("the campaign is paused; it goes on with "
			    "campaign resume %s\n", args[0]);
	}
	answer_done(&a);
	return r;
}
