#include "config.h"
#include "config/fleet_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "config/id_list.h"
#include "config/values.h"

enum column {
	COL_ID, COL_PASSWORD, COL_TIMEZONE, COL_COUNTRY, COL_TAGS,
	COL_NETWORKS, COL_NAME, COL_COUNT
};

static const struct {
	const char *name;
	enum value_type type;
	size_t max;
} columns[COL_COUNT] = {
	[COL_ID] = {"id", VALUE_DEVICE, DEVID_MAX},
	[COL_PASSWORD] = {"password", VALUE_PASSWORD, PASSWORD_MAX},
	[COL_TIMEZONE] = {"timezone", VALUE_STRING, ZONE_NAME_MAX},
	[COL_COUNTRY] = {"country", VALUE_STRING, 64},
	[COL_TAGS] = {"tags", VALUE_STRING, 1024},
	[COL_NETWORKS] = {"networks", VALUE_STRING, 1024},
	[COL_NAME] = {"name", VALUE_STRING, 100},
};

#define FIELDS_MAX COL_COUNT
#define NETWORKS_EACH 64
#define COLUMNS_TEXT "id, password, timezone, country, tags, networks, name"

struct reader {
	const char *name;
	struct sbuf *diag;
	struct inventory *v;
	uint32_t line;
	char sep;
	enum column of[FIELDS_MAX]; /* the columns of this file, in order */
	size_t columns;
	size_t errors;
	bool failed;                /* no memory, or full: said already */
	char *quoted;               /* for fields with quotes in quotes */
	size_t quoted_len;
};

static void PRINTF_LIKE(3, 4)
bad(struct reader *r, const char *column, const char *fmt, ...)
{
	char what[400];
	va_list ap;

	if (r->errors++ >= FLEET_ERRORS)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	sbuf_addf(r->diag, "%s:%u: %s%s%s\n", r->name, (unsigned)r->line,
	    column == NULL ? "" : column, column == NULL ? "" : ": ", what);
}

/* --- fields, RFC 4180 ------------------------------------------------------*/

/* A quote in quotes is written twice: such a field is copied. */
static struct span
unquote(struct reader *r, const char *p, size_t n)
{
	char *to = r->quoted + r->quoted_len;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		to[len++] = p[i];
		if (p[i] == '"')
			i++;
	}
	r->quoted_len += len;
	return span_of(to, len);
}

/* False, and said, when quotes do not fit. */
static bool
next_field(struct reader *r, struct span *rest, struct span *ret)
{
	struct span s = *rest, behind;
	bool doubled = false;
	size_t i = 0, end;

	while (i < s.n && s.p[i] == ' ')
		i++;
	if (i == s.n || s.p[i] != '"') {
		(void)span_field(rest, r->sep, ret);
		*ret = span_trim(*ret);
		return true;
	}
	for (end = ++i; end < s.n; end++) {
		if (s.p[end] != '"')
			continue;
		if (end + 1 == s.n || s.p[end + 1] != '"')
			break;
		doubled = true;
		end++;
	}
	if (end >= s.n) {
		bad(r, NULL, "a quote is not closed on its line");
		return false;
	}
	*ret = doubled ? unquote(r, s.p + i, end - i)
		       : span_of(s.p + i, end - i);
	*rest = span_of(s.p + end + 1, s.n - end - 1);
	if (span_field(rest, r->sep, &behind) && span_trim(behind).n == 0)
		return true;
	bad(r, NULL, "something stands behind the quote that ends a field");
	return false;
}

/* Returns how many, at most FIELDS_MAX + 1; -1: said already. */
static int
cut_line(struct reader *r, struct span line, struct span *field)
{
	int n = 0;

	r->quoted_len = 0;
	for (struct span rest = line; rest.p != NULL && n <= FIELDS_MAX; n++)
		if (!next_field(r, &rest, &field[n]))
			return -1;
	return n;
}

/* --- the header ------------------------------------------------------------*/

