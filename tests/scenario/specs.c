#include "config.h"
#include "specs.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "base/units.h"
#include "base/wtime.h"
#include "world.h"

static int64_t
one_span(const char **at)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000},
	    {"d", 86400000}};
	const char *p = *at;
	int64_t sign = 1, v;
	size_t len = 0;
	char *end;

	if (*p == '+' || *p == '-')
		sign = *p++ == '-' ? -1 : 1;
	v = strtoll(p, &end, 10);
	if (end == p || !isdigit((unsigned char)*p))
		scn_fail("%s: no duration", *at);
	while (isalpha((unsigned char)end[len]))
		len++;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strlen(units[i].unit) == len &&
		    strncmp(end, units[i].unit, len) == 0) {
			*at = end + len;
			return sign * v * units[i].ms;
		}
	scn_fail("%s: no unit of time", *at);
}

int64_t
span_of_text(const char *text)
{
	int64_t sum = 0;

	while (*text == ' ')
		text++;
	if (*text == '\0')
		scn_fail("a duration is due");
	while (*text != '\0') {
		sum += one_span(&text);
		while (*text == ' ')
			text++;
	}
	return sum;
}

/* --- the words -------------------------------------------------------------*/

static int
number(const char *v)
{
	char *end;
	long n = strtol(v, &end, 10);

	if (*v == '\0' || *end != '\0')
		scn_fail("%s: no number", v);
	return (int)n;
}

static int64_t
per_hour(const char *v)
{
	int64_t r;

	if (units_rate(span_str(v), &r) < 0)
		scn_fail("%s: no rate", v);
	return r;
}

static void
devices(struct world *w, struct campaign_spec *s, const char *v)
{
	struct span rest = span_str(v), one;
	char name[16];

	if (strcmp(v, "all") == 0) {
		s->targets_all = true;
		return;
	}
	while (span_field(&rest, ',', &one)) {
		struct devid *p = realloc(s->devices,
		    (s->device_count + 1) * sizeof(*p));

		if (p == NULL)
			scn_fail("out of memory");
		s->devices = p;
		(void)span_copy(name, sizeof(name), one);
		if (devid_parse(span_str(world_dev(w, name)->id),
			&p[s->device_count++]) < 0)
			scn_fail("%s: no id", name);
	}
}

/* from:to[:url] */
static void
package(struct campaign_spec *s, const char *v)
{
	struct spec_package *p = realloc(s->packages,
	    (s->package_count + 1) * sizeof(*p));
	struct span rest = span_str(v), from, to = {"", 0};

	if (p == NULL)
		scn_fail("out of memory");
	s->packages = p;
	p += s->package_count++;
	memset(p, 0, sizeof(*p));
	(void)span_field(&rest, ':', &from);
	(void)span_field(&rest, ':', &to);
	p->from_any = span_is(from, "any");
	if (!p->from_any)
		(void)span_copy(p->from, sizeof(p->from), from);
	(void)span_copy(p->to, sizeof(p->to), to);
	if (rest.p != NULL)
		(void)span_copy(p->url, sizeof(p->url), rest);
	else
		(void)snprintf(p->url, sizeof(p->url),
		    "http://fw.example.org/%.*s_%s.enc", (int)from.n, from.p,
		    p->to);
}

static void
models(char (**v)[MODEL_MAX + 1], size_t *n, const char *text)
{
	struct span rest = span_str(text), one;

	while (span_field(&rest, ',', &one)) {
		*v = realloc(*v, (*n + 1) * sizeof(**v));
		if (*v == NULL)
			scn_fail("out of memory");
		(void)span_copy((*v)[(*n)++], MODEL_MAX + 1, one);
	}
}

static unsigned
wave_bit(const struct campaign_spec *s, struct span name)
{
	for (size_t i = 0; i < s->wave_count; i++)
		if (span_is(name, s->waves[i].name))
			return 1U << i;
	scn_fail("%.*s: no wave (waves= comes before rules=)", (int)name.n,
	    name.p);
}

