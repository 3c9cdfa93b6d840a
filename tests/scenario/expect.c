#include "config.h"
#include "script.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wtime.h"
#include "record.h"
#include "specs.h"

/* --- commands and acknowledgements -----------------------------------------*/

static void
expect_send(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);
	struct sent s;

	if (!say_take(d, &s))
		scn_fail("%s was sent nothing", d->name);
	if (!say_matches(d, s.text, args))
		scn_fail("%s was sent %s", d->name, s.text);
}

static void
expect_nothing(struct world *w, char *args)
{
	(void)args;
	for (size_t i = 0; i < w->dev_count; i++)
		if (w->dev[i].sent_count > 0)
			scn_fail("%s was sent %s", w->dev[i].name,
			    w->dev[i].sent[0].text);
}

static bool
sacked(const struct dev *d)
{
	char wanted[COMMAND_MAX];

	for (size_t i = 0; i < MIN_OF(d->sack_count, WORLD_SACKS); i++) {
		(void)snprintf(wanted, sizeof(wanted), "%s$", d->last_count);
		if (strlen(d->sack[i]) > 5 &&
		    strcmp(d->sack[i] + strlen(d->sack[i]) - 5, wanted) == 0)
			return true;
	}
	return false;
}

static void
expect_sack(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);
	const char *newest =
	    d->sack[(d->sack_count + WORLD_SACKS - 1) % WORLD_SACKS];

	if (!sacked(d))
		scn_fail("%s: count %s was not acknowledged", d->name,
		    d->last_count);
	if (*args != '\0' && fnmatch(args, newest, 0) != 0)
		scn_fail("%s was sent %s", d->name, newest);
}

static void
expect_no(struct world *w, char *args)
{
	const char *what = script_word(&args);
	struct dev *d = script_dev(w, script_word(&args), NULL);

	if (strcmp(what, "SACK") != 0)
		scn_fail("EXPECT NO %s: not known", what);
	if (sacked(d))
		scn_fail("%s: count %s was acknowledged", d->name,
		    d->last_count);
}

static void
expect_own(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);

	if (!d->last_own)
		scn_fail("%s: was not kept", d->last_frame);
}

static void
expect_passed(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);

	if (d->last_own)
		scn_fail("%s: was kept", d->last_frame);
}

static void
expect_closed(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);

	if (d->closes == 0)
		scn_fail("%s was not closed", d->name);
	d->closes = 0;
}

/* --- targets ---------------------------------------------------------------*/

/* d1, or d1/c2 where it is in several campaigns. */
static struct view_target
target_of(struct world *w, char *name)
{
	struct view_target v[WORLD_FILES];
	char *slash = strchr(name, '/');
	struct dev *d;
	size_t n;

	if (slash != NULL)
		*slash++ = '\0';
	d = script_dev(w, name, NULL);
	n = core_view_device_targets(w->core, world_now(w), d->key, v,
	    ARRAY_LEN(v));
	for (size_t i = 0; i < n; i++)
		if (slash == NULL || strcmp(v[i].campaign, slash) == 0)
			return v[i];
	scn_fail("%s is no target", d->name);
}

static void
target_line(const struct view_target *v, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s %s %s %s attempts=%d hops=%d "
	    "blocked_by=%s missing=%s", target_state_name(v->state),
	    phase_name(v->phase), hold_name(v->hold), cause_name(v->cause),
	    v->attempts, v->hops,
	    v->blocked_by == NULL ? "" : v->blocked_by, v->missing);
}

/* attempts=N hops=N last=ATTEMPT blocked_by=CAMPAIGN missing=GLOB, blanks as _ */
static bool
target_has(const struct view_target *v, const char *word)
{
	const char *eq = strchr(word, '=');
	char text[PATH_TEXT];

	if (eq == NULL)
		return false;
	if (strncmp(word, "attempts=", 9) == 0)
		return script_number(eq + 1) == v->attempts;
	if (strncmp(word, "last=", 5) == 0)
		return script_number(eq + 1) == v->attempt;
	if (strncmp(word, "hops=", 5) == 0)
		return script_number(eq + 1) == v->hops;
	if (strncmp(word, "blocked_by=", 11) == 0)
		return v->blocked_by != NULL &&
		    strcmp(eq + 1, v->blocked_by) == 0;
	if (strncmp(word, "missing=", 8) != 0)
		return false;
	(void)snprintf(text, sizeof(text), "%s", v->missing);
	for (char *p = text; *p != '\0'; p++)
		if (*p == ' ')
			*p = '_';
	return fnmatch(eq + 1, text, 0) == 0;
}