static bool
has_id(struct span line, char sep)
{
	struct span field;

	while (span_field(&line, sep, &field)) {
		field = span_trim(field);
		if (field.n == 4 && field.p[0] == '"' && field.p[3] == '"')
			field = span_of(field.p + 1, 2);
		if (field.n == 2 && strncasecmp(field.p, "id", 2) == 0)
			return true;
	}
	return false;
}

static void
read_header(struct reader *r, struct span line)
{
	static const char seps[] = {',', ';', '\t'};
	struct span field[FIELDS_MAX + 1];
	char quote[TEXT_QUOTE];
	bool seen[COL_COUNT] = {false};
	int n;

	for (size_t i = 0; i < sizeof(seps) && r->sep == '\0'; i++)
		if (has_id(line, seps[i]))
			r->sep = seps[i];
	if (r->sep == '\0') {
		bad(r, NULL, "is no header with a column id; columns are "
		    COLUMNS_TEXT);
		return;
	}
	if ((n = cut_line(r, line, field)) < 0)
		return;
	for (int i = 0; i < n; i++) {
		int c = 0;

		while (c < COL_COUNT && (strlen(columns[c].name) !=
			field[i].n || strncasecmp(columns[c].name,
			field[i].p, field[i].n) != 0))
			c++;
		if (c == COL_COUNT || n > FIELDS_MAX) {
			bad(r, NULL, "%s is no column; columns are "
			    COLUMNS_TEXT, text_quote(field[i], quote));
			return;
		}
		if (seen[c])
			bad(r, columns[c].name, "two columns have that name");
		seen[c] = true;
		r->of[r->columns++] = (enum column)c;
	}
}

/* --- one line --------------------------------------------------------------*/

static bool
good_field(struct reader *r, enum column c, struct span s)
{
	char quote[TEXT_QUOTE];
	const char *what = c == COL_PASSWORD ? "the value" :
	    text_quote(s, quote);
	const char *why;

	if (s.n == 0)
		return true;
	if (s.n > columns[c].max && c != COL_ID) {
		bad(r, columns[c].name, "%s is too long, allowed up to %zu "
		    "characters", what, columns[c].max);
		return false;
	}
	if (c == COL_PASSWORD && s.n < PASSWORD_MIN) {
		bad(r, columns[c].name, "the value is too short, allowed %d "
		    "to %d characters", PASSWORD_MIN, PASSWORD_MAX);
		return false;
	}
	if ((why = value_check(columns[c].type, s)) == NULL)
		return true;
	bad(r, columns[c].name, "%s %s, allowed %s", what, why,
	    value_what(columns[c].type));
	return false;
}

/* a; b → a;b, so that equal sets are one text. */
static bool
tidy_list(struct span s, char *buf, size_t size, struct span *ret)
{
	struct span one;
	size_t n = 0;

	while (span_field(&s, ';', &one)) {
		one = span_trim(one);
		if (one.n == 0)
			continue;
		if (n + one.n + 2 > size)
			return false;
		if (n > 0)
			buf[n++] = ';';
		memcpy(buf + n, one.p, one.n);
		n += one.n;
	}
	*ret = span_of(buf, n);
	return true;
}

static void
good_tags(struct reader *r, struct span tags)
{
	struct span one;

	while (span_field(&tags, ';', &one))
		if (one.n >= TAG_TEXT)
			bad(r, "tags", "a tag is too long, allowed up to %d "
			    "characters", TAG_TEXT - 1);
}

static size_t
read_networks(struct reader *r, struct span text, struct cidr *ret)
{
	char quote[TEXT_QUOTE];
	struct span one;
	size_t n = 0;

	while (text.n > 0 && span_field(&text, ';', &one)) {
		if (n == NETWORKS_EACH)
			bad(r, "networks", "allowed are at most %d",
			    NETWORKS_EACH);
		else if (value_cidr(one, &ret[n]) < 0)
			bad(r, "networks", "%s is not a network, allowed %s",
			    text_quote(one, quote), value_what(VALUE_CIDR));
		else
			n++;
		if (n == NETWORKS_EACH)
			break;
	}
	return n;
}

