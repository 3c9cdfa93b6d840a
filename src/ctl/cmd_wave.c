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

int
print_waves(struct ctl *c, const json_t *waves)
{
	static const struct list_column columns[] = {
		{"WAVE", "name", 0, NULL},
		{"STATE", "state", COL_WORD, NULL},
		{"TOTAL", "total", COL_RIGHT, NULL},
		{"DONE", "done", COL_RIGHT, NULL},
		{"OK", "succeeded", COL_RIGHT, NULL},
		{"FAILED", "failed", COL_RIGHT, NULL},
		{"UNVER", "unverified", COL_RIGHT | COL_SPARE, NULL},
		{"OFFLINE", "offline", COL_RIGHT | COL_SPARE, NULL},
		{"GATE LACKS", "gate.lacks", COL_WIDE, gate_text},
		{"", "gate.met", COL_CSV, NULL},
		{"REASON", "reason", COL_WIDE | COL_SPARE, NULL},
	};

	return print_items(c, waves, columns, ARRAY_LEN(columns), "no waves");
}

int
cmd_wave_list(struct ctl *c, char *const *args)
{
	char *s = client_encode(c, args[0]);
	json_t *j;
	int r = client_get(c, &j, "campaigns/%s", s);

	free(s);
	if (r != 0)
		return r;
	r = print_waves(c, json_object_get(j, "waves"));
	json_decref(j);
	return r;
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
