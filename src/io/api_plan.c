#include "config.h"
#include "io/api_int.h"

#include <stdlib.h>
#include <string.h>

/*
 * Campaign files that are only asked about: check and plan. What they
 * name comes with them, and what is missing is asked for.
 */

/* --- check -----------------------------------------------------------------*/
void
api_files_done(struct api_files *f)
{
	free(f->name);
	free(f->text);
	free(f->len);
}

bool
api_files_read(struct api_call *c, struct api_files *ret)
{
	json_t *files = json_object_get(c->body, "files"), *value;
	const char *file = api_field_text(c, API_FILE), *name;
	size_t n = json_object_size(files);

	memset(ret, 0, sizeof *ret);
	if (file == NULL || json_object_get(files, file) == NULL) {
		api_fail(c, 400, "bad_field", "file and files are required, "
		    "and files must hold the text of file");
		return false;
	}
	if (n > API_FILES_MAX) {
		api_fail(c, 400, "bad_field", "files: at most %d",
		    API_FILES_MAX);
		return false;
	}
	json_object_foreach(files, name, value)
		if (!json_is_string(value)) {
			api_fail(c, 400, "bad_field", "files: %s: a string "
			    "is due", name);
			return false;
		}
	ret->name = calloc(n, sizeof *ret->name);
	ret->text = calloc(n, sizeof *ret->text);
	ret->len = calloc(n, sizeof *ret->len);
	if (ret->name == NULL || ret->text == NULL || ret->len == NULL) {
		api_files_done(ret);
		api_answer(c, 500, NULL);
		return false;
	}
	json_object_foreach(files, name, value) {
		ret->name[ret->count] = name;
		ret->text[ret->count] = json_string_value(value);
		ret->len[ret->count] = json_string_length(value);
		ret->count++;
	}
	return true;
}

bool
api_files_good(struct api_call *c, int r, const struct sbuf *diag,
    const struct sbuf *missing)
{
	if (r == 0)
		return true;
	if (r == -2)
		api_fail_list(c, 409, "files_missing", "the campaign names "
		    "files that were not sent", "files",
		    api_lines(sbuf_str(missing)));
	else
		api_fail_list(c, 422, "invalid", "the campaign file has "
		    "errors", "diagnostics", api_lines(sbuf_str(diag)));
	return false;
}

void
api_post_check(struct api_call *c)
{
	struct api *a = c->api;
	struct sbuf diag, missing;
	struct api_files files;
	int r;

	if (!api_files_read(c, &files))
		return;
	sbuf_init(&diag, 0);
	sbuf_init(&missing, 0);
	r = a->ops.check(a->ops.arg, api_field_text(c, API_FILE), &files,
	    &diag, &missing);
	api_files_done(&files);
	if (api_files_good(c, r, &diag, &missing))
		api_answer(c, 200, json_pack("{s:b, s:o}", "ok", 1,
		    "warnings", api_lines(sbuf_str(&diag))));
	sbuf_done(&diag);
	sbuf_done(&missing);
}

/* --- plan ------------------------------------------------------------------*/
static json_t *
seconds(int64_t ms)
{
	return ms % 1000 == 0 ? json_integer((json_int_t)(ms / 1000))
			      : json_real((double)ms / 1000);
}

static json_t *
plan_waves(const struct plan *p, const struct campaign_spec *s)
{
	json_t *j = json_object();

	for (size_t i = 0; i < p->wave_count; i++)
		(void)json_object_set_new(j, s->waves[i].name,
		    json_integer((json_int_t)p->wave[i].total));
	return j;
}

static json_t *
plan_targets(const struct plan *p, const struct campaign_spec *s)
{
	json_t *skipped = json_object();
	size_t n = p->total;

	for (unsigned i = 1; i < CAUSE_COUNT_; i++) {
		n -= p->skipped[i];
		if (p->skipped[i] > 0)
			(void)json_object_set_new(skipped,
			    cause_name((enum cause)i),
			    json_integer((json_int_t)p->skipped[i]));
	}
	return json_pack("{s:I, s:o, s:o, s:I, s:{s:I, s:I, s:I}, s:I, s:I,"
	    " s:I}",
	    "total", (json_int_t)p->total,
	    "waves", plan_waves(p, s),
	    "skipped", skipped,
	    "update", (json_int_t)n,
	    "left_out",
	    "wrong_model", (json_int_t)p->left_out[0],
	    "tags", (json_int_t)p->left_out[1],
	    "excluded", (json_int_t)p->left_out[2],
	    "never_heard", (json_int_t)p->never_heard,
	    "outside_window", (json_int_t)p->outside_window,
	    "other_campaign", (json_int_t)p->elsewhere);
}

static json_t *
plan_paths(const struct plan *p, const struct campaign_spec *s)
{
	json_t *j = json_array();

	for (size_t i = 0; i < p->path_count; i++) {
		const struct plan_path *w = &p->path[i];

		(void)json_array_append_new(j,
		    json_pack("{s:o, s:o, s:o, s:I, s:o}",
		    "from", w->others ? json_string("others")
				      : api_text_or_null(w->from),
		    "to", api_text_or_null(s->target_version),
		    "hops", api_int_or_null(w->hops, 0),
		    "count", (json_int_t)w->count,
		    "bytes", w->bytes == PATH_BYTES_UNKNOWN ? json_null()
			: json_integer((json_int_t)w->bytes)));
	}
	return j;
}

static json_t *
plan_json(const struct plan *p, const struct campaign_spec *s,
    const struct sbuf *diag)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I,"
	    " s:I, s:I, s:o}",
	    "campaign", api_text(s->name),
	    "digest", api_text(s->digest),
	    "target_version", api_text(s->target_version),
	    "targets", plan_targets(p, s),
	    "paths", plan_paths(p, s),
	    "worst_case_s", seconds(p->worst_case_ms),
	    "begin_at", api_time(p->begin_wall),
	    "finish_expected", api_time(p->finish_wall),
	    "end_at", api_time(p->end_wall),
	    "bytes", (json_int_t)p->bytes,
	    "bytes_unknown", (json_int_t)p->bytes_unknown,
	    "waves_held", (json_int_t)p->waves_held,
	    "warnings", api_lines(sbuf_str(diag)));
}

void
api_post_plan(struct api_call *c)
{
	struct api *a = c->api;
	struct campaign_spec *spec = NULL;
	struct plan *plan = NULL;
	struct sbuf diag, missing;
	struct api_files files;
	int r;

	if (!api_files_read(c, &files))
		return;
	sbuf_init(&diag, 0);
	sbuf_init(&missing, 0);
	r = a->ops.plan(a->ops.arg, api_field_text(c, API_FILE), &files,
	    &diag, &missing, &spec, &plan);
	api_files_done(&files);
	if (api_files_good(c, r, &diag, &missing))
		api_answer(c, 200, plan_json(plan, spec, &diag));
	plan_free(plan);
	spec_free(spec);
	sbuf_done(&diag);
	sbuf_done(&missing);
}
