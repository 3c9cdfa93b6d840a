#include "config.h"
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "specs.h"
#include "fleet.h"
#include "fetch.h"

#define LINES_MAX 2000
#define LINE_MAX_ 2000

struct line {
	int number;
	char *text;
};

struct script {
	struct line line[LINES_MAX];
	size_t count;
};

bool script_lenient;

/* --- reading ---------------------------------------------------------------*/

char *
script_word(char **at)
{
	char *p = *at, *word;

	while (*p == ' ')
		p++;
	word = p;
	while (*p != '\0' && *p != ' ')
		p++;
	if (*p != '\0')
		*p++ = '\0';
	while (*p == ' ')
		p++;
	*at = p;
	return word;
}

long
script_number(const char *text)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0')
		scn_fail("%s: a number is due", text);
	return v;
}

struct dev *
script_dev(struct world *w, const char *name, struct wconn **ret_conn)
{
	char buf[32];
	char *dot;
	struct dev *d;

	(void)snprintf(buf, sizeof(buf), "%s", name);
	if ((dot = strchr(buf, '.')) != NULL)
		*dot++ = '\0';
	d = world_dev(w, buf);
	if (ret_conn != NULL)
		*ret_conn = dot == NULL
		    ? dev_conn(d)
		    : dev_conn_nth(d, (size_t)script_number(dot));
	return d;
}

/* Comments and blank lines are gone; an indented line goes on from the one
 * before it. */
static void
add_line(struct world *w, struct script *s, char *text, int number)
{
	size_t len = strcspn(text, "\n");
	char *old;

	text[len] = '\0';
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		text[--len] = '\0';
	if (text[strspn(text, " \t")] == '\0' ||
	    text[strspn(text, " \t")] == '#')
		return;
	for (char *p = text; *p != '\0'; p++)
		if (*p == '\t')
			*p = ' ';
	w->line = number;
	if (text[0] == ' ') {
		if (s->count == 0)
			scn_fail("nothing to go on from");
		old = s->line[s->count - 1].text;
		text += strspn(text, " ");
		if (asprintf(&s->line[s->count - 1].text, "%s %s", old,
			text) < 0)
			scn_fail("out of memory");
		free(old);
		return;
	}
	if (s->count == LINES_MAX)
		scn_fail("too long");
	s->line[s->count].number = number;
	if ((s->line[s->count++].text = strdup(text)) == NULL)
		scn_fail("out of memory");
}

static void
read_script(struct world *w, struct script *s, const char *path)
{
	FILE *f = fopen(path, "re");
	char buf[LINE_MAX_];
	int number = 0;

	if (f == NULL)
		scn_fail("cannot be read");
	while (fgets(buf, sizeof(buf), f) != NULL)
		add_line(w, s, buf, ++number);
	(void)fclose(f);
	if (s->count == 0)
		scn_fail("says nothing");
}

bool
script_has(const char *path, const char *word)
{
	FILE *f = fopen(path, "re");
	char buf[LINE_MAX_];
	bool found = false;

	if (f == NULL)
		return false;
	while (!found && fgets(buf, sizeof(buf), f) != NULL)
		found = strncmp(buf, word, strlen(word)) == 0;
	(void)fclose(f);
	return found;
}

/* --- commands --------------------------------------------------------------*/

static int64_t
rate(const char *v)
{
	int64_t r;

	if (units_rate(span_str(v), &r) < 0)
		scn_fail("%s: no rate", v);
	return r;
}

static void
config_word(struct world *w, const char *key, const char *v)
{
	struct core_config *c = &w->cfg;

	if (strcmp(key, "in_flight") == 0)
		c->in_flight = (int)script_number(v);
	else if (strcmp(key, "start_rate") == 0)
		c->start_per_hour = rate(v);
	else if (strcmp(key, "read_rate") == 0)
		c->read_per_hour = rate(v);
	else if (strcmp(key, "files") == 0)
		c->file_server = strcmp(v, "ours") == 0;
	else if (strcmp(key, "downloads") == 0)
		c->file_downloads = (int)script_number(v);
	else if (strcmp(key, "rate") == 0)
		c->file_rate = script_number(v);
	else if (strcmp(key, "piece") == 0)
		c->piece = (int)script_number(v);
	else if (strcmp(key, "observed_max") == 0)
		c->observed_max = (int)script_number(v);
	else if (strcmp(key, "unknown") == 0)
		c->unknown = v[0] == 'o' ? UNKNOWN_OBSERVE
		    : strcmp(v, "refuse") == 0 ? UNKNOWN_REFUSE
					       : UNKNOWN_REGISTER;
	else if (strcmp(key, "sack") == 0)
		c->sack = strcmp(v, "all") == 0 ? SACK_ALL : SACK_HEARTBEAT;
	else if (strcmp(key, "password") == 0)
		(void)snprintf(c->password, sizeof(c->password), "%s", v);
	else if (strcmp(key, "user") == 0)
		(void)snprintf(c->file_user, sizeof(c->file_user), "%s", v);
	else if (strcmp(key, "secret") == 0)
		(void)snprintf(c->file_secret, sizeof(c->file_secret), "%s",
		    v);
	else
		scn_fail("%s: no word of CONFIG", key);
}