/* Behind the figures of a rule: @wave, @edge, #first, #name+name, !abort */
static void
rule_tail(struct campaign_spec *s, struct spec_rule *r, struct span *one)
{
	while (one->n > 0) {
		size_t at = one->n - 1;
		struct span tail, name;

		while (at > 0 && strchr("@#!", one->p[at]) == NULL)
			at--;
		if (at == 0)
			return;
		tail = span_of(one->p + at + 1, one->n - at - 1);
		one->n = at;
		if (one->p[at] == '!')
			r->act = RULE_ABORT;
		else if (one->p[at] == '@')
			r->scope = span_is(tail, "wave") ? RULE_WAVE
							 : RULE_EDGE;
		else if (span_is(tail, "first"))
			r->waves = 1;
		else
			while (span_field(&tail, '+', &name))
				r->waves |= wave_bit(s, name);
	}
}

static void
texts(char (**v)[MODEL_CODE_TEXT], size_t *n, const char *text)
{
	struct span rest = span_str(text), one;

	while (span_field(&rest, ',', &one)) {
		*v = realloc(*v, (*n + 1) * sizeof(**v));
		if (*v == NULL)
			scn_fail("out of memory");
		(void)span_copy((*v)[(*n)++], MODEL_CODE_TEXT, one);
	}
}

static void
tags(struct campaign_spec *s, const char *text)
{
	struct span rest = span_str(text), one;

	while (span_field(&rest, ',', &one)) {
		s->tags = realloc(s->tags,
		    (s->tag_count + 1) * sizeof(*s->tags));
		if (s->tags == NULL)
			scn_fail("out of memory");
		(void)span_copy(s->tags[s->tag_count++], TAG_TEXT, one);
	}
}

static void
exclude(struct world *w, struct campaign_spec *s, const char *text)
{
	struct span rest = span_str(text), one;
	char name[16];

	while (span_field(&rest, ',', &one)) {
		(void)span_copy(name, sizeof(name), one);
		if (keyset_add(&s->exclude, world_dev(w, name)->key) < 0)
			scn_fail("out of memory");
	}
	keyset_seal(&s->exclude);
}

/* "none", or cause:count, cause:rate%:sample, each with a tail */
static void
rules(struct campaign_spec *s, const char *v)
{
	struct span rest = span_str(v), one, word;
	char buf[32];

	free(s->rules);
	s->rules = NULL;
	s->rule_count = 0;
	if (strcmp(v, "none") == 0)
		return;
	while (span_field(&rest, ',', &one)) {
		struct spec_rule *r = realloc(s->rules,
		    (s->rule_count + 1) * sizeof(*r));

		if (r == NULL)
			scn_fail("out of memory");
		s->rules = r;
		r += s->rule_count++;
		memset(r, 0, sizeof(*r));
		rule_tail(s, r, &one);
		(void)span_field(&one, ':', &word);
		(void)span_copy(buf, sizeof(buf), word);
		r->any = strcmp(buf, "any") == 0;
		if (!r->any) {
			int cause = cause_parse(buf);

			if (cause < 0)
				scn_fail("%s: no cause", buf);
			r->cause = (enum cause)cause;
		}
		(void)span_field(&one, ':', &word);
		(void)span_copy(buf, sizeof(buf), word);
		if (units_percent(span_str(buf), &r->rate_ppm) < 0) {
			r->count = number(buf);
			continue;
		}
		(void)span_copy(buf, sizeof(buf), one);
		r->min_sample = number(buf);
	}
}

static int
clock_minutes(struct span s)
{
	char buf[8];

	(void)span_copy(buf, sizeof(buf), s);
	if (strlen(buf) != 5 || buf[2] != ':')
		scn_fail("%s: no time of day", buf);
	return number((char[]){buf[0], buf[1], '\0'}) * 60 +
	    number((char[]){buf[3], buf[4], '\0'});
}

static unsigned
days(struct span s)
{
	static const char *const words[] = {"mon", "tue", "wed", "thu", "fri",
	    "sat", "sun"};
	unsigned bits = 0;
	struct span one;

	while (span_field(&s, '+', &one)) {
		size_t i = 0;

		while (i < ARRAY_LEN(words) && !span_is(one, words[i]))
			i++;
		if (i == ARRAY_LEN(words))
			scn_fail("%.*s: no day", (int)one.n, one.p);
		bits |= 1u << i;
	}
	return bits;
}

