#include "config.h"
#include "config/campaign_load.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define RULES_MAX 50
#define KEY_TEXT (ENTRY_TEXT + 16)

/* The number of a wave by its name; -1 with an error when there is none. */
static int
wave_named(struct campaign_load *l, struct note_pos pos, const char *key,
    struct span name)
{
	const struct campaign_spec *s = l->s;
	char quote[TEXT_QUOTE];
	struct sbuf all;

	for (size_t i = 0; i < s->wave_count; i++)
		if (span_is(name, s->waves[i].name))
			return (int)i;
	sbuf_init(&all, 0);
	for (size_t i = 0; i < s->wave_count; i++)
		sbuf_addf(&all, "%s%s", i == 0 ? "" : ", ", s->waves[i].name);
	yw_error(l->w, pos, key, "%s is no wave of this campaign, allowed %s",
	    text_quote(name, quote), sbuf_str(&all));
	sbuf_done(&all);
	return -1;
}

static void
load_rule_waves(struct campaign_load *l, const char *path,
    const struct opt_value *v, struct spec_rule *ret)
{
	static const struct option name = {.type = VALUE_NAME, .min = 1,
	    .max = CAMPAIGN_NAME_MAX};
	char key[KEY_TEXT];

	if (v->node == 0)
		return;
	(void)snprintf(key, sizeof(key), "%s.waves", path);
	if (yw_kind(l->w, v->node) == YW_SCALAR &&
	    span_is(yw_text(l->w, v->node), "first")) {
		ret->waves = 1;
		return;
	}
	if (yw_kind(l->w, v->node) != YW_LIST) {
		yw_error(l->w, v->pos, key, "is neither the word first nor a "
		    "list of names");
		return;
	}
	if (yw_count(l->w, v->node) == 0)
		yw_error(l->w, v->pos, key, "names no wave; leave it out for "
		    "all");
	for (size_t i = 0; i < yw_count(l->w, v->node) && !yw_full(l->w); i++) {
		struct opt_value item = {0};
		int n;

		opt_scalar(l->w, yw_item(l->w, v->node, i), &name, key, &item);
		if (!item.bad &&
		    (n = wave_named(l, item.pos, key, item.text)) >= 0)
			ret->waves |= UINT64_C(1) << n;
	}
}

static void
load_rule(struct campaign_load *l, size_t i, struct spec_rule *ret)
{
	struct opt_value v[RULE_OPTION_COUNT_];
	char path[ENTRY_TEXT];
	int node = campaign_entry(l, "stop_rules", i, &rule_options, v, path);
	bool count, rate, sample;

	count = v[RULE_OPT_COUNT].node != 0;
	rate = v[RULE_OPT_RATE].node != 0;
	sample = v[RULE_OPT_MIN_SAMPLE].node != 0;
	*ret = (struct spec_rule){
	    .any = v[RULE_OPT_CAUSE].num == 0,
	    .cause = (enum cause)v[RULE_OPT_CAUSE].num,
	    .scope = (enum rule_scope)v[RULE_OPT_SCOPE].num,
	    .count = v[RULE_OPT_COUNT].num,
	    .rate_ppm = v[RULE_OPT_RATE].num,
	    .min_sample = v[RULE_OPT_MIN_SAMPLE].num,
	    .act = (enum rule_do)v[RULE_OPT_DO].num,
	};
	load_rule_waves(l, path, &v[RULE_OPT_WAVES], ret);
	if (count == rate)
		yw_error(l->w, yw_at(l->w, node), path, "allowed is either "
		    "count, or rate with min_sample");
	else if (rate != sample)
		yw_error(l->w, yw_at(l->w, node), path, rate ?
		    "rate needs min_sample" : "min_sample needs rate");
}

/* Left out, the built-in set holds; [] switches all of them off. Waves come
 * first: rules name them. */
void
campaign_load_rules(struct campaign_load *l)
{
	const struct opt_value *list = campaign_value(l, "stop_rules");
	size_t n = campaign_entries(l, list);
	struct spec_rule *rules;

	if (list->node == 0 || list->bad)
		return;
	if (n > RULES_MAX) {
		yw_error(l->w, list->pos, "stop_rules", "%zu entries, allowed "
		    "0 to %d", n, RULES_MAX);
		return;
	}
	rules = calloc(n + 1, sizeof(*rules));
	if (rules == NULL) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < n && !yw_full(l->w); i++)
		load_rule(l, i, &rules[i]);
	free(l->s->rules);
	l->s->rules = rules;
	l->s->rule_count = n;
}
