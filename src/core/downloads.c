#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <string.h>

#include "core/plant.h"

/*
 * What our own file server has to do with an attempt: the token in its URL,
 * what was seen of its downloads, who is to blame, and whether there is room
 * for one more.
 */

/* --- the token -------------------------------------------------------------*/

/* What the tracker is told. A URL of a stored campaign that has no room for a
 * token leaves without one. */
void
download_url(const struct core *c, int64_t attempt,
    const struct spec_package *pkg, char ret[URL_MAX + 1])
{
	char token[FILE_TOKEN_TEXT];
	size_t len = strlen(pkg->url), tail;

	memcpy(ret, pkg->url, len + 1);
	if (!c->cfg.file_server || pkg->file == NULL)
		return;
	tail = strlen(pkg->file);
	if (tail >= len || len + FILE_TOKEN_LEN + 1 > URL_MAX)
		return;
	file_token_make(c->cfg.file_key, attempt, token);
	(void)snprintf(ret, URL_MAX + 1, "%.*s%s/%s", (int)(len - tail),
	    pkg->url, token, pkg->file);
}

static void
tell_token(struct core *c, const struct attempt *a, bool valid)
{
	struct fx_item *it;

	/* At start whoever serves files asks for all of them. */
	if (c->loading || a->token[0] == '\0' || !c->cfg.file_server ||
	    (it = core_item(c, FX_TOKEN)) == NULL)
		return;
	it->attempt = a->rec.id;
	it->device = a->rec.device;
	it->valid = valid;
	it->len = FILE_TOKEN_LEN;
	memcpy(it->bytes, a->token, sizeof(a->token));
}

/* Its URL stands: made just now, or read from the record. */
void
download_begin(struct core *c, struct attempt *a)
{
	file_token_of_url(a->rec.url, a->token);
	tell_token(c, a, true);
}

void
download_over(struct core *c, struct attempt *a)
{
	tell_token(c, a, false);
	download_slot(c, a, false);
}

void
core_tokens(const struct core *c,
    bool (*fn)(void *arg, const char *token, int64_t attempt, uint64_t device),
    void *arg)
{
	for (size_t i = 0; i < c->campaign_count; i++) {
		const struct campaign *p = c->campaign[i];

		for (size_t k = 0; k < p->target_count; k++) {
			const struct attempt *a = p->target[k]->attempt;

			if (a != NULL && a->token[0] != '\0' &&
			    !fn(arg, a->token, a->rec.id, a->rec.device))
				return;
		}
	}
}

/* --- room ------------------------------------------------------------------*/

/* Bytes a second that the largest package of ours takes at least. */
static int64_t
campaign_need(const struct core *c, const struct campaign *p)
{
	uint64_t most = 0;

	for (size_t i = 0; i < p->spec->package_count; i++) {
		const struct spec_package *k = &p->spec->packages[i];

		if (k->file == NULL)
			continue;
		most = MAX_OF(most, k->bytes);
		/* The text on record says nothing of its size. */
		if (i < p->pinned_count)
			most = MAX_OF(most, p->pinned[i].bytes);
	}
	return spec_rate_needed(most,
	    core_dur(c, p->spec->download_timeout_ms));
}

static bool
campaign_served(const struct core *c, const struct campaign *p)
{
	if (!c->cfg.file_server)
		return false;
	for (size_t i = 0; i < p->spec->package_count; i++)
		if (p->spec->packages[i].file != NULL)
			return true;
	return false;
}

/* All shares are equal: as many as fit when each is as large as the neediest
 * of them takes. */
enum hold
download_hold(const struct core *c, const struct campaign *p)
{
	int64_t need;

	if (planted("file_server_overbooked") || !campaign_served(c, p))
		return HOLD_NONE;
	if (c->cfg.file_downloads > 0 &&
	    c->file_slots >= (size_t)c->cfg.file_downloads)
		return HOLD_FILE_SERVER;
	if (c->cfg.file_rate <= 0)
		return HOLD_NONE;
	need = MAX_OF(c->file_need, campaign_need(c, p));
	return (int64_t)c->file_slots + 1 > c->cfg.file_rate / need
	    ? HOLD_FILE_SERVER
	    : HOLD_NONE;
}

static void
need_again(struct core *c)
{
	c->file_need = 1;
	for (size_t i = 0; i < c->campaign_count; i++)
		if (c->campaign[i]->file_slots > 0)
			c->file_need = MAX_OF(c->file_need,
			    campaign_need(c, c->campaign[i]));
}

/* From the intent until the bytes have arrived, or nobody waits for them. */
void
download_slot(struct core *c, struct attempt *a, bool want)
{
	struct campaign *p = a->target->campaign;

	want = want && a->token[0] != '\0';
	if (a->file_slot == want)
		return;
	a->file_slot = want;
	if (want) {
		c->file_slots++;
		if (p->file_slots++ == 0)
			need_again(c);
		return;
	}
	c->file_slots--;
	if (--p->file_slots == 0)
		need_again(c);
	c->pace_changed = true;
}

/* --- what was seen ---------------------------------------------------------*/

static const char *
why_text(enum download_why why)
{
	static const char *const text[DOWNLOAD_WHY_COUNT_] = {
	    [DOWNLOAD_COMPLETE] = "all of it was sent",
	    [DOWNLOAD_CUT] = "the tracker or its network ended it",
	    [DOWNLOAD_SLOW] = "the tracker took too long",
	    [DOWNLOAD_FAULT] = "our fault: the file could not be sent",
	    [DOWNLOAD_MISSING] = "our fault: there is no such file",
	    [DOWNLOAD_REFUSED] = "refused",
	};

	return text[why];
}