/* 01:00-05:00, or sat+sun@01:00-05:00 */
static void
windows(struct campaign_spec *s, const char *v)
{
	struct span rest = span_str(v), one, from;

	s->windows_always = false;
	while (span_field(&rest, ',', &one)) {
		struct spec_window *w = realloc(s->windows,
		    (s->window_count + 1) * sizeof(*w));

		if (w == NULL)
			scn_fail("out of memory");
		s->windows = w;
		w += s->window_count++;
		w->days = 0x7f;
		if (memchr(one.p, '@', one.n) != NULL) {
			(void)span_field(&one, '@', &from);
			w->days = days(from);
		}
		(void)span_field(&one, '-', &from);
		w->from_min = clock_minutes(from);
		w->to_min = clock_minutes(one);
		if (w->to_min <= w->from_min)
			w->to_min += 1440;
	}
	if (s->timezone[0] == '\0' && !s->timezone_device)
		(void)snprintf(s->timezone, sizeof(s->timezone), "UTC");
}

static int64_t
wall(const char *v)
{
	int64_t r;

	if (wtime_parse(span_str(v), &r) < 0)
		scn_fail("%s: no time", v);
	return r;
}

/* windows=, timezone=, fallback=, fit=, start=, end=, at_end= */
static bool
hours_word(struct campaign_spec *s, const char *key, const char *v)
{
	if (strcmp(key, "windows") == 0) {
		windows(s, v);
	} else if (strcmp(key, "timezone") == 0) {
		s->timezone_device = strcmp(v, "device") == 0;
		(void)snprintf(s->timezone, sizeof(s->timezone), "%s",
		    s->timezone_device ? "" : v);
	} else if (strcmp(key, "fallback") == 0) {
		(void)snprintf(s->fallback_timezone,
		    sizeof(s->fallback_timezone), "%s", v);
	} else if (strcmp(key, "fit") == 0) {
		s->window_fit = strcmp(v, "true") == 0;
	} else if (strcmp(key, "start") == 0) {
		s->schedule.start_wall = wall(v);
	} else if (strcmp(key, "end") == 0) {
		s->schedule.end_wall = wall(v);
	} else if (strcmp(key, "at_end") == 0) {
		s->schedule.cancel = strcmp(v, "cancel") == 0;
	} else {
		return false;
	}
	return true;
}

/* --- waves -----------------------------------------------------------------*/

static void
gate_word(struct spec_gate *g, const char *key, const char *v)
{
	bool fits = true;

	g->given = true;
	if (strcmp(key, "success") == 0)
		fits = units_percent(span_str(v), &g->success_ppm) == 0;
	else if (strcmp(key, "unknown") == 0)
		fits = units_percent(span_str(v), &g->unknown_max_ppm) == 0;
	else if (strcmp(key, "min_done") == 0)
		g->min_done = number(v);
	else if (strcmp(key, "soak") == 0)
		g->soak_ms = span_of_text(v);
	else if (strcmp(key, "deadline") == 0)
		g->deadline_ms = span_of_text(v);
	else if (strcmp(key, "then") == 0)
		g->hold = strcmp(v, "hold") == 0;
	else
		fits = false;
	if (!fits)
		scn_fail("%s=%s: no word of a gate", key, v);
}

static void
wave_list(struct world *w, struct spec_wave *v, struct span rest, bool stored)
{
	struct span one;
	char name[16];

	v->take = TAKE_FILE;
	while (!stored && span_field(&rest, '+', &one)) {
		v->devices = realloc(v->devices,
		    (v->device_count + 1) * sizeof(*v->devices));
		if (v->devices == NULL)
			scn_fail("out of memory");
		(void)span_copy(name, sizeof(name), one);
		if (devid_parse(span_str(world_dev(w, name)->id),
			&v->devices[v->device_count++]) < 0)
			scn_fail("%s: no id", name);
	}
}