static void
cmd_config(struct world *w, char *args)
{
	char *word;

	while (*(word = script_word(&args)) != '\0') {
		char *eq = strchr(word, '=');

		if (eq == NULL)
			scn_fail("%s: key=value is due", word);
		*eq = '\0';
		config_word(w, word, eq + 1);
	}
	if (w->core != NULL)
		world_configure(w);
}

static void
cmd_device(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);
	char *word;

	while (*(word = script_word(&args)) != '\0') {
		char *v = strchr(word, '=');
		struct devid id;

		if (v == NULL)
			scn_fail("%s: key=value is due", word);
		*v++ = '\0';
		if (strcmp(word, "id") == 0) {
			if (devid_parse(span_str(v), &id) < 0)
				scn_fail("%s: no id", v);
			(void)snprintf(d->id, sizeof(d->id), "%s", v);
			d->key = id.key;
		} else if (strcmp(word, "count") == 0) {
			d->count = (uint16_t)strtoul(v, NULL, 16);
		} else if (strcmp(word, "type") == 0) {
			(void)snprintf(d->type, sizeof(d->type), "%s", v);
		} else if (strcmp(word, "hardware") == 0) {
			(void)snprintf(d->hardware, sizeof(d->hardware), "%s",
			    v);
		} else if (strcmp(word, "protover") == 0) {
			(void)snprintf(d->protover, sizeof(d->protover), "%s",
			    v);
		} else {
			scn_fail("%s: no word of DEVICE", word);
		}
	}
}

/* FILE c1 gone | broken | back | the words of a campaign: what the next reload
 * or start will find. */
static void
cmd_file(struct world *w, char *args)
{
	struct disk_file *f = world_file(w, script_word(&args));

	if (strcmp(args, "gone") == 0) {
		f->gone = true;
	} else if (strcmp(args, "broken") == 0) {
		f->broken = true;
		f->gone = false;
	} else if (strcmp(args, "back") == 0) {
		f->gone = f->broken = false;
	} else {
		free(f->text);
		if ((f->text = strdup(args)) == NULL)
			scn_fail("out of memory");
		f->gone = f->broken = false;
	}
}

static void
cmd_reload(struct world *w, char *args)
{
	(void)args;
	world_reload(w);
}

static void
cmd_campaign(struct world *w, char *args)
{
	cmd_file(w, args);
	world_reload(w);
}

static void
cmd_connect(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);

	bool udp = false, relay = false;
	const char *word;

	d->from[0] = '\0';
	while (*(word = script_word(&args)) != '\0')
		if (strncmp(word, "from=", 5) == 0) {
			(void)snprintf(d->from, sizeof(d->from), "%s",
			    word + 5);
		} else {
			udp = udp || strcmp(word, "udp") == 0;
			relay = relay || strcmp(word, "relay") == 0;
		}
	(void)world_connect(w, d, udp, relay);
}

static void
cmd_platform(struct world *w, char *args)
{
	struct wconn *c;
	struct dev *d = script_dev(w, script_word(&args), &c);

	if (c == NULL)
		scn_fail("%s is not connected", d->name);
	if (strcmp(args, "begins") == 0) {
		c->core.inside = true;
		return;
	}
	if (strcmp(args, "ends") == 0) {
		c->core.inside = false;
		world_event(w, &(struct ev){.kind = EV_BETWEEN,
		    .conn = &c->core});
		return;
	}
	world_event(w, &(struct ev){.kind = EV_FOREIGN, .conn = &c->core});
}