static void
add_row(struct reader *r, const struct span *cell)
{
	char tags[1100], networks[1100];
	struct cidr net[NETWORKS_EACH];
	struct inventory_line l = {
	    .password = cell[COL_PASSWORD],
	    .timezone = cell[COL_TIMEZONE],
	    .country = cell[COL_COUNTRY],
	    .name = cell[COL_NAME],
	    .network = net,
	    .number = r->line,
	};
	size_t errors = r->errors;

	if (!tidy_list(cell[COL_TAGS], tags, sizeof(tags), &l.tags) ||
	    !tidy_list(cell[COL_NETWORKS], networks, sizeof(networks),
		&l.networks))
		return;
	good_tags(r, l.tags);
	l.network_count = read_networks(r, l.networks, net);
	if (r->errors != errors || devid_parse(cell[COL_ID], &l.id) < 0)
		return;
	switch (inventory_add(r->v, &l)) {
	case 0:
		return;
	case INVENTORY_FULL:
		bad(r, NULL, "one device too many, allowed are %d",
		    INVENTORY_MAX);
		break;
	case INVENTORY_NETWORKS_FULL:
		bad(r, "networks", "too many different sets of networks, "
		    "allowed are %d", INVENTORY_NETWORKS_MAX);
		break;
	default:
		bad(r, NULL, "out of memory");
		break;
	}
	r->failed = true;
}

static void
read_row(struct reader *r, struct span line)
{
	struct span field[FIELDS_MAX + 1];
	struct span cell[COL_COUNT];
	bool good = true, filled = false;
	int n = cut_line(r, line, field);

	if (n < 0)
		return;
	for (size_t c = 0; c < COL_COUNT; c++)
		cell[c] = SPAN_LIT("");
	for (int i = 0; i < n; i++)
		filled |= field[i].n > 0;
	if (!filled)
		return; /* spreadsheets export empty rows */
	if ((size_t)n != r->columns) {
		bad(r, NULL, "has %s fields than the header, which has %zu",
		    (size_t)n > r->columns ? "more" : "fewer", r->columns);
		return;
	}
	for (int i = 0; i < n; i++) {
		cell[r->of[i]] = field[i];
		good &= good_field(r, r->of[i], field[i]);
	}
	if (cell[COL_ID].n == 0)
		bad(r, "id", "is empty");
	else if (good)
		add_row(r, cell);
}

/* --- the whole -------------------------------------------------------------*/

static void
find_twice(struct reader *r)
{
	uint32_t first, again;
	size_t pos = 0;

	while (inventory_twice(r->v, &pos, &first, &again)) {
		r->line = again;
		bad(r, "id", "is the device of line %u", (unsigned)first);
	}
}

static void
read_lines(struct reader *r, struct span text)
{
	struct span line;

	for (r->line = 1; text_line(&text, &line) && !r->failed; r->line++) {
		if (span_trim(line).n == 0 || line.p[0] == '#')
			continue;
		if (r->columns == 0) {
			read_header(r, line);
			if (r->columns == 0 || r->errors > 0)
				return;
			continue;
		}
		read_row(r, line);
	}
	if (r->columns == 0)
		bad(r, NULL, "the file is empty, a header is due");
}

int
inventory_read(const char *name, struct span text, struct inventory **ret,
    struct sbuf *diag)
{
	struct reader r = {.name = name, .diag = diag, .line = 1};

	if (span_starts(text, "\xff\xfe") || span_starts(text, "\xfe\xff")) {
		bad(&r, NULL, "is UTF-16 text, allowed is UTF-8");
		return -1;
	}
	if (span_starts(text, "\xef\xbb\xbf"))
		text = span_of(text.p + 3, text.n - 3);
	r.v = inventory_new();
	r.quoted = malloc(text.n + 1);
	if (r.v == NULL || r.quoted == NULL) {
		bad(&r, NULL, "out of memory");
	} else {
		read_lines(&r, text);
		if (r.errors == 0 && inventory_seal(r.v) < 0)
			bad(&r, NULL, "out of memory");
		if (r.errors == 0)
			find_twice(&r);
	}
	free(r.quoted);
	if (r.errors > FLEET_ERRORS)
		sbuf_addf(diag, "%s: and %zu more lines\n", name,
		    r.errors - FLEET_ERRORS);
	if (r.errors > 0) {
		inventory_free(r.v);
		return -1;
	}
	*ret = r.v;
	return 0;
}

