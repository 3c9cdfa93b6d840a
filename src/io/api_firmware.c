#include "config.h"
#include "io/api_int.h"

#include <string.h>

#define FIRMWARE_MS (60 * 1000) /* of reading files that nobody read yet */

/* Packages of campaigns that are this file. */
static json_t *
uses_json(const struct api *a, const char *path)
{
	const struct core *core = a->ops.core(a->ops.arg);
	json_t *list = json_array();

	for (size_t c = 0; c < core_campaign_count(core); c++) {
		enum campaign_state state;
		const struct campaign_spec *s =
		    core_campaign_at(core, c, &state);

		for (size_t i = 0; i < s->package_count; i++) {
			const struct spec_package *p = &s->packages[i];

			if (p->file == NULL || strcmp(p->file, path) != 0)
				continue;
			(void)json_array_append_new(list,
			    json_pack("{s:o, s:s, s:o, s:o}",
				"campaign", api_text(s->name),
				"state", campaign_state_name(state),
				"from", api_text(p->from_any ? "any" : p->from),
				"to", api_text(p->to)));
		}
	}
	return list;
}

static void
on_firmware(void *arg, int error, const struct api_firmware *v, size_t count)
{
	struct api_call *c = arg;
	uint64_t after;
	size_t limit;
	json_t *items;

	c->firmware = false;
	if (error != 0) {
		api_fail(c, 500, "files_root", "files.root: %s",
		    strerror(error));
		return;
	}
	if (!api_page(c, 'f', &limit, &after))
		return;
	/* By position: a file more or less moves the rest by one. */
	after = MIN_OF(after, count);
	limit = MIN_OF(limit, count - after);
	items = json_array();
	for (size_t i = after; i < after + limit; i++)
		(void)json_array_append_new(items,
		    json_pack("{s:o, s:I, s:o, s:o, s:o}",
			"file", api_text(v[i].path),
			"bytes", (json_int_t)v[i].bytes,
			"sha256", api_text_or_null(v[i].sha256),
			"modified_at", api_time(v[i].mtime_wall),
			"used_by", uses_json(c->api, v[i].path)));
	api_answer(c, 200, api_list(items, 'f', after + limit,
	    after + limit < count));
}

void
api_firmware_drop(struct api_call *c)
{
	c->firmware = false;
	c->api->ops.firmware_forget(c->api->ops.arg, c);
}

void
api_get_firmware(struct api_call *c)
{
	struct api *a = c->api;
	uint64_t after;
	size_t limit;

	if (!api_page(c, 'f', &limit, &after))
		return;
	/* Parked first: the answer may come before firmware() returns. */
	c->firmware = true;
	api_park(c, FIRMWARE_MS);
	if (!a->ops.firmware(a->ops.arg, on_firmware, c)) {
		c->firmware = false;
		api_fail(c, 503, "no_memory", "no memory to look at the files");
	}
}
