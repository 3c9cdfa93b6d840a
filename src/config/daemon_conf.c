#include "config.h"
#include "config/daemon_conf.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/units.h"
#include "config/daemon_listen.h"
#include "config/daemon_models.h"
#include "config/daemon_options.h"

#define RELAY_SOURCES_MAX 64
#define VARIABLE "${CREDENTIALS_DIRECTORY}"
#define PASSWORD_FILE_MAX 4096

struct load {
	struct yw *w;
	struct opt_value *v;
	struct daemon_conf *c;
	bool no_memory;
};

static const struct option *
row_of(const char *key)
{
	return &daemon_options.row[opt_find(&daemon_options, key)];
}

static struct opt_value *
value_of(const struct load *l, const char *key)
{
	return &l->v[opt_find(&daemon_options, key)];
}

/* --- lists and maps --------------------------------------------------------*/

static bool
is_loopback(const struct conf_address *a)
{
	return strncmp(a->host, "127.", 4) == 0 || strcmp(a->host, "::1") == 0;
}

/* What leaves the machine needs a key to it. */
static void
check_http(struct load *l)
{
	const struct opt_value *v = value_of(l, "http.listen");
	const struct opt_value *tokens = value_of(l, "http.token_file");

	if (tokens->bad || tokens->text.n > 0)
		return;
	for (size_t i = 0; i < l->c->http_listen_count; i++)
		if (!is_loopback(&l->c->http_listen[i]))
			yw_error(l->w, v->pos, "http.listen", "%s can be "
			    "reached from other machines: http.token_file "
			    "must be given with it",
			    l->c->http_listen[i].text);
}

/* What was written, the configuration's own from here on. */
static char *
text_take(struct load *l, struct sbuf *b)
{
	char *ret = sbuf_take(b);

	l->no_memory |= ret == NULL;
	return ret;
}

/* A list of networks, and the YAML that says the same. */
static void
load_cidrs(struct load *l, const char *key, struct cidr **ret,
    size_t *ret_count, char **ret_yaml)
{
	const struct option *o = row_of(key);
	const struct opt_value *v = value_of(l, key);
	size_t n = v->bad ? 0 : opt_list_count(l->w, o, v);
	struct sbuf yaml;

	sbuf_init(&yaml, 0);
	sbuf_adds(&yaml, "[");
	if ((*ret = calloc(n + 1, sizeof(**ret))) == NULL) {
		l->no_memory = true;
		n = 0;
	}
	*ret_count = n;
	for (size_t i = 0; i < n; i++) {
		struct span s = opt_list_item(l->w, o, v, i);

		/* What is none was reported by the walk. */
		if (value_cidr(s, &(*ret)[i]) < 0)
			*ret_count = 0;
		sbuf_adds(&yaml, i == 0 ? "" : ", ");
		opt_put_text(&yaml, s);
	}
	sbuf_adds(&yaml, "]");
	*ret_yaml = text_take(l, &yaml);
}

static void
load_proxy(struct load *l)
{
	struct daemon_conf *c = l->c;

	load_cidrs(l, "trackers.proxy_trust", &c->proxy_trust,
	    &c->proxy_trust_count, &c->proxy_trust_yaml);
	if (c->proxy_listen_count > 0 && c->proxy_trust_count == 0 &&
	    !value_of(l, "trackers.proxy_trust")->bad)
		yw_error(l->w, value_of(l, "trackers.proxy_listen")->pos,
		    "trackers.proxy_listen", "needs trackers.proxy_trust: "
		    "whoever may send that header may claim any address");
}