static bool
eats(const char *word, const char *key, const char **ret)
{
	size_t n = strlen(key);

	if (strncmp(word, key, n) != 0 || word[n] != '=')
		return false;
	*ret = word + n + 1;
	return true;
}

static void
expect_target(struct world *w, char *args)
{
	struct view_target v = target_of(w, script_word(&args));
	char line[PATH_TEXT + 200];
	const char *word, *wave;
	bool first = true;

	target_line(&v, line, sizeof(line));
	while (*(word = script_word(&args)) != '\0') {
		bool fits = first
		    ? strcmp(word, target_state_name(v.state)) == 0
		    : strcmp(word, phase_name(v.phase)) == 0 ||
			strcmp(word, hold_name(v.hold)) == 0 ||
			strcmp(word, cause_name(v.cause)) == 0 ||
			(eats(word, "wave", &wave) &&
			    strcmp(wave, v.wave) == 0) ||
			target_has(&v, word);

		if (!fits)
			scn_fail("%s is not %s: %s", v.id, word, line);
		first = false;
	}
}

/* EXPECT RETRY d1 11h..13h, from now on */
static void
expect_retry(struct world *w, char *args)
{
	struct view_target v = target_of(w, script_word(&args));
	char *dots = strstr(args, "..");
	int64_t left = v.retry_wall - world_now(w).wall_ms;

	if (dots == NULL)
		scn_fail("from..to is due");
	*dots = '\0';
	if (v.retry_wall == 0)
		scn_fail("%s: no retry_at", v.id);
	if (left < span_of_text(args) || left > span_of_text(dots + 2))
		scn_fail("%s: retry in %lld ms", v.id, (long long)left);
}

/* EXPECT UNTIL d1 11h..13h, from now on: when its hold ends */
static void
expect_until(struct world *w, char *args)
{
	struct view_target v = target_of(w, script_word(&args));
	char *dots = strstr(args, "..");
	int64_t left = v.hold_until_wall - world_now(w).wall_ms;

	if (dots == NULL)
		scn_fail("from..to is due");
	*dots = '\0';
	if (v.hold_until_wall == 0)
		scn_fail("%s: no hold_until", v.id);
	if (left < span_of_text(args) || left > span_of_text(dots + 2))
		scn_fail("%s: held for %lld ms", v.id, (long long)left);
}

/* "2026-11-24T01:00:00.000Z..2026-11-24T05:00:00.000Z", or "none" */
static void
expect_span(const char *what, const char *pattern, int64_t from, int64_t to)
{
	char a[WTIME_TEXT], b[WTIME_TEXT], text[2 * WTIME_TEXT + 2] = "none";

	if (from != 0 || to != 0)
		(void)snprintf(text, sizeof(text), "%s..%s",
		    from == 0 ? "" : wtime_format(from, a),
		    to == 0 ? "" : wtime_format(to, b));
	if (fnmatch(pattern, text, 0) != 0)
		scn_fail("%s: %s", what, text);
}

static void
expect_attempt(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);
	const char *word, *v;
	size_t back = 0;
	const struct attempt_rec *a;

	if (strncmp(args, "back=", 5) == 0)
		back = (size_t)script_number(script_word(&args) + 5);
	if ((a = record_attempt(w->record, d->key, back)) == NULL)
		scn_fail("%s: no attempt on disk", d->name);
	while (*(word = script_word(&args)) != '\0') {
		bool fits;

		if (eats(word, "phase", &v))
			fits = strcmp(v, phase_name(a->phase)) == 0;
		else if (eats(word, "reached", &v))
			fits = strcmp(v, reached_name(a->reached)) == 0;
		else if (eats(word, "result", &v))
			fits = strcmp(v, result_name(a->result)) == 0;
		else if (eats(word, "cause", &v))
			fits = strcmp(v, cause_name(a->cause)) == 0;
		else if (eats(word, "code", &v))
			fits = script_number(v) == a->code;
		else if (eats(word, "times", &v))
			fits = script_number(v) == a->times;
		else if (eats(word, "serial", &v))
			fits = strtol(v, NULL, 16) == a->serial;
		else if (eats(word, "gets", &v))
			fits = script_number(v) == a->gets;
		else if (eats(word, "fetched", &v))
			fits = (v[0] == 'y') == a->fetched;
		else if (eats(word, "fault", &v))
			fits = (v[0] == 'y') == a->file_fault;
		else
			scn_fail("%s: nothing an attempt has", word);
		if (!fits)
			scn_fail("attempt %lld is not %s: phase=%s reached=%s "
			    "result=%s cause=%s code=%d,%d serial=%04X",
			    (long long)a->id, word, phase_name(a->phase),
			    reached_name(a->reached), result_name(a->result),
			    cause_name(a->cause), a->code, a->times,
			    a->serial);
	}
}