/* A part of a wave behind its name. */
static void
wave_part(struct world *w, struct spec_wave *v, struct span part, bool stored)
{
	char word[64], *eq;
	int64_t ppm;

	(void)span_copy(word, sizeof(word), part);
	if (word[0] == 'd' && word[1] >= '0' && word[1] <= '9') {
		wave_list(w, v, part, stored);
	} else if (strncmp(word, "spread=", 7) == 0) {
		v->spread |= strcmp(word + 7, "version") == 0
		    ? SPREAD_VERSION : SPREAD_COUNTRY;
	} else if ((eq = strchr(word, '=')) != NULL) {
		*eq = '\0';
		gate_word(&v->gate, word, eq + 1);
	} else if (units_percent(part, &ppm) == 0) {
		v->take = TAKE_PERCENT;
		v->percent = (int)(ppm / 10000);
	} else {
		v->take = TAKE_COUNT;
		v->count = number(word);
	}
}

/* name[:3 | :20% | :d1+d2][:spread=version][:success=97%…], … */
static void
waves(struct world *w, struct campaign_spec *s, const char *text, bool stored)
{
	struct span rest = span_str(text), one, part;
	size_t n = 1, i = 0;

	for (const char *p = text; *p != '\0'; p++)
		n += *p == ',';
	if (spec_waves_new(s, n) < 0)
		scn_fail("out of memory");
	s->waves_given = true;
	for (; span_field(&rest, ',', &one); i++) {
		struct spec_wave *v = &s->waves[i];

		v->gate = (struct spec_gate){.given = i + 1 < n,
		    .success_ppm = 1000000, .unknown_max_ppm = 1000000};
		(void)span_field(&one, ':', &part);
		(void)span_copy(v->name, sizeof(v->name), part);
		while (span_field(&one, ':', &part))
			wave_part(w, v, part, stored);
	}
}

static bool
duration_word(struct campaign_spec *s, const char *key, const char *v)
{
	const struct {
		const char *key;
		int64_t *at;
	} words[] = {
	    {"ack", &s->timeouts.ack_ms},
	    {"confirm", &s->timeouts.confirm_ms},
	    {"start_download", &s->timeouts.start_download_ms},
	    {"download_margin", &s->timeouts.download_margin_ms},
	    {"install", &s->timeouts.install_ms},
	    {"verify", &s->timeouts.verify_ms},
	    {"probe", &s->timeouts.probe_ms},
	    {"silent", &s->timeouts.silent_ms},
	    {"download_timeout", &s->download_timeout_ms},
	    {"backoff", &s->retry.backoff_ms},
	    {"backoff_max", &s->retry.backoff_max_ms},
	    {"battery_wait", &s->retry.battery_wait_ms},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].key, key) == 0) {
			*words[i].at = span_of_text(v);
			return true;
		}
	return false;
}

static bool
number_word(struct campaign_spec *s, const char *key, const char *v)
{
	const struct {
		const char *key;
		int *at;
	} words[] = {
	    {"in_flight", &s->pace.in_flight},
	    {"dark_max", &s->pace.dark_max},
	    {"retry", &s->max_download_retry},
	    {"max_attempts", &s->retry.max_attempts},
	    {"max_deferrals", &s->retry.max_deferrals},
	    {"priority", &s->priority},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].key, key) == 0) {
			*words[i].at = number(v);
			return true;
		}
	return false;
}