static void
load_relay_sources(struct load *l)
{
	static const char key[] = "relay.source";
	const struct option *o = row_of(key);
	const struct opt_value *v = value_of(l, key);
	size_t n = v->bad ? 0 : opt_list_count(l->w, o, v);
	unsigned char address[16];
	struct sbuf yaml;

	sbuf_init(&yaml, 0);
	sbuf_adds(&yaml, "[");
	if (n > RELAY_SOURCES_MAX)
		yw_error(l->w, v->pos, key, "allowed are at most %d",
		    RELAY_SOURCES_MAX);
	n = MIN_OF(n, (size_t)RELAY_SOURCES_MAX);
	if ((l->c->relay_source = calloc(n + 1, 46)) == NULL)
		l->no_memory = true;
	for (size_t i = 0; i < n && !l->no_memory; i++) {
		struct span s = opt_list_item(l->w, o, v, i);
		char *text = l->c->relay_source[i];

		(void)span_copy(text, 46, s);
		if (s.n == 0 || s.n > 45 ||
		    (inet_pton(AF_INET, text, address) != 1 &&
			inet_pton(AF_INET6, text, address) != 1))
			yw_error(l->w, yw_at(l->w, yw_item(l->w, v->node, i)),
			    key, "\"%.*s\" is no IP address",
			    (int)MIN_OF(s.n, 46), s.p);
		sbuf_adds(&yaml, i == 0 ? "" : ", ");
		opt_put_text(&yaml, s);
	}
	l->c->relay_source_count = n;
	sbuf_adds(&yaml, "]");
	l->c->relay_source_yaml = text_take(l, &yaml);
}

/* --- passwords -------------------------------------------------------------*/

/* The path with the variable in place; caller frees. NULL: an error was
 * reported, or no memory. */
static char *
expand_path(struct load *l, const struct opt_value *v, const char *key)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	const char *at = strstr(v->text.p, "${");
	struct sbuf out;

	sbuf_init(&out, 0);
	if (at == NULL) {
		sbuf_add(&out, v->text.p, v->text.n);
	} else if (strncmp(at, VARIABLE, sizeof(VARIABLE) - 1) != 0 ||
	    strstr(at + 1, "${") != NULL) {
		yw_error(l->w, v->pos, key, "allowed in a path is one "
		    "variable, " VARIABLE);
		return NULL;
	} else if (directory == NULL) {
		yw_error(l->w, v->pos, key, "CREDENTIALS_DIRECTORY is not in "
		    "the environment: the unit needs LoadCredential=; for "
		    "a check by hand, set it");
		return NULL;
	} else {
		sbuf_add(&out, v->text.p, (size_t)(at - v->text.p));
		sbuf_adds(&out, directory);
		sbuf_adds(&out, at + sizeof(VARIABLE) - 1);
	}
	return text_take(l, &out);
}

/* What is to be opened for a key that is a path. */
static char *
path_of(struct load *l, const char *key)
{
	struct opt_value *v = value_of(l, key);
	char *ret;

	ret = v->text.n > 0 ? expand_path(l, v, key) : strdup("");
	l->no_memory |= v->text.n == 0 && ret == NULL;
	return ret;
}

