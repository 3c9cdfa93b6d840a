/*
 * fuzz_yaml: trackupd.yaml, campaign files and list files.
 *
 * The first line of the input names the loader (daemon, campaign, list), what
 * follows is its text; an input that names none goes to all three.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/campaign_file.h"
#include "config/daemon_conf.h"
#include "config/id_list.h"
#include "config/notes.h"
#include "config/zone.h"
#include "fuzz.h"

#define LIST "A000002B41DEE0\n867162026310811\n"
#define OF_LIST "campaign: a\ntargets: {file: l}\nwindows: always\n" \
	"packages: [{from: any, to: '', url: 'http://h/x'}]\n" \
	"waves: [{name: all}]\n"

/* Whatever came in, a log may be made of what goes out. */
static void
check_diag(const struct sbuf *diag, bool good)
{
	struct span s = span_of(sbuf_str(diag), diag->len);
	size_t lines = 0;

	MUST(!diag->failed && (good || s.n > 0));
	while (s.n > 0) {
		uint32_t c;
		size_t len = text_utf8(s.p, s.n, &c);

		MUST(len > 0 && (c == '\n' || c == '\t' || text_shows(c)));
		lines += c == '\n';
		s = span_of(s.p + len, s.n - len);
	}
	/* Errors and warnings, three lines each, and one that sums up. */
	MUST(lines <= 2 * NOTES_MAX * 3 + 1);
}

static void
try_daemon(const char *text, size_t len)
{
	struct sbuf diag, first, second;
	struct daemon_conf *c, *again;

	sbuf_init(&diag, 0);
	c = daemon_conf_parse("f.yaml", text, len, &diag);
	check_diag(&diag, c != NULL);
	if (c != NULL) {
		sbuf_init(&first, 0);
		sbuf_init(&second, 0);
		daemon_conf_dump(c, &first);
		sbuf_clear(&diag);
		again = daemon_conf_parse("d.yaml", sbuf_str(&first), first.len,
		    &diag);
		/* Only a masked password may be in the way. */
		MUST(again != NULL || c->files_user[0] != '\0');
		if (again != NULL) {
			daemon_conf_dump(again, &second);
			MUST(strcmp(sbuf_str(&first), sbuf_str(&second)) == 0);
		}
		daemon_conf_free(again);
		sbuf_done(&first);
		sbuf_done(&second);
	}
	daemon_conf_free(c);
	sbuf_done(&diag);
}

static int
read_list(void *arg, const char *campaign_path, const char *list,
    char **ret_text, size_t *ret_len, struct errtext *err)
{
	const struct span *text = arg;

	(void)campaign_path;
	if (list[0] != 'l')
		return list[0] == 'm' ? CAMPAIGN_FILES_MISSING :
		    errtext_set(err, -1, "no such file");
	*ret_text = malloc(text->n + 1);
	MUST(*ret_text != NULL);
	memcpy(*ret_text, text->p, text->n);
	*ret_len = text->n;
	return 0;
}

static int
package(void *arg, const char *file, uint64_t *ret_bytes,
    char ret_sha256[DIGEST_TEXT], struct errtext *err)
{
	(void)arg;
	(void)err;
	MUST(file[0] != '/' && strncmp(file, "../", 3) != 0);
	MUST(strstr(file, "/../") == NULL && strstr(file, "//") == NULL);
	*ret_bytes = 4711;
	memset(ret_sha256, '0', DIGEST_TEXT - 1);
	ret_sha256[DIGEST_TEXT - 1] = '\0';
	return 0;
}

static void
digest(void *arg, const char *const *part, const size_t *len, size_t count,
    char ret[DIGEST_TEXT])
{
	(void)arg;
	MUST(count >= 1 && part[0] != NULL && len[0] > 0);
	ret[0] = '\0';
}

static void
check_hours(const struct campaign_spec *s, bool stored)
{
	const int64_t from = INT64_C(1795392000000);
	const int64_t to = from + INT64_C(9) * 86400000;
	struct wall_span *v;
	size_t n;

	MUST(s->windows_always == (s->window_count == 0));
	MUST(s->window_count <= WINDOWS_MAX);
	MUST(s->schedule.start_wall >= 0 && (s->schedule.end_wall == 0 ||
		s->schedule.end_wall > s->schedule.start_wall));
	for (size_t i = 0; i < s->window_count; i++) {
		const struct spec_window *w = &s->windows[i];

		MUST(w->days >= 1 && w->days <= 0x7f);
		MUST(w->from_min >= 0 && w->from_min < 1440);
		MUST(w->to_min > w->from_min &&
		    w->to_min <= w->from_min + 1440);
	}
	if (s->windows_always || s->timezone_device)
		return;
	MUST(s->timezone[0] != '\0');
	if (zone_windows(s->timezone, s->windows, s->window_count, from, to,
		&v, &n) < 0) {
		MUST(stored);
		return;
	}
	MUST(n > 0);
	for (size_t i = 0; i < n; i++)
		MUST(v[i].from_wall < v[i].to_wall && v[i].from_wall >= from &&
		    v[i].to_wall <= to &&
		    (i == 0 || v[i - 1].to_wall < v[i].from_wall));
	free(v);
}

static void
check_spec(const struct campaign_spec *s, size_t len)
{
	MUST(s->name[0] != '\0' && s->text_len == len);
	MUST(s->package_count > 0);
	MUST(s->pace.in_flight >= 1 && s->retry.max_attempts >= 1);
	MUST(s->download_timeout_ms % 60000 == 0);
	MUST(s->retry.backoff_ms <= s->retry.backoff_max_ms);
	for (size_t i = 0; i < s->package_count; i++) {
		MUST(command_url_ok(s->packages[i].url));
		MUST((s->packages[i].to[0] == '\0') ==
		    (s->target_version[0] == '\0'));
	}
	for (size_t i = 0; i < s->device_count; i++)
		MUST(s->devices[i].key != 0);
}

static void
try_campaign(const char *text, size_t len, struct span list, bool stored)
{
	struct campaign_env env = {.arg = &list, .read_list = read_list,
	    .package = package, .digest = digest,
	    .public_url = "http://fw.example.org:9622", .stored = stored};
	struct campaign_spec *s = NULL;
	struct sbuf diag, missing;
	int r;

	sbuf_init(&diag, 0);
	sbuf_init(&missing, 0);
	r = campaign_parse("f.yaml", text, len, &env, &s, &diag, &missing);
	MUST((r == 0) == (s != NULL));
	MUST((r == CAMPAIGN_FILES_MISSING) == (missing.len > 0 && r != -1));
	check_diag(&diag, r != -1);
	if (s != NULL) {
		check_spec(s, len);
		check_hours(s, stored);
	}
	spec_free(s);
	sbuf_done(&diag);
	sbuf_done(&missing);
	/* What was good once is good when it comes back from the store. */
	if (r == 0 && !stored)
		try_campaign(text, len, list, true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of((const char *)data, size), line = {0};
	struct span all = rest;
	bool daemon, campaign, list;

	(void)text_line(&rest, &line);
	daemon = span_is(line, "daemon");
	campaign = span_is(line, "campaign");
	list = span_is(line, "list");
	if (!daemon && !campaign && !list)
		daemon = campaign = list = true;
	else
		all = rest;
	if (daemon)
		try_daemon(all.p, all.n);
	if (campaign)
		try_campaign(all.p, all.n, SPAN_LIT(LIST), false);
	if (list)
		try_campaign(OF_LIST, sizeof(OF_LIST) - 1, all, false);
	return 0;
}