/* --- campaigns, status, devices --------------------------------------------*/

static bool
campaign_number(const struct view_campaign *v, const char *key, long *ret)
{
	int i;

	if (strcmp(key, "total") == 0)
		*ret = (long)v->total;
	else if (strcmp(key, "in_flight") == 0)
		*ret = (long)v->in_flight;
	else if (strcmp(key, "dark") == 0)
		*ret = (long)v->dark;
	else if (strcmp(key, "attempts") == 0)
		*ret = (long)v->attempts;
	else if (strncmp(key, "ended:", 6) == 0 &&
	    (i = result_parse(key + 6)) >= 0)
		*ret = (long)v->results[i];
	else if (strcmp(key, "revision") == 0)
		*ret = v->revision;
	else if (strcmp(key, "rate") == 0)
		*ret = (long)v->per_hour;
	else if ((i = target_state_parse(key)) >= 0)
		*ret = (long)v->targets[i];
	else if ((i = cause_parse(key)) >= 0)
		*ret = (long)v->causes[i];
	else if ((i = hold_parse(key)) >= 0)
		*ret = (long)v->holds[i];
	else
		return false;
	return true;
}

static void
expect_campaign(struct world *w, char *args)
{
	const char *name = script_word(&args);
	struct view_campaign v;
	char *word;

	if (!core_view_campaign(w->core, world_now(w), name, &v))
		scn_fail("no campaign %s", name);
	while (*(word = script_word(&args)) != '\0') {
		char *eq = strchr(word, '=');
		long have;

		if (eq == NULL) {
			if (strcmp(word, campaign_state_name(v.state)) != 0 &&
			    strcmp(word, pause_reason_name(v.reason)) != 0)
				scn_fail("%s is not %s: %s %s %s", name, word,
				    campaign_state_name(v.state),
				    pause_reason_name(v.reason),
				    v.reason_text);
			continue;
		}
		*eq = '\0';
		if (strcmp(word, "text") == 0) {
			if (fnmatch(eq + 1, v.reason_text, 0) != 0)
				scn_fail("%s: text %s", name, v.reason_text);
			continue;
		}
		if (strcmp(word, "eta") == 0) {
			expect_span(word, eq + 1, v.eta_wall, v.eta_wall);
			continue;
		}
		if (strcmp(word, "window") == 0) {
			expect_span(word, eq + 1, v.window_from_wall,
			    v.window_to_wall);
			continue;
		}
		if (strcmp(word, "schedule") == 0) {
			expect_span(word, eq + 1, v.schedule_start_wall,
			    v.schedule_end_wall);
			continue;
		}
		if (!campaign_number(&v, word, &have))
			scn_fail("%s: nothing a campaign has", word);
		if (have != script_number(eq + 1))
			scn_fail("%s: %s is %ld", name, word, have);
	}
}

static bool
wave_number(const struct view_wave *v, const char *key, long *ret)
{
	int i;

	if (strcmp(key, "total") == 0)
		*ret = (long)v->total;
	else if (strcmp(key, "done") == 0)
		*ret = (long)v->done;
	else if (strcmp(key, "offline") == 0)
		*ret = (long)v->offline;
	else if (strcmp(key, "min_done") == 0)
		*ret = (long)v->min_done;
	else if ((i = target_state_parse(key)) >= 0)
		*ret = (long)v->targets[i];
	else
		return false;
	return true;
}