static void
event_of(struct core *c, struct device *d, const struct download_report *r)
{
	const struct attempt *a = d->more->attempt;
	enum phase phase = a == NULL ? PHASE_NONE : a->rec.phase;
	int64_t campaign = a != NULL && a->rec.id == r->attempt
	    ? a->rec.campaign : 0;

	if (!device_row_kept(c, d->more))
		return;
	if (r->kind == DOWNLOAD_BEGIN)
		core_event(c, d, campaign, r->attempt, EVENT_SESSION, phase,
		    -1, -1, "download began: bytes %llu to %llu of %llu, %s",
		    (unsigned long long)r->first,
		    (unsigned long long)r->first + r->length,
		    (unsigned long long)r->size, r->peer);
	else if (r->status >= 400)
		core_event(c, d, campaign, r->attempt, EVENT_SESSION, phase,
		    -1, -1, "download answered %d: %s, %s", r->status,
		    why_text(r->why), r->peer);
	else
		core_event(c, d, campaign, r->attempt, EVENT_SESSION, phase,
		    -1, -1, "download ended: %s; %llu of %llu bytes in "
		    "%lld.%lld s, %lld bytes/s, %s", why_text(r->why),
		    (unsigned long long)r->bytes,
		    (unsigned long long)r->length, (long long)(r->ms / 1000),
		    (long long)(r->ms % 1000 / 100),
		    (long long)(r->bytes * 1000 / (uint64_t)MAX_OF(r->ms, 1)),
		    r->peer);
}

static void
seen_begin(struct core *c, struct attempt *a)
{
	a->rec.gets++;
	a->rec.fetching = true;
	/* It is in update mode: what was asked before proves nothing now. */
	a->device->more->rec.stale_seq = core_seq(c);
	mark_device(c, a->device->more);
	attempt_get(c, a);
}

/* Bytes from the first on, without a gap; ranges may add up. */
static void
seen_bytes(struct attempt *a, const struct download_report *r)
{
	if (r->first <= a->rec.file_bytes)
		a->rec.file_bytes =
		    MAX_OF(a->rec.file_bytes, r->first + r->bytes);
}

static void
seen_end(struct core *c, struct attempt *a, const struct download_report *r)
{
	seen_bytes(a, r);
	a->rec.fetching = false;
	if (r->why == DOWNLOAD_FAULT || r->why == DOWNLOAD_MISSING)
		a->rec.file_fault = true;
	if (r->why == DOWNLOAD_COMPLETE && r->size > 0 &&
	    a->rec.file_bytes == r->size)
		a->rec.fetched = true;
	mark_attempt(c, a);
}

void
download_seen(struct core *c, const struct download_report *r)
{
	struct device *d = device_find(c, r->device);
	struct attempt *a;

	if (d == NULL || d->more == NULL)
		return;
	if (r->kind != DOWNLOAD_PROGRESS)
		event_of(c, d, r);
	a = d->more->attempt;
	if (a == NULL || a->rec.id != r->attempt)
		return;
	switch (r->kind) {
	case DOWNLOAD_BEGIN:
		seen_begin(c, a);
		break;
	case DOWNLOAD_PROGRESS:
		/* Shown, and not worth a commit. */
		seen_bytes(a, r);
		break;
	case DOWNLOAD_END:
		seen_end(c, a, r);
		break;
	}
}

/* Nobody sent bytes while we were down. */
void
download_restart(struct core *c, struct attempt *a)
{
	file_token_of_url(a->rec.url, a->token);
	if (!a->rec.fetching)
		return;
	a->rec.fetching = false;
	a->rec.file_fault = !planted("restart_charges_download");
	mark_attempt(c, a);
	core_event(c, a->device, a->rec.campaign, a->rec.id, EVENT_SESSION,
	    a->rec.phase, -1, -1, "download ended: our fault: the daemon was "
	    "restarted");
}

/* The download failed, and by what we did: nobody else is to blame. */
bool
download_our_fault(const struct attempt *a, enum cause cause)
{
	if (!a->rec.file_fault || a->rec.fetched ||
	    a->rec.reached > REACHED_DOWNLOADING)
		return false;
	return cause == CAUSE_DOWNLOAD_FAILED || cause == CAUSE_TIMEOUT ||
	    cause == CAUSE_BAD_URL || cause == CAUSE_FOREIGN_CANCEL;
}

/* What our side knows of an attempt that ends, for its timeline. */
void
download_tell_end(struct core *c, const struct attempt *a, enum cause cause)
{
	if (download_our_fault(a, cause))
		core_event(c, a->device, a->rec.campaign, a->rec.id,
		    EVENT_SESSION, PHASE_NONE, -1, -1, "not charged to the "
		    "device: our file server failed its download");
	else if (a->rec.fetched && a->rec.reached <= REACHED_DOWNLOADING)
		core_event(c, a->device, a->rec.campaign, a->rec.id,
		    EVENT_SESSION, PHASE_NONE, -1, -1, "our file server had "
		    "sent all %llu bytes; the tracker never reported 201",
		    (unsigned long long)a->rec.file_bytes);
}