/* The first line of the file into buf. */
static int
read_first_line(struct load *l, const struct opt_value *v, const char *key,
    const char *path, char buf[PASSWORD_FILE_MAX])
{
	/* A FIFO must not hang the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		yw_error(l->w, v->pos, key, "%s is not a regular file", path);
		(void)close(fd);
		return -1;
	}
	if (fd >= 0)
		n = read(fd, buf, PASSWORD_FILE_MAX - 1);
	if (n < 0) {
		yw_error(l->w, v->pos, key, "%s cannot be read: %s", path,
		    strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	(void)close(fd);
	if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0)
		yw_warn(l->w, v->pos, key, "%s is open to every user of this "
		    "machine", path);
	buf[n] = '\0';
	buf[strcspn(buf, "\r\n")] = '\0';
	return 0;
}

/* password_file in place of password; dst has room for the row's max. False:
 * an error was reported. */
static bool
load_password(struct load *l, const char *key, const char *file_key, char *dst)
{
	const struct option *o = row_of(key);
	const struct opt_value *given = value_of(l, key);
	const struct opt_value *file = value_of(l, file_key);
	char line[PASSWORD_FILE_MAX];
	bool good = false;
	const char *why;
	struct span s;
	char *path;

	if (given->bad || file->bad || file->text.n == 0)
		return !given->bad && !file->bad;
	if (given->node != 0) {
		yw_error(l->w, given->pos, key, "stands beside %s, allowed is "
		    "one of the two", file_key);
		return false;
	}
	path = expand_path(l, file, file_key);
	if (path == NULL)
		return false;
	if (read_first_line(l, file, file_key, path, line) == 0) {
		s = span_str(line);
		if (s.n < MAX_OF((uint64_t)o->min, 1))
			why = s.n == 0 ? "is empty" : "is too short";
		else if (s.n > (uint64_t)o->max)
			why = "is too long";
		else
			why = value_check(o->type, s);
		if (why == NULL)
			(void)span_copy(dst, (size_t)o->max + 1, s);
		else
			yw_error(l->w, file->pos, file_key, "the first line "
			    "of %s %s, allowed up to %d characters: %s", path,
			    why, (int)o->max, value_what(o->type));
		good = why == NULL;
	}
	explicit_bzero(line, sizeof(line));
	free(path);
	return good;
}

/* --- the whole -------------------------------------------------------------*/

static void
strip_slashes(char *url)
{
	size_t n;

	assert(url != NULL);
	n = strlen(url);
	while (n > sizeof("http://") && url[n - 1] == '/')
		url[--n] = '\0';
}

/* A server that asks for a name asks for a password, and the other way. */
static void
check_files(struct load *l)
{
	const struct daemon_conf *c = l->c;
	const struct opt_value *u = value_of(l, "files.user");
	const struct opt_value *listen = value_of(l, "files.listen");
	const struct opt_value *url = value_of(l, "files.public_url");
	bool known = load_password(l, "files.password", "files.password_file",
	    l->c->files_password) && !u->bad;

	if (known && c->files_user[0] != '\0' && c->files_password[0] == '\0')
		yw_error(l->w, u->pos, "files.user", "needs files.password or "
		    "files.password_file");
	if (known && c->files_user[0] == '\0' && c->files_password[0] != '\0')
		yw_error(l->w, value_of(l, "files.password")->pos,
		    "files.password", "needs files.user");
	if (c->files_listen_count > 0 && url->text.n == 0 && !url->bad)
		yw_warn(l->w, listen->pos, "files.listen", "is of no use "
		    "without files.public_url, which trackers are told");
}

/* What the keys say together; also of a file that has errors, for all of them
 * are to be told in one run. */
static void
check_whole(struct load *l)
{
	struct daemon_conf *c = l->c;

	l->no_memory |= !daemon_load_listen(l->w, l->v, c);
	check_http(l);
	load_cidrs(l, "devices.networks", &c->networks, &c->network_count,
	    &c->networks_yaml);
	l->no_memory |=
	    !daemon_load_models(l->w, value_of(l, "models"), c);
	load_proxy(l);
	load_relay_sources(l);
	strip_slashes(c->files_public_url);
	c->http_token_path = path_of(l, "http.token_file");
	c->never_path = path_of(l, "devices.never_file");
	(void)load_password(l, "devices.password", "devices.password_file",
	    c->password);
	check_files(l);
}

static bool
note_places(struct load *l, const char *name)
{
	l->c->name = strdup(name);
	l->c->at = calloc(daemon_options.count, sizeof(*l->c->at));
	if (l->c->name == NULL || l->c->at == NULL)
		return false;
	for (size_t i = 0; i < daemon_options.count; i++)
		l->c->at[i] = l->v[i].pos;
	return true;
}

struct daemon_conf *
daemon_conf_parse(const char *name, const char *text, size_t len,
    struct sbuf *diag)
{
	struct load l = {.w = yw_new(name, text, len)};
	bool good = false;

	l.c = calloc(1, sizeof(*l.c));
	l.v = calloc(daemon_options.count, sizeof(*l.v));
	if (l.w == NULL || l.c == NULL || l.v == NULL) {
		l.no_memory = true;
		goto out;
	}
	/* An empty file is all defaults; one that cannot be walked is not. */
	if (yw_root(l.w) != 0 || !yw_failed(l.w)) {
		opt_walk(l.w, yw_root(l.w), &daemon_options, "", l.v);
		l.no_memory = opt_store(&daemon_options, l.v, l.c) < 0;
		if (!l.no_memory)
			check_whole(&l);
		l.no_memory |= !note_places(&l, name);
	}
	good = yw_finish(l.w, diag);
out:
	if (l.no_memory)
		sbuf_addf(diag, "%s: out of memory\n", name);
	yw_free(l.w);
	free(l.v);
	if (good && !l.no_memory)
		return l.c;
	daemon_conf_free(l.c);
	return NULL;
}

struct daemon_conf *
daemon_conf_load(const char *path, struct sbuf *diag)
{
	struct daemon_conf *c = NULL;
	size_t len = 0, cap = YW_SIZE_MAX + 1;
	char *text = malloc(cap);
	int fd = -1;
	ssize_t n = -1;

	if (text == NULL) {
		sbuf_addf(diag, "%s: out of memory\n", path);
		return NULL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	/* One byte over the limit tells that it is over. */
	while (fd >= 0 && len < cap) {
		n = read(fd, text + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (fd < 0 || n < 0)
		sbuf_addf(diag, "%s: cannot be read: %s\n", path,
		    strerror(errno));
	else
		c = daemon_conf_parse(path, text, len, diag);
	if (fd >= 0)
		(void)close(fd);
	free(text);
	return c;
}

void
daemon_conf_free(struct daemon_conf *c)
{
	if (c == NULL)
		return;
	opt_release(&daemon_options, c);
	free(c->name);
	free(c->at);
	free(c->http_token_path);
	free(c->never_path);
	free(c->relay_source);
	free(c->relay_listener);
	free(c->all_listen);
	free(c->listen);
	free(c->networks);
	if (c->models != NULL)
		explicit_bzero(c->models, c->model_count * sizeof(*c->models));
	free(c->models);
	free(c->udp_listen);
	free(c->proxy_listen);
	free(c->proxy_trust);
	free(c->files_listen);
	free(c->http_listen);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* --- in use ----------------------------------------------------------------*/

void
daemon_conf_where(const struct daemon_conf *c, const char *key,
    struct sbuf *out)
{
	struct note_pos at = c->at[opt_find(&daemon_options, key)];

	sbuf_addf(out, "%s:%zu:%zu: %s: ", c->name, at.line, at.col, key);
}

const char *
daemon_conf_open_door(const struct daemon_conf *c)
{
	for (size_t i = 0; i < c->http_listen_count; i++)
		if (c->http_token_file[0] == '\0' &&
		    !is_loopback(&c->http_listen[i]))
			return c->http_listen[i].text;
	return NULL;
}

/* In place of the pointer at at, which it frees. */
static void
pointer_put(void *at, void *p)
{
	void *before;

	memcpy(&before, at, sizeof(before));
	free(before);
	memcpy(at, &p, sizeof(p));
}

/* Of a list that is stored, from old into c. */
static int
keep_list(const struct option *o, struct daemon_conf *c,
    const struct daemon_conf *old)
{
	struct conf_address *list, *copy;
	size_t n;

	memcpy(&list, (const char *)old + o->offset, sizeof(list));
	memcpy(&n, (const char *)old + o->count_offset, sizeof(n));
	if ((copy = calloc(n + 1, sizeof(*copy))) == NULL)
		return -1;
	memcpy(copy, list, n * sizeof(*copy));
	pointer_put((char *)c + o->offset, copy);
	memcpy((char *)c + o->count_offset, &n, sizeof(n));
	return 0;
}

static int
keep_text(const struct option *o, struct daemon_conf *c,
    const struct daemon_conf *old)
{
	char *text, *copy;

	memcpy(&text, (const char *)old + o->offset, sizeof(text));
	if ((copy = strdup(text)) == NULL)
		return -1;
	pointer_put((char *)c + o->offset, copy);
	return 0;
}

int
daemon_conf_keep(struct daemon_conf *c, const struct daemon_conf *old)
{
	int r = 0;

	for (size_t i = 0; i < daemon_options.count && r == 0; i++) {
		const struct option *o = &daemon_options.row[i];

		if ((o->flags & OPT_RESTART) == 0)
			continue;
		if ((o->flags & OPT_LIST) != 0)
			r = keep_list(o, c, old);
		else if ((o->flags & OPT_POINTER) != 0)
			r = keep_text(o, c, old);
		else
			memcpy((char *)c + o->offset,
			    (const char *)old + o->offset, o->size);
	}
	return r;
}