/* EXPECT WAVE c1 canary soaking done=3 lacks=… text=… until=… by=… */
static void
expect_wave(struct world *w, char *args)
{
	const char *campaign = script_word(&args), *name = script_word(&args);
	struct view_wave all[WAVES_MAX], *v = NULL;
	struct view_looks looks = {0};
	size_t n, room = SIZE_MAX;
	const char *word, *text;

	(void)core_view_looks(w->core, campaign, &room, &looks);
	n = core_view_waves(w->core, world_now(w), campaign, &looks, all,
	    WAVES_MAX);

	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0)
			v = &all[i];
	if (v == NULL)
		scn_fail("%s has no wave %s", campaign, name);
	while (*(word = script_word(&args)) != '\0') {
		char key[32] = "";
		long have = 0;
		bool fits;

		if (eats(word, "text", &text))
			fits = fnmatch(text, v->reason, 0) == 0;
		else if (eats(word, "lacks", &text))
			fits = fnmatch(text, v->lacks, 0) == 0;
		else if (eats(word, "by", &text))
			fits = strcmp(text, v->approved_by) == 0;
		else if (eats(word, "soak", &text))
			fits = v->soak_until_wall - world_now(w).wall_ms ==
			    span_of_text(text);
		else if (eats(word, "deadline", &text))
			fits = v->deadline_wall - world_now(w).wall_ms ==
			    span_of_text(text);
		else if (strchr(word, '=') == NULL)
			fits = strcmp(word, wave_state_name(v->state)) == 0;
		else {
			text = strchr(word, '=') + 1;
			(void)snprintf(key, sizeof(key), "%.*s",
			    (int)(text - 1 - word), word);
			if (!wave_number(v, key, &have))
				scn_fail("%s: nothing a wave has", word);
			fits = have == script_number(text);
		}
		if (!fits)
			scn_fail("wave %s is not %s: %s, %zu of %zu done, "
			    "lacks \"%s\", text \"%s\"", name, word,
			    wave_state_name(v->state), v->done, v->total,
			    v->lacks, v->reason);
	}
}

static void
expect_status(struct world *w, char *args)
{
	struct view_status v;
	char *word;

	core_view_status(w->core, &v);
	while (*(word = script_word(&args)) != '\0') {
		const struct {
			const char *key;
			long have;
		} keys[] = {
		    {"halted", v.halted}, {"draining", v.draining},
		    {"store_ok", v.store_ok},
		    {"in_flight", (long)v.in_flight}, {"dark", (long)v.dark},
		    {"known", (long)v.devices_known},
		    {"online", (long)v.devices_online},
		    {"observed", (long)v.devices_observed},
		    {"evicted", (long)v.observed_evicted},
		    {"repeats", (long)v.repeats},
		    {"foreign", (long)v.foreign_updates},
		    {"quarantined", (long)v.quarantined},
		    {"quarantine_refused", (long)v.quarantine_refused},
		    {"takeovers", (long)v.takeovers},
		    {"starts", (long)v.commands_start},
		    {"stops", (long)v.commands_stop},
		    {"reads", (long)v.commands_read},
		};
		char *eq = strchr(word, '=');
		size_t i;

		if (eq == NULL)
			scn_fail("%s: key=value is due", word);
		*eq = '\0';
		for (i = 0; i < ARRAY_LEN(keys); i++)
			if (strcmp(keys[i].key, word) == 0)
				break;
		if (i == ARRAY_LEN(keys))
			scn_fail("%s: nothing the status has", word);
		if (keys[i].have != script_number(eq + 1))
			scn_fail("%s is %ld", word, keys[i].have);
	}
}

/* FROM..TO from now on, or none. */
static bool
expected_at(const struct world *w, int64_t wall, const char *text)
{
	int64_t left = wall - world_now(w).wall_ms;
	char from[32];
	const char *dots = strstr(text, "..");

	if (dots == NULL)
		return strcmp(text, "none") == 0 && wall == 0;
	(void)snprintf(from, sizeof(from), "%.*s", (int)(dots - text), text);
	return wall != 0 && left >= span_of_text(from) &&
	    left <= span_of_text(dots + 2);
}

