#include "config.h"
#include "config/campaign_load.h"

#include <stdio.h>

static void
load_rule_waves(struct campaign_load *l, const char *path,
    const struct opt_value *v, struct spec_rule *ret, bool *ret_named)
{
	static const struct option name = {.type = VALUE_NAME, .min = 1,
	    .max = CAMPAIGN_NAME_MAX};
	char key[ENTRY_TEXT + 8];

	if (v->node == 0)
		return;
	(void)snprintf(key, sizeof(key), "%s.waves", path);
	if (yw_kind(l->w, v->node) == YW_SCALAR &&
	    span_is(yw_text(l->w, v->node), "first")) {
		ret->waves_first = true;
		return;
	}
	*ret_named = true;
	if (yw_kind(l->w, v->node) != YW_LIST) {
		yw_error(l->w, v->pos, key, "is neither the word first nor a "
		    "list of names");
		return;
	}
	for (size_t i = 0; i < yw_count(l->w, v->node) && !yw_full(l->w); i++) {
		struct opt_value item = {0};

		opt_scalar(l->w, yw_item(l->w, v->node, i), &name, key, &item);
	}
}

static void
load_rule(struct campaign_load *l, size_t i, struct spec_rule *ret,
    bool *ret_named)
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
	load_rule_waves(l, path, &v[RULE_OPT_WAVES], ret, ret_named);
	if (count == rate)
		yw_error(l->w, yw_at(l->w, node), path, "allowed is either "
		    "count, or rate with min_sample");
	else if (rate != sample)
		yw_error(l->w, yw_at(l->w, node), path, rate ?
		    "rate needs min_sample" : "min_sample needs rate");
}

static bool
rules_equal(const struct spec_rule *a, const struct spec_rule *b)
{
	return a->any == b->any && a->cause == b->cause &&
	    a->scope == b->scope && a->waves_first == b->waves_first &&
	    a->count == b->count && a->rate_ppm == b->rate_ppm &&
	    a->min_sample == b->min_sample && a->act == b->act;
}

/* The built-in set may be written out, or switched off by []. */
void
campaign_load_rules(struct campaign_load *l)
{
	const struct opt_value *list = campaign_value(l, "stop_rules");
	size_t n = campaign_entries(l, list);
	bool same = n == spec_builtin_rule_count;

	if (list->node == 0 || list->bad)
		return;
	if (n == 0) {
		l->s->rule_count = 0;
		return;
	}
	for (size_t i = 0; i < n && !yw_full(l->w); i++) {
		struct spec_rule rule;
		bool named = false;

		load_rule(l, i, &rule, &named);
		same = same && !named &&
		    rules_equal(&rule, &spec_builtin_rules[i]);
	}
	if (!same)
		yw_error(l->w, list->pos, "stop_rules", "a set of your own is "
		    LATER ", allowed is the built-in one (leave the key out) "
		    "or [], which is none");
}
