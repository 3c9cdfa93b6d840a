#include "config.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The phase as a person says it: starting, downloading, installing,
 * verifying, unclear; anything else as it is. */
static const char *
phase_plain(const char *phase)
{
	static const struct { const char *phase, *plain; } words[] = {
		{"preflight", "starting"}, {"sending", "starting"},
		{"acked", "starting"}, {"confirmed", "downloading"},
		{"downloading", "downloading"}, {"downloaded", "installing"},
		{"updating", "installing"}, {"verifying", "verifying"},
		{"resolving", "verifying"}, {"unsure", "unclear"},
		{"overdue", "unclear"},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].phase, phase) == 0)
			return words[i].plain;
	return phase;
}

const char *
target_detail(const json_t *t, char *buf, size_t size)
{
	const char *phase = json_string_value(json_object_get(t, "phase"));
	const char *more = json_string_value(json_object_get(t, "blocked_by"));
	size_t n;

	if (phase != NULL)
		(void)snprintf(buf, size, "%s", phase_plain(phase));
	else if (json_is_string(json_object_get(t, "hold")))
		(void)jtext(t, "hold", buf, size);
	else
		(void)jtext(t, "cause", buf, size);
	if (more == NULL)
		more = json_string_value(json_object_get(t, "missing"));
	n = strlen(buf);
	if (phase == NULL && more != NULL && n < size)
		(void)snprintf(buf + n, size - n, ": %s", more);
	return buf;
}

static const char *
online_text(const json_t *d, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s",
	    json_is_true(json_object_get(d, "online")) ? "online" : "offline");
	return buf;
}

static const char *
version_text(const json_t *d, char *buf, size_t size)
{
	return jtext(json_object_get(d, "versions"), "mcu", buf, size);
}

static const char *
seen_text(const json_t *d, char *buf, size_t size)
{
	return jtime(d, "last_seen", buf, size);
}

int
cmd_device_list(struct ctl *c, char *const *args)
{
	static const struct list_column columns[] = {
		{"ID", "id", 0, NULL},
		{"MODEL", "model", COL_SPARE, NULL},
		{"TYPE", "device_type", COL_SPARE, NULL},
		{"", "hardware", COL_CSV, NULL},
		{"VERSION", "versions.mcu", 0, NULL},
		{"", "version_at", COL_CSV, NULL},
		{"LINK", "online", COL_WORD, online_text},
		{"LAST SEEN", "last_seen", 0, seen_text},
		{"", "next_contact", COL_CSV, NULL},
		{"", "address", COL_CSV, NULL},
		{"", "country", COL_CSV, NULL},
		{"", "tags", COL_CSV, NULL},
		{"NAME", "name", COL_WIDE | COL_SPARE, NULL},
		{"DIAGNOSIS", "diagnosis", COL_WIDE, NULL},
	};

	(void)args;
	return print_list(c, "devices", columns, ARRAY_LEN(columns),
	    "no trackers yet");
}

static void
print_device_campaigns(const struct ctl *c, const json_t *campaigns)
{
	static const char *const titles[] = {"CAMPAIGN", "STATE", "DETAIL",
	    "STARTS", "AGAIN AT", NULL};
	static const int flags[] = {COL_LEFT, COL_WORD, COL_LEFT, COL_RIGHT,
	    COL_LEFT};
	struct table *t = table_new(c, titles, flags);
	const json_t *j;
	char buf[256];
	size_t i;

	json_array_foreach(campaigns, i, j) {
		table_row(t);
		table_put(t, jtext(j, "campaign", buf, sizeof buf));
		table_put(t, jtext(j, "state", buf, sizeof buf));
		table_put(t, target_detail(j, buf, sizeof buf));
		table_put(t, jtext(j, "attempts", buf, sizeof buf));
		table_put(t, jtime(j, "retry_at", buf, sizeof buf));
	}
	table_print(t);
}

static void
print_excluded(struct table *t, const json_t *j)
{
	const json_t *e = json_object_get(j, "excluded");
	char by[128], since[64], until[64], why[512];

	if (json_is_true(json_object_get(j, "never")))
		fact(t, "Note", "in devices.never_file: never commanded");
	else if (json_is_false(json_object_get(j, "allowed")))
		fact(t, "Note", "no command may go to it: its address is "
		    "outside its networks, or never_file cannot be read");
	if (!json_is_object(e))
		return;
	(void)jtext(e, "reason", why, sizeof why);
	(void)jtime(e, "until", until, sizeof until);
	fact(t, "Excluded", "by %s at %s%s%s%s%s",
	    jtext(e, "by", by, sizeof by),
	    jtime(e, "since", since, sizeof since),
	    until[0] != '\0' ? ", until " : "", until,
	    why[0] != '\0' ? ": " : "", why);
}