static void
cmd_close(struct world *w, char *args)
{
	struct wconn *c;
	struct dev *d = script_dev(w, script_word(&args), &c);

	if (c == NULL)
		scn_fail("%s is not connected", d->name);
	world_close(w, c);
}

static void
cmd_ended(struct world *w, char *args)
{
	struct wconn *c;
	struct dev *d = script_dev(w, script_word(&args), &c);

	if (c == NULL)
		scn_fail("%s is not connected", d->name);
	world_ended(w, c);
}

static void
cmd_recv(struct world *w, char *args)
{
	struct wconn *c;
	struct dev *d = script_dev(w, script_word(&args), &c);

	say(w, d, c, args);
}

static void
cmd_bring(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);

	say_bring(w, d, args);
}

static void
cmd_pass(struct world *w, char *args)
{
	world_pass(w, span_of_text(args));
}

static void
cmd_at(struct world *w, char *args)
{
	world_pass(w, span_of_text(args) - w->elapsed_ms);
}

/* The daemon is kept busy: no timer fires until time passes again. */
static void
cmd_stall(struct world *w, char *args)
{
	w->elapsed_ms += span_of_text(args);
}

static void
cmd_auto(struct world *w, char *args)
{
	w->auto_durable = strcmp(args, "on") == 0;
	world_settle(w);
}

static void
cmd_durable(struct world *w, char *args)
{
	(void)args;
	world_durable(w);
}

static void
cmd_store(struct world *w, char *args)
{
	if (strcmp(args, "low") == 0) {
		world_store_low(w);
		return;
	}
	if (strcmp(args, "full") != 0 && strcmp(args, "ok") != 0)
		scn_fail("STORE full, low or ok");
	world_store(w, strcmp(args, "ok") == 0);
}

static void
cmd_kernel(struct world *w, char *args)
{
	struct dev *d = script_dev(w, script_word(&args), NULL);

	d->kernel_full = strcmp(args, "full") == 0;
	d->kernel_torn = strcmp(args, "torn") == 0;
	if (!d->kernel_full && !d->kernel_torn)
		scn_fail("KERNEL full or torn");
}

static void
cmd_jump(struct world *w, char *args)
{
	if (strcmp(script_word(&args), "wall") != 0)
		scn_fail("JUMP wall");
	w->wall_base_ms += span_of_text(args);
}

static void
cmd_crash(struct world *w, char *args)
{
	int64_t down = 1000;
	bool other_boot = false, restored = false, kept = false;
	const char *word;

	while (*(word = script_word(&args)) != '\0')
		if (strncmp(word, "down=", 5) == 0)
			down = span_of_text(word + 5);
		else if (strcmp(word, "reboot") == 0)
			other_boot = true;
		else if (strcmp(word, "restored") == 0)
			restored = true;
		else if (strcmp(word, "kept") == 0)
			kept = true;
		else
			scn_fail("%s: no word of CRASH", word);
	if (kept)
		world_keep(w);
	world_crash(w, down, other_boot, restored);
	if (kept)
		world_resume(w);
}

static void
cmd_stop(struct world *w, char *args)
{
	world_operate(w, &(struct oper){
		.kind = OPER_DRAIN, .who = "signal", .reason = "SIGTERM"});
	while (w->batches != NULL && !w->store_full)
		world_durable(w);
	cmd_crash(w, args);
}

