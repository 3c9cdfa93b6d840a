#include "config.h"
#include "daemon/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#else
static int
sd_journal_sendv(const struct iovec *iov, int n)
{
	(void)iov;
	(void)n;
	return -1;
}
#endif

static const struct {
	const char *event, *id;
} ids[] = {
	{"attempt_ended", "1a983a5b651748c3af88aa3535f55d3b"},
	{"backup", "acc3100af6474e9282f56d219e08c3f9"},
	{"campaign", "58cfd9ece4eb46c1b506b15af8c37ccb"},
	{"clock_jump", "67cd5273213a4d0b921d4572d4d8d9d0"},
	{"connections_resumed", "5ae03a1fab65430da0c244a103dafc26"},
	{"fatal", "ec9efec184cc4001a20c396eb6238874"},
	{"foreign_update", "4451a80718064a658a37b3ca403210ed"},
	{"operator", "f8cc24bb6fa5465fb93093e5566c7976"},
	{"package_changed", "6c6f94adc90f4ea99dcc6363c04dda54"},
	{"store", "4c44f772be81401b87b762d3627bc79b"},
};

/* name is the campaign's in the events of campaigns only. */
static const struct {
	const char *key, *field, *event;
} fields[] = {
	{"campaign", "CAMPAIGN", NULL},
	{"name", "CAMPAIGN", "campaign"},
	{"wave", "WAVE", NULL},
	{"device", "DEVICE", NULL},
	{"code", "CODE", NULL},
	{"attempt", "ATTEMPT", NULL},
	{"peer", "REMOTE_ADDR", NULL},
};

static bool is_journal;

static void
put(struct journal_fields *f, const char *name, const char *value, size_t n)
{
	size_t room = sizeof(f->text[0]) - strlen(name) - 2;

	if (f->count == JOURNAL_FIELDS_MAX)
		return;
	(void)snprintf(f->text[f->count++], sizeof(f->text[0]), "%s=%.*s",
	    name, (int)MIN_OF(n, room), value);
}

static bool
word_is(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(p, word, n) == 0;
}

/* One key=value at p; where the next may begin. */
static const char *
pair(const char *event, size_t event_len, const char *p,
    struct journal_fields *ret)
{
	size_t key_len = strcspn(p, "= ");
	const char *value = p + key_len + 1, *end;

	if (p[key_len] != '=')
		return p + key_len;
	if (*value == '"') {
		value++;
		end = value + strcspn(value, "\"");
	} else {
		end = value + strcspn(value, " ");
	}
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (word_is(p, key_len, fields[i].key) && end > value &&
		    (fields[i].event == NULL ||
		    word_is(event, event_len, fields[i].event)))
			put(ret, fields[i].field, value,
			    (size_t)(end - value));
	return *end == '"' ? end + 1 : end;
}

void
journal_fields_of(const char *line, struct journal_fields *ret)
{
	size_t event_len = strcspn(line, " ");
	const char *p = line + event_len;

	ret->count = 0;
	/* "store: …" is prose. */
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (word_is(line, event_len, ids[i].event))
			put(ret, "MESSAGE_ID", ids[i].id, strlen(ids[i].id));
	while (*p != '\0') {
		p += strspn(p, " ");
		if (*p != '\0')
			p = pair(line, event_len, p, ret);
	}
}

void
journal_init(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	uintmax_t dev, ino;
	struct stat st;

	/* Somebody may have sent the output elsewhere since. Of systemd's own
	 * making: numbers that do not fit are none of our journal. */
	is_journal = text != NULL &&
	    /* NOLINTNEXTLINE(cert-err34-c) */
	    sscanf(text, "%ju:%ju", &dev, &ino) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	    st.st_ino == ino;
}

bool
journal_send(int priority, const char *line)
{
	struct journal_fields f;
	struct iovec iov[JOURNAL_FIELDS_MAX + 3];
	char message[2200], level[16];
	int n = 0;

	if (!is_journal)
		return false;
	journal_fields_of(line, &f);
	(void)snprintf(message, sizeof(message), "MESSAGE=%s", line);
	(void)snprintf(level, sizeof(level), "PRIORITY=%d", priority);
	iov[n++] = (struct iovec){message, strlen(message)};
	iov[n++] = (struct iovec){level, strlen(level)};
	for (size_t i = 0; i < f.count; i++)
		iov[n++] = (struct iovec){f.text[i], strlen(f.text[i])};
	return sd_journal_sendv(iov, n) == 0;
}
