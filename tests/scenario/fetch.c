#include "config.h"
#include "fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

static struct dev *
dev_of_key(struct world *w, uint64_t key)
{
	for (size_t i = 0; i < w->dev_count; i++)
		if (w->dev[i].key == key)
			return &w->dev[i];
	scn_fail("a token for a device that is none of ours");
}

void
fetch_token(struct world *w, const struct fx_item *it)
{
	struct dev *d = dev_of_key(w, it->device);

	if (it->len != FILE_TOKEN_LEN || !file_token_leads(it->bytes))
		scn_fail("%s: no token", it->bytes);
	if (it->valid) {
		if (d->token_attempt != 0)
			scn_fail("%s has two tokens", d->name);
		d->token_attempt = it->attempt;
		memcpy(d->token, it->bytes, sizeof(d->token));
	} else {
		if (d->token_attempt != it->attempt ||
		    strcmp(d->token, it->bytes) != 0)
			scn_fail("%s: over is a token that never was",
			    it->bytes);
		d->token_attempt = 0;
	}
}

static bool
keep(void *arg, const char *token, int64_t attempt, uint64_t device)
{
	struct fx_item it = {.valid = true, .attempt = attempt,
	    .device = device, .len = FILE_TOKEN_LEN};

	(void)snprintf(it.bytes, sizeof(it.bytes), "%s", token);
	fetch_token(arg, &it);
	return true;
}

void
fetch_start(struct world *w)
{
	for (size_t i = 0; i < w->dev_count; i++)
		w->dev[i].token_attempt = 0;
	core_tokens(w->core, keep, w);
}

static enum download_why
why_of(const char *word)
{
	static const char *const name[DOWNLOAD_WHY_COUNT_] = {
	    [DOWNLOAD_COMPLETE] = "complete", [DOWNLOAD_CUT] = "cut",
	    [DOWNLOAD_SLOW] = "slow", [DOWNLOAD_FAULT] = "fault",
	    [DOWNLOAD_MISSING] = "missing", [DOWNLOAD_REFUSED] = "refused",
	};

	for (int i = 0; i < DOWNLOAD_WHY_COUNT_; i++)
		if (strcmp(name[i], word) == 0)
			return (enum download_why)i;
	scn_fail("%s: no end of a download", word);
}

/* Bytes of the size that are sent, all when nothing else is said. */
static void
figures(struct download_report *r, char *args)
{
	const char *word;

	r->size = 1000;
	while (*(word = script_word(&args)) != '\0') {
		if (strncmp(word, "first=", 6) == 0)
			r->first = (uint64_t)script_number(word + 6);
		else if (strncmp(word, "bytes=", 6) == 0)
			r->bytes = (uint64_t)script_number(word + 6);
		else
			scn_fail("%s: no word of FETCH", word);
	}
	r->length = r->size - r->first;
	if (r->bytes == 0 && r->why == DOWNLOAD_COMPLETE)
		r->bytes = r->length;
}

void
cmd_fetch(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);
	const char *what = script_word(&args);
	struct download_report r = {.status = 200, .device = d->key,
	    .attempt = d->token_attempt, .ms = 5000};

	if (strcmp(what, "gone") == 0) {
		if (d->token_attempt != 0)
			scn_fail("%s has a token", d->name);
		return;
	}
	if (d->token_attempt == 0)
		scn_fail("%s has no token: 410", d->name);
	(void)snprintf(r.peer, sizeof(r.peer), "192.0.2.7:4711");
	if (strcmp(what, "begin") == 0) {
		r.kind = DOWNLOAD_BEGIN;
	} else if (strcmp(what, "end") == 0) {
		r.kind = DOWNLOAD_END;
		r.why = why_of(script_word(&args));
	} else {
		r.kind = DOWNLOAD_END;
		r.status = (int)script_number(what);
		r.why = r.status == 404 ? DOWNLOAD_MISSING : DOWNLOAD_FAULT;
	}
	figures(&r, args);
	world_event(w, &(struct ev){.kind = EV_DOWNLOAD, .download = &r});
}