static void
cmd_oper(struct world *w, char *args)
{
	static const struct {
		const char *word;
		enum oper_kind kind;
		bool campaign, device;
	} table[] = {
	    {"start", OPER_CAMPAIGN_START, true, false},
	    {"pause", OPER_CAMPAIGN_PAUSE, true, false},
	    {"resume", OPER_CAMPAIGN_RESUME, true, false},
	    {"abort", OPER_CAMPAIGN_ABORT, true, false},
	    {"halt", OPER_HALT, false, false},
	    {"resume-all", OPER_RESUME_ALL, false, false},
	    {"drain", OPER_DRAIN, false, false},
	    {"probe", OPER_DEVICE_PROBE, false, true},
	    {"cancel", OPER_DEVICE_CANCEL, false, true},
	    {"approve", OPER_WAVE_APPROVE, true, false},
	    {"retry-failed", OPER_CAMPAIGN_RETRY, true, false},
	    {"exclude", OPER_DEVICE_EXCLUDE, false, true},
	    {"include", OPER_DEVICE_INCLUDE, false, true},
	    {"release", OPER_DEVICE_RELEASE, false, true},
	};
	const char *word = script_word(&args), *name = script_word(&args);
	struct oper op = {.who = "uid:0", .reason = "scenario"};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(table[i].word, word) != 0)
			continue;
		op.kind = table[i].kind;
		if (table[i].campaign)
			op.campaign = name;
		if (table[i].device)
			op.device = name[0] == 'd'
			    ? script_dev(w, name, NULL)->id
			    : name;
		if (op.kind == OPER_WAVE_APPROVE) {
			op.wave = script_word(&args);
			op.force = strcmp(args, "force") == 0;
		}
		op.dry_run = strcmp(args, "dry-run") == 0;
		if (op.kind == OPER_CAMPAIGN_RETRY && *args != '\0')
			op.cause = (enum cause)cause_parse(args);
		op.cancel = strstr(args, "cancel") != NULL;
		if (strncmp(args, "for=", 4) == 0)
			op.for_ms = span_of_text(args + 4);
		if (strncmp(args, "digest=", 7) == 0)
			op.digest = args + 7;
		world_operate(w, &op);
		return;
	}
	scn_fail("OPER %s: not known", word);
}

static const struct {
	const char *word;
	void (*fn)(struct world *w, char *args);
} commands[] = {
    {"ROW", cmd_row}, {"NEVER", cmd_never}, {"NETWORKS", cmd_networks},
    {"MODEL", cmd_model}, {"FLEET", cmd_fleet},
    {"DEVICE", cmd_device}, {"FETCH", cmd_fetch}, {"FILE", cmd_file}, {"RELOAD", cmd_reload},
    {"CAMPAIGN", cmd_campaign}, {"CONNECT", cmd_connect},
    {"CLOSE", cmd_close}, {"ENDED", cmd_ended},
    {"PLATFORM", cmd_platform},
    {"RECV", cmd_recv}, {"BRING", cmd_bring},
    {"PASS", cmd_pass}, {"AT", cmd_at}, {"STALL", cmd_stall},
    {"AUTO", cmd_auto},
    {"DURABLE", cmd_durable}, {"STORE", cmd_store},
    {"KERNEL", cmd_kernel}, {"JUMP", cmd_jump}, {"CRASH", cmd_crash},
    {"STOP", cmd_stop}, {"OPER", cmd_oper},
};

static void
nothing_is_left(struct world *w)
{
	for (size_t i = 0; i < w->dev_count; i++)
		if (w->dev[i].sent_count > 0 && script_lenient)
			w->dev[i].sent_count = 0;
		else if (w->dev[i].sent_count > 0)
			scn_fail("before this line %s was sent %s, which no "
			    "EXPECT names", w->dev[i].name,
			    w->dev[i].sent[0].text);
}

void
script_line(struct world *w, char *text)
{
	const char *word = script_word(&text);

	if (strcmp(word, "CONFIG") == 0) {
		cmd_config(w, text);
		return;
	}
	if (w->core == NULL)
		world_boot(w);
	if (strcmp(word, "EXPECT") == 0) {
		expect(w, text);
		return;
	}
	nothing_is_left(w);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].word, word) == 0) {
			commands[i].fn(w, text);
			return;
		}
	scn_fail("%s: not known", word);
}

/* From line `at` to END or the end; the line behind it. */
static size_t
run_block(struct world *w, struct script *s, size_t at)
{
	while (at < s->count) {
		char *text = strdup(s->line[at].text);
		size_t next = at + 1;

		if (text == NULL)
			scn_fail("out of memory");
		w->line = s->line[at].number;
		if (strcmp(text, "END") == 0) {
			free(text);
			return next;
		}
		if (strncmp(text, "LOOP ", 5) == 0) {
			long n = script_number(text + 5);

			while (n-- > 0)
				next = run_block(w, s, at + 1);
		} else {
			script_line(w, text);
		}
		free(text);
		at = next;
	}
	return at;
}

void
script_run(struct world *w, const char *path)
{
	struct script *s = calloc(1, sizeof(*s));

	if (s == NULL)
		scn_fail("out of memory");
	read_script(w, s, path);
	(void)run_block(w, s, 0);
	nothing_is_left(w);
	for (size_t i = 0; i < s->count; i++)
		free(s->line[i].text);
	free(s);
}