static void
word(struct world *w, struct campaign_spec *s, const char *key,
    const char *v, bool stored)
{
	if (duration_word(s, key, v) || number_word(s, key, v) ||
	    hours_word(s, key, v))
		return;
	if (strcmp(key, "devices") == 0) {
		if (!stored || strcmp(v, "all") == 0)
			devices(w, s, v);
	} else if (strcmp(key, "models") == 0) {
		texts(&s->models, &s->model_count, v);
	} else if (strcmp(key, "tags") == 0) {
		tags(s, v);
	} else if (strcmp(key, "exclude") == 0) {
		exclude(w, s, v);
	} else if (strcmp(key, "membership") == 0) {
		s->dynamic = strcmp(v, "dynamic") == 0;
	} else if (strcmp(key, "version") == 0) {
		(void)snprintf(s->target_version, sizeof(s->target_version),
		    "%s", strcmp(v, "-") == 0 ? "" : v);
	} else if (strcmp(key, "package") == 0) {
		package(s, v);
	} else if (strcmp(key, "disk") == 0) {
		if (s->package_count == 0)
			scn_fail("disk= comes after package=");
		(void)snprintf(s->packages[s->package_count - 1].sha256,
		    DIGEST_TEXT, "%s", stored ? "" : v);
	} else if (strcmp(key, "file") == 0) {
		struct spec_package *p;

		if (s->package_count == 0)
			scn_fail("file= comes after package=");
		p = &s->packages[s->package_count - 1];
		p->file = strdup(v);
		(void)snprintf(p->url, sizeof(p->url),
		    "http://fw.example.org/%s", v);
	} else if (strcmp(key, "bytes") == 0) {
		if (s->package_count == 0)
			scn_fail("bytes= comes after package=");
		s->packages[s->package_count - 1].bytes = (uint64_t)number(v);
	} else if (strcmp(key, "type") == 0) {
		models(&s->require_type, &s->require_type_count, v);
	} else if (strcmp(key, "hardware") == 0) {
		models(&s->require_hardware, &s->require_hardware_count, v);
	} else if (strcmp(key, "update") == 0) {
		s->update = strcmp(v, "ble") == 0 ? UPDATE_BLE : UPDATE_MCU;
	} else if (strcmp(key, "downgrade") == 0) {
		s->downgrade = strcmp(v, "true") == 0;
	} else if (strcmp(key, "approval") == 0) {
		s->approval_required = strcmp(v, "required") == 0;
	} else if (strcmp(key, "start_rate") == 0) {
		s->pace.start_per_hour = per_hour(v);
	} else if (strcmp(key, "jitter") == 0) {
		if (units_percent(span_str(v), &s->pace.jitter_ppm) < 0)
			scn_fail("%s: no percentage", v);
	} else if (strcmp(key, "wave") == 0) {
		(void)snprintf(s->waves[0].name, sizeof(s->waves[0].name),
		    "%s", v);
	} else if (strcmp(key, "waves") == 0) {
		waves(w, s, v, stored);
	} else if (strcmp(key, "rules") == 0) {
		rules(s, v);
	} else if (strcmp(key, "description") == 0) {
		free(s->description);
		s->description = strdup(v);
	} else {
		scn_fail("%s: no word of a campaign", key);
	}
}

/* disk= says what the package file holds: no part of the campaign file. */
static void
digest(const char *text, char ret[DIGEST_TEXT])
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text != '\0'; text++) {
		if (strncmp(text, " disk=", 6) == 0)
			text += 1 + strcspn(text + 1, " ");
		if (*text == '\0')
			break;
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	}
	for (size_t i = 0; i < 4; i++)
		(void)snprintf(ret + 16 * i, 17, "%016llx",
		    (unsigned long long)prng_mix(h, i));
}

/* The store keeps this in place of the list. */
static void
targets_digest(struct campaign_spec *s)
{
	uint64_t h = s->device_count;

	for (size_t i = 0; i < s->device_count; i++)
		h = prng_mix(h, s->devices[i].key);
	(void)snprintf(s->targets_digest, sizeof(s->targets_digest),
	    "%064llx", (unsigned long long)h);
}

struct campaign_spec *
spec_of_text(struct world *w, const char *name, const char *text, bool stored)
{
	struct campaign_spec *s = spec_new();
	char *copy, *save = NULL, *p;

	if (s == NULL || (copy = strdup(text)) == NULL)
		scn_fail("out of memory");
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	free(s->text);
	s->text = strdup(text);
	s->text_len = strlen(text);
	digest(text, s->digest);
	/* What most scenarios want: to run at once, in equal steps. */
	s->approval_required = false;
	s->pace.jitter_ppm = 0;
	s->pace.start_per_hour = 360000;
	s->windows_always = true;
	(void)snprintf(s->target_version, sizeof(s->target_version), "0A05");
	for (p = strtok_r(copy, " ", &save); p != NULL;
	     p = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(p, '=');

		if (strcmp(p, "BROKEN") == 0) {
			free(copy);
			spec_free(s);
			return NULL;
		}
		if (eq == NULL)
			scn_fail("%s: key=value is due", p);
		*eq = '\0';
		word(w, s, p, eq + 1, stored);
	}
	free(copy);
	targets_digest(s);
	if (s->package_count == 0)
		package(s, s->target_version[0] == '\0' ? "any:" : "0A03:0A05");
	return s;
}