static void
print_device(const struct ctl *c, const json_t *j)
{
	static const struct { const char *label, *key; } rows[] = {
		{"Diagnosis", "diagnosis"}, {"Name", "name"},
		{"Model", "model_name"},
		{"Model code", "model"}, {"Country", "country"},
		{"Time zone", "timezone"}, {"Device type", "device_type"},
		{"Hardware", "hardware"}, {"Protocol", "protocol"},
		{"Protocol version", "protocol_version"},
		{"Address", "address"}, {"Transport", "transport"},
	};
	const json_t *campaigns = json_object_get(j, "campaigns");
	struct table *t = facts_new(c);
	char buf[1024], when[64];

	fact(t, "Device", "%s", jtext(j, "id", buf, sizeof buf));
	fact(t, "Link", "%s", online_text(j, buf, sizeof buf));
	fact(t, "Last seen", "%s", jtime(j, "last_seen", buf, sizeof buf));
	if (!json_is_null(json_object_get(j, "next_contact")))
		fact(t, "Next contact", "about %s",
		    jtime(j, "next_contact", buf, sizeof buf));
	if (!json_is_null(json_object_get(j, "quarantined_at")))
		fact(t, "Quarantined", "since %s",
		    jtime(j, "quarantined_at", buf, sizeof buf));
	if (version_text(j, buf, sizeof buf)[0] != '\0')
		fact(t, "Version", "%s, read at %s", buf,
		    jtime(j, "version_at", when, sizeof when));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		fact(t, rows[i].label, "%s",
		    jtext(j, rows[i].key, buf, sizeof buf));
	if (json_is_true(json_object_get(j, "observed")))
		fact(t, "Note", "only observed: in no list, so never "
		    "commanded");
	print_excluded(t, j);
	table_print(t);
	if (json_array_size(campaigns) > 0) {
		(void)putchar('\n');
		print_device_campaigns(c, campaigns);
	}
}

int
cmd_device_show(struct ctl *c, char *const *args)
{
	char *id = client_encode(c, args[0]);
	json_t *j;
	int r = client_get(c, &j, "devices/%s", id);

	free(id);
	if (r != 0)
		return r;
	if (c->json)
		print_json(j);
	else
		print_device(c, j);
	json_decref(j);
	return CTL_OK;
}

int
cmd_device_timeline(struct ctl *c, char *const *args)
{
	static const struct list_column columns[] = {
		{"AT", "at", 0, NULL},
		{"KIND", "kind", 0, NULL},
		{"CAMPAIGN", "campaign", COL_SPARE, NULL},
		{"ATTEMPT", "attempt", COL_RIGHT | COL_SPARE, NULL},
		{"PHASE", "phase", 0, NULL},
		{"CODE", "code", COL_RIGHT, NULL},
		{"SERIAL", "serial", COL_SPARE, NULL},
		{"TEXT", "text", COL_WIDE, NULL},
	};
	char *id = client_encode(c, args[0]), path[CTL_PATH_MAX];

	(void)snprintf(path, sizeof path, "devices/%s/timeline", id);
	free(id);
	return print_list(c, path, columns, ARRAY_LEN(columns),
	    "nothing has happened yet");
}

/* probe, cancel and release */
int
cmd_device_change(struct ctl *c, char *const *args)
{
	char *id = client_encode(c, args[0]), path[CTL_PATH_MAX];
	bool cancel = strcmp(c->cmd->word, "cancel") == 0;
	struct answer a;
	int r = CTL_OK;

	if (cancel && !may_stop(c))
		r = CTL_REFUSED;
	else if (cancel && !confirmed(c, "Stop the update of %s?", args[0]))
		r = CTL_FAILED;
	if (r != CTL_OK) {
		free(id);
		return r;
	}
	(void)snprintf(path, sizeof path, "devices/%s/%s", id,
	    c->cmd->word);
	free(id);
	a = client_ask(c, path, client_body(c));
	if (a.status != 200)
		r = answer_failed(c, &a);
	else if (c->json)
		print_json(a.json);
	else if (cancel)
		(void)printf("cancelling: see trackupctl device timeline %s\n",
		    args[0]);
	else if (strcmp(c->cmd->word, "release") == 0)
		(void)printf("released: %s may be commanded again\n",
		    args[0]);
	else
		(void)printf("asked for: %s will be read; see trackupctl "
		    "device timeline %s\n", args[0], args[0]);
	answer_done(&a);
	return r;
}
