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
#include "config/daemon_models.h"
#include "config/daemon_options.h"

#define HTTP_LISTEN_MAX 8
#define UDP_LISTEN_MAX 16
#define RELAY_SOURCES_MAX 64
#define RELAY_LISTENERS_MAX 31
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

static void
store_addresses(struct load *l, const struct option *o,
    const struct opt_value *v)
{
	size_t n = opt_list_count(l->w, o, v);
	struct conf_address *list;

	if (v->bad)
		return;
	list = calloc(n + 1, sizeof(*list));
	if (list == NULL) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		int r = value_address(opt_list_item(l->w, o, v, i), &list[i]);

		assert(r == 0);
	}
	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (list[i].port != 0 &&
			    strcmp(list[i].text, list[j].text) == 0)
				yw_error(l->w, yw_at(l->w,
				    yw_item(l->w, v->node, i)), o->key,
				    "%s is there twice", list[i].text);
	memcpy((char *)l->c + o->offset, &list, sizeof(list));
	memcpy((char *)l->c + o->count_offset, &n, sizeof(n));
}

static void
load_lists(struct load *l)
{
	for (size_t i = 0; i < daemon_options.count; i++) {
		const struct option *o = &daemon_options.row[i];

		if ((o->flags & OPT_LIST) != 0 && o->size > 0 &&
		    (o->flags & OPT_VERBATIM) == 0)
			store_addresses(l, o, &l->v[i]);
	}
}

/* What leaves the machine needs a key to it. */
static void
check_http(struct load *l)
{
	const struct opt_value *v = value_of(l, "http.listen");
	const struct opt_value *tokens = value_of(l, "http.token_file");

	if (v->bad || l->c->http_listen_count > HTTP_LISTEN_MAX)
		yw_error(l->w, v->pos, "http.listen", "allowed are at most %d "
		    "addresses", HTTP_LISTEN_MAX);
	for (size_t i = 0; i < l->c->http_listen_count; i++) {
		const char *host = l->c->http_listen[i].host;

		/* As the file says it: nothing is stored of one with errors. */
		if (strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
		    tokens->bad || tokens->text.n > 0)
			continue;
		yw_error(l->w, v->pos, "http.listen", "%s can be reached from "
		    "other machines: http.token_file must be given with it",
		    l->c->http_listen[i].text);
	}
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
	if (c->proxy_listen_count > 0 && c->proxy_trust_count == 0)
		yw_error(l->w, value_of(l, "trackers.proxy_listen")->pos,
		    "trackers.proxy_listen", "needs trackers.proxy_trust: "
		    "whoever may send that header may claim any address");
	for (size_t i = 0; i < c->proxy_listen_count; i++)
		for (size_t j = 0; j < c->listen_count; j++)
			if (c->listen[j].port != 0 &&
			    strcmp(c->listen[j].text,
				c->proxy_listen[i].text) == 0)
				yw_error(l->w, value_of(l,
				    "trackers.proxy_listen")->pos,
				    "trackers.proxy_listen", "%s is in "
				    "trackers.listen as well",
				    c->listen[j].text);
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
			yw_error(l->w, v->pos, key, "\"%.*s\" is no IP "
			    "address", (int)MIN_OF(s.n, 46), s.p);
		sbuf_adds(&yaml, i == 0 ? "" : ", ");
		opt_put_text(&yaml, s);
	}
	l->c->relay_source_count = n;
	sbuf_adds(&yaml, "]");
	l->c->relay_source_yaml = text_take(l, &yaml);
}

static void
load_relay_listeners(struct load *l)
{
	static const char path[] = "relay.listeners";
	static const struct option listener = {.type = VALUE_ADDRESS,
	    .min = 1, .max = 79};
	static const struct option upstream = {.type = VALUE_HOSTPORT,
	    .min = 1, .max = 255};
	const struct opt_value *r = value_of(l, path);
	size_t n = r->node == 0 || r->bad ? 0 : yw_count(l->w, r->node);
	struct sbuf yaml;

	sbuf_init(&yaml, 0);
	sbuf_adds(&yaml, "{");
	if (n > RELAY_LISTENERS_MAX)
		yw_error(l->w, r->pos, path, "allowed are at most %d",
		    RELAY_LISTENERS_MAX);
	n = MIN_OF(n, (size_t)RELAY_LISTENERS_MAX);
	l->c->relay_listener = calloc(n + 1, sizeof(*l->c->relay_listener));
	l->no_memory |= l->c->relay_listener == NULL;
	for (size_t i = 0; i < n && !yw_full(l->w) && !l->no_memory; i++) {
		struct conf_relay *to = &l->c->relay_listener[i];
		struct opt_value k = {0}, u = {0};
		int key, value;

		yw_pair(l->w, r->node, i, &key, &value);
		opt_scalar(l->w, key, &listener, path, &k);
		opt_scalar(l->w, value, &upstream, path, &u);
		if (k.bad || u.bad || value_address(k.text, &to->listen) < 0)
			continue;
		(void)span_copy(to->upstream, sizeof(to->upstream), u.text);
		sbuf_adds(&yaml, i == 0 ? "" : ", ");
		opt_put_text(&yaml, k.text);
		sbuf_adds(&yaml, ": ");
		opt_put_text(&yaml, u.text);
	}
	l->c->relay_listener_count = n;
	sbuf_adds(&yaml, "}");
	l->c->relay_listeners_yaml = text_take(l, &yaml);
}