static void
expect_device(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);
	struct view_device v;
	const char *word, *text;

	if (!core_view_device(w->core, world_now(w), d->id, &v)) {
		if (strcmp(args, "unknown") != 0)
			scn_fail("%s is not known", d->name);
		return;
	}
	while (*(word = script_word(&args)) != '\0') {
		bool fits;

		if (strcmp(word, "online") == 0)
			fits = v.online;
		else if (strcmp(word, "offline") == 0)
			fits = !v.online;
		else if (strcmp(word, "observed") == 0)
			fits = v.observed;
		else if (strcmp(word, "registered") == 0)
			fits = v.registered;
		else if (strcmp(word, "listed") == 0)
			fits = !v.observed;
		else if (strcmp(word, "excluded") == 0)
			fits = v.exclusion != NULL;
		else if (strcmp(word, "included") == 0)
			fits = v.exclusion == NULL;
		else if (strcmp(word, "never") == 0)
			fits = v.never;
		else if (eats(word, "tags", &text))
			fits = strcmp(text, v.tags) == 0;
		else if (eats(word, "zone", &text))
			fits = strcmp(text, v.timezone) == 0;
		else if (eats(word, "country", &text))
			fits = strcmp(text, v.country) == 0;
		else if (eats(word, "name", &text))
			fits = strcmp(text, v.name) == 0;
		else if (eats(word, "version", &text))
			fits = strcmp(text, v.mcu) == 0;
		else if (eats(word, "type", &text))
			fits = strcmp(text, v.device_type) == 0;
		else if (eats(word, "id", &text))
			fits = strcmp(text, v.id) == 0;
		else if (eats(word, "diagnosis", &text))
			fits = *text == '\0' ? *v.diagnosis == '\0'
			    : strstr(v.diagnosis, text) != NULL;
		else if (eats(word, "next", &text))
			fits = expected_at(w, v.next_contact_wall, text);
		else if (eats(word, "seen", &text))
			fits = v.last_seen_wall ==
			    world_now(w).wall_ms - span_of_text(text);
		else
			scn_fail("%s: nothing a device has", word);
		if (!fits)
			scn_fail("%s is not %s", d->name, word);
	}
}

/* --- answers and history ---------------------------------------------------*/

static void
expect_oper(struct world *w, char *args)
{
	static const char *const names[] = {"ok", "not_found", "refused",
	    "bad"};
	const char *word, *v;

	while (*(word = script_word(&args)) != '\0') {
		bool fits;

		if (eats(word, "in_flight", &v))
			fits = script_number(v) == w->oper.in_flight;
		else if (eats(word, "stoppable", &v))
			fits = script_number(v) == w->oper.stoppable;
		else if (eats(word, "flashing", &v))
			fits = script_number(v) == w->oper.flashing;
		else
			fits = strcmp(word, names[w->oper.status]) == 0 ||
			    strcmp(word, w->oper.code) == 0;
		if (!fits)
			scn_fail("the answer is not %s: %s %s (%s) "
			    "in_flight=%d stoppable=%d flashing=%d", word,
			    names[w->oper.status], w->oper.code,
			    w->oper.message, w->oper.in_flight,
			    w->oper.stoppable, w->oper.flashing);
	}
}

static void
expect_file(struct world *w, char *args)
{
	static const char *const names[] = {"new", "same", "changed",
	    "refused"};
	const char *word = script_word(&args);

	if (strcmp(word, names[w->verdict]) != 0)
		scn_fail("the file is %s: %s", names[w->verdict],
		    w->file_err.text);
	if (*args != '\0' && fnmatch(args, w->file_err.text, 0) != 0)
		scn_fail("the reason is: %s", w->file_err.text);
}

static void
expect_event(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);
	const struct event_rec *e;

	for (size_t i = 0;
	     (e = record_event(w->record, d->key, i)) != NULL; i++) {
		char line[RAW_MAX + 64];

		(void)snprintf(line, sizeof(line), "%s %s",
		    event_kind_name(e->kind), e->text);
		if (fnmatch(args, line, 0) == 0)
			return;
	}
	scn_fail("%s: no such event on disk", d->name);
}

static void
expect_note(struct world *w, char *args)
{
	for (size_t i = 0; i < MIN_OF(w->note_count, WORLD_NOTES); i++)
		if (fnmatch(args, w->note[i], 0) == 0)
			return;
	scn_fail("no such note");
}

void
expect(struct world *w, char *args)
{
	static const struct {
		const char *what;
		void (*fn)(struct world *w, char *args);
	} table[] = {
	    {"SEND", expect_send}, {"NOTHING", expect_nothing},
	    {"SACK", expect_sack}, {"NO", expect_no},
	    {"OWN", expect_own}, {"PASSED", expect_passed},
	    {"CLOSED", expect_closed}, {"TARGET", expect_target},
	    {"RETRY", expect_retry}, {"UNTIL", expect_until},
	    {"ATTEMPT", expect_attempt},
	    {"CAMPAIGN", expect_campaign}, {"STATUS", expect_status},
	    {"DEVICE", expect_device}, {"OPER", expect_oper},
	    {"FILE", expect_file}, {"EVENT", expect_event},
	    {"NOTE", expect_note}, {"WAVE", expect_wave},
	};
	const char *what = script_word(&args);

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].what, what) == 0) {
			table[i].fn(w, args);
			return;
		}
	scn_fail("EXPECT %s: not known", what);
}