/* --- from disk -------------------------------------------------------------*/

static char *
read_whole(const char *path, size_t max, size_t *ret_len, struct sbuf *diag)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	char *p = NULL;
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0) {
		sbuf_addf(diag, "%s: cannot be read: %s\n", path,
		    strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max) {
		sbuf_addf(diag, "%s: %s\n", path, S_ISREG(st.st_mode)
			? "is too large" : "is not a regular file");
		goto out;
	}
	if ((p = malloc((size_t)st.st_size + 1)) == NULL) {
		sbuf_addf(diag, "%s: out of memory\n", path);
		goto out;
	}
	while (len < (size_t)st.st_size &&
	    ((n = read(fd, p + len, (size_t)st.st_size - len)) > 0 ||
		(n < 0 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	if (n < 0) {
		sbuf_addf(diag, "%s: cannot be read: %s\n", path,
		    strerror(errno));
		free(p);
		p = NULL;
	}
	*ret_len = len;
out:
	if (fd >= 0)
		(void)close(fd);
	return p;
}

static int
load_inventory(const char *path, struct inventory **ret, struct sbuf *diag)
{
	size_t len = 0;
	char *text = read_whole(path, FLEET_FILE_MAX, &len, diag);
	int r = text == NULL ? -1
	    : inventory_read(path, span_of(text, len), ret, diag);

	if (text != NULL)
		explicit_bzero(text, len); /* passwords */
	free(text);
	return r;
}

static int
load_never(const char *path, struct keyset *ret, struct sbuf *diag)
{
	struct yw *w = yw_new(path, "", 0);
	size_t len = 0;
	char *text = read_whole(path, ID_LIST_FILE_MAX, &len, diag);
	struct id_list ids;
	bool good = false;

	id_list_init(&ids);
	if (w != NULL && text != NULL) {
		id_list_read(&ids, w, (struct note_pos){1, 1}, path,
		    span_of(text, len));
		good = !ids.failed;
		for (size_t i = 0; i < ids.count; i++)
			good = good && keyset_add(ret, ids.v[i].key) == 0;
		if (!good)
			sbuf_addf(diag, "%s: out of memory\n", path);
		good = yw_finish(w, diag) && good;
		keyset_seal(ret);
	}
	id_list_done(&ids);
	free(text);
	yw_free(w);
	return good ? 0 : -1;
}

static void *
copy_of(const void *p, size_t n)
{
	void *r = malloc(MAX_OF(n, 1));

	if (r == NULL)
		return NULL;
	if (n > 0)
		memcpy(r, p, n);
	return r;
}

int
fleet_load(const struct daemon_conf *conf, struct core_fleet *ret,
    struct sbuf *diag)
{
	int r = 0;

	*ret = (struct core_fleet){.broken = false};
	ret->network = copy_of(conf->networks,
	    conf->network_count * sizeof(*conf->networks));
	ret->model = copy_of(conf->models,
	    conf->model_count * sizeof(*conf->models));
	if (ret->network == NULL || ret->model == NULL) {
		sbuf_adds(diag, "devices: out of memory\n");
		r = -1;
	} else {
		ret->network_count = conf->network_count;
		ret->model_count = conf->model_count;
	}
	if (conf->inventory[0] != '\0' &&
	    load_inventory(conf->inventory, &ret->inventory, diag) < 0)
		r = -1;
	if (conf->never_path[0] != '\0' &&
	    load_never(conf->never_path, &ret->never, diag) < 0)
		r = -1;
	ret->broken = r < 0;
	return r;
}