/* An address that only relay.listeners names is listened at too. */
static void
unite_listeners(struct load *l)
{
	struct daemon_conf *c = l->c;
	size_t n = c->listen_count, j;

	c->all_listen = calloc(n + c->relay_listener_count + 1,
	    sizeof(*c->all_listen));
	if (c->all_listen == NULL || c->relay_listener == NULL) {
		l->no_memory = true;
		return;
	}
	if (n > 0)
		memcpy(c->all_listen, c->listen, n * sizeof(*c->listen));
	for (size_t i = 0; i < c->relay_listener_count; i++) {
		const struct conf_address *a = &c->relay_listener[i].listen;

		for (j = 0; j < n; j++)
			if (strcmp(c->all_listen[j].text, a->text) == 0)
				break;
		if (j == n)
			c->all_listen[n++] = *a;
	}
	c->all_listen_count = n;
	if (c->udp_listen_count > UDP_LISTEN_MAX)
		yw_error(l->w, value_of(l, "trackers.udp_listen")->pos,
		    "trackers.udp_listen", "allowed are at most %d addresses",
		    UDP_LISTEN_MAX);
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
		    "the environment: the unit needs LoadCredential=");
		return NULL;
	} else {
		sbuf_add(&out, v->text.p, (size_t)(at - v->text.p));
		sbuf_adds(&out, directory);
		sbuf_adds(&out, at + sizeof(VARIABLE) - 1);
	}
	return text_take(l, &out);
}

static void
expand_token_file(struct load *l)
{
	const struct opt_value *v = value_of(l, "http.token_file");

	if (v->node != 0 && v->text.n > 0)
		l->c->http_token_path = expand_path(l, v, "http.token_file");
	else
		l->c->http_token_path = strdup("");
	l->no_memory |= l->c->http_token_path == NULL;
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

/* password_file in place of password; dst has room for the row's max. */
static void
load_password(struct load *l, const char *key, const char *file_key, char *dst)
{
	const struct option *o = row_of(key);
	const struct opt_value *given = value_of(l, key);
	const struct opt_value *file = value_of(l, file_key);
	char line[PASSWORD_FILE_MAX];
	const char *why;
	struct span s;
	char *path;

	if (file->bad || file->text.n == 0)
		return;
	if (given->node != 0) {
		yw_error(l->w, given->pos, key, "stands beside %s, allowed is "
		    "one of the two", file_key);
		return;
	}
	path = expand_path(l, file, file_key);
	if (path == NULL)
		return;
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
	}
	free(path);
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

static void
check_whole(struct load *l)
{
	struct daemon_conf *c = l->c;
	const struct opt_value *u = value_of(l, "files.user");
	const struct opt_value *p = value_of(l, "files.password");

	check_http(l);
	load_cidrs(l, "devices.networks", &c->networks, &c->network_count,
	    &c->networks_yaml);
	l->no_memory |=
	    !daemon_load_models(l->w, value_of(l, "models"), c);
	load_proxy(l);
	load_relay_sources(l);
	load_relay_listeners(l);
	unite_listeners(l);
	if (yw_failed(l->w))
		return;
	strip_slashes(c->files_public_url);
	expand_token_file(l);
	load_password(l, "devices.password", "devices.password_file",
	    c->password);
	load_password(l, "files.password", "files.password_file",
	    c->files_password);
	if (yw_failed(l->w))
		return;
	if (c->files_user[0] != '\0' && c->files_password[0] == '\0')
		yw_error(l->w, u->pos, "files.user", "needs files.password or "
		    "files.password_file");
	if (c->files_user[0] == '\0' && c->files_password[0] != '\0')
		yw_error(l->w, p->pos, "files.password", "needs files.user");
	if (c->files_listen_count > 0 && c->files_public_url[0] == '\0')
		yw_warn(l->w, value_of(l, "files.listen")->pos, "files.listen",
		    "is of no use without files.public_url, which trackers "
		    "are told");
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
		if (!yw_failed(l.w))
			l.no_memory |= opt_store(&daemon_options, l.v,
			    l.c) < 0;
		load_lists(&l);
		if (!l.no_memory)
			check_whole(&l);
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
	free(c->http_token_path);
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
