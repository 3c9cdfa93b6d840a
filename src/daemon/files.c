#include "config.h"
#include "daemon/files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "io/digest.h"

/* Which campaign a file held when it was last good, so that a broken or
 * missing one is still known by name. */
struct seen_file {
	char *path;
	char name[CAMPAIGN_NAME_MAX + 1];
	bool here;
};

struct campaign_files {
	struct seen_file *v;
	size_t count;
	struct files_stats stats;
};

struct campaign_files *
files_new(void)
{
	return calloc(1, sizeof(struct campaign_files));
}

void
files_free(struct campaign_files *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++)
		free(f->v[i].path);
	free(f->v);
	free(f);
}

void
files_get_stats(const struct campaign_files *f, struct files_stats *ret)
{
	*ret = f->stats;
	ret->files = f->count;
}

/* --- the world, as config/campaign_file wants it ---------------------------*/

struct env_arg {
	const struct daemon_conf *conf;
	const struct api_files *posted;
	uint64_t *too_large; /* lists over their limit; or NULL */
	bool ours;           /* what failed says nothing about the file */
};

/* We were short of something: the file may be as good as it was. */
static bool
errno_is_ours(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

static int
read_all(const char *path, size_t max, char **ret, size_t *ret_len,
    struct env_arg *e, uint64_t *too_large, struct errtext *err)
{
	struct stat st;
	char *p = NULL;
	size_t len = 0;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0) {
		e->ours = e->ours || errno_is_ours(errno);
		(void)errtext_set(err, -1, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)errtext_set(err, -1, "%s: not a regular file", path);
		goto bad;
	}
	if ((size_t)st.st_size > max) {
		(void)errtext_set(err, -1, "%s: larger than %zu bytes", path,
		    max);
		if (too_large != NULL)
			++*too_large;
		goto bad;
	}
	if ((p = malloc((size_t)st.st_size + 1)) == NULL) {
		e->ours = true;
		(void)errtext_set(err, -1, "%s: out of memory", path);
		goto bad;
	}
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, p + len, (size_t)st.st_size - len);

		if (n < 0) {
			(void)errtext_set(err, -1, "%s: %s", path,
			    strerror(errno));
			goto bad;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	(void)close(fd);
	p[len] = '\0';
	*ret = p;
	*ret_len = len;
	return 0;
bad:
	free(p);
	(void)close(fd);
	return -1;
}

static int
disk_list(struct env_arg *e, const char *campaign_path, const char *list,
    char **ret_text, size_t *ret_len, struct errtext *err)
{
	const char *slash = strrchr(campaign_path, '/');
	char path[4096];
	int n;

	if (list[0] == '/' || slash == NULL)
		n = snprintf(path, sizeof(path), "%s", list);
	else
		n = snprintf(path, sizeof(path), "%.*s/%s",
		    (int)(slash - campaign_path), campaign_path, list);
	if (n < 0 || (size_t)n >= sizeof(path))
		return errtext_set(err, -1, "%s: path too long", list);
	return read_all(path, FILES_LIST_BYTES_MAX, ret_text, ret_len, e,
	    e->too_large, err);
}

static int
posted_list(void *arg, const char *campaign_path, const char *list,
    char **ret_text, size_t *ret_len, struct errtext *err)
{
	const struct api_files *posted = arg;

	(void)campaign_path;
	for (size_t i = 0; i < posted->count; i++) {
		if (strcmp(posted->name[i], list) != 0)
			continue;
		if ((*ret_text = malloc(posted->len[i] + 1)) == NULL)
			return errtext_set(err, -1, "out of memory");
		memcpy(*ret_text, posted->text[i], posted->len[i]);
		(*ret_text)[posted->len[i]] = '\0';
		*ret_len = posted->len[i];
		return 0;
	}
	return CAMPAIGN_FILES_MISSING;
}

static int
env_list(void *arg, const char *campaign_path, const char *list,
    char **ret_text, size_t *ret_len, struct errtext *err)
{
	struct env_arg *e = arg;

	if (e->posted != NULL) {
		struct api_files posted = *e->posted;

		return posted_list(&posted, campaign_path, list, ret_text,
		    ret_len, err);
	}
	return disk_list(e, campaign_path, list, ret_text, ret_len, err);
}

static int
env_package(void *arg, const char *file, uint64_t *ret_bytes,
    char ret_sha256[DIGEST_TEXT], struct errtext *err)
{
	struct env_arg *e = arg;
	int r = digest_file(e->conf->files_root, file, ret_bytes, ret_sha256,
	    err);

	if (r < 0 && errno_is_ours(errno))
		e->ours = true;
	return r;
}

static void
env_digest(void *arg, const char *const *part, const size_t *len,
    size_t count, char ret[DIGEST_TEXT])
{
	(void)arg;
	digest_parts(part, len, count, ret);
}

static struct campaign_env
env_of(struct env_arg *arg, bool stored)
{
	return (struct campaign_env){
	    .arg = arg,
	    .read_list = env_list,
	    .package = env_package,
	    .digest = env_digest,
	    .public_url = arg->conf->files_public_url,
	    .time_scale = arg->conf->time_scale,
	    .tokens = arg->conf->files_listen_count > 0,
	    .file_rate = (int64_t)arg->conf->files_rate,
	    .stored = stored,
	};
}

struct campaign_spec *
files_stored(const struct daemon_conf *conf, const char *name,
    const char *text, size_t len, struct sbuf *diag)
{
	struct env_arg arg = {.conf = conf};
	struct campaign_env env = env_of(&arg, true);
	struct campaign_spec *spec;
	struct sbuf missing;
	int r;

	sbuf_init(&missing, 0);
	r = campaign_parse(name, text, len, &env, &spec, diag, &missing);
	sbuf_done(&missing);
	return r == 0 ? spec : NULL;
}

int
files_check(const struct daemon_conf *conf, const char *file,
    const struct api_files *posted, struct sbuf *diag, struct sbuf *missing,
    struct campaign_spec **ret_spec)
{
	struct env_arg arg = {.conf = conf, .posted = posted};
	struct campaign_env env = env_of(&arg, false);

	env.advise = true;
	for (size_t i = 0; i < posted->count; i++) {
		if (strcmp(posted->name[i], file) != 0)
			continue;
		return campaign_parse(file, posted->text[i], posted->len[i],
		    &env, ret_spec, diag, missing);
	}
	sbuf_addf(diag, "%s: not among the posted files\n", file);
	return -1;
}

/* --- the campaign directory ------------------------------------------------*/

static struct seen_file *
seen_find(struct campaign_files *f, const char *path, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->v[i].path, path) == 0 &&
		    (name == NULL || strcmp(f->v[i].name, name) == 0))
			return &f->v[i];
	return NULL;
}

/* The file of this scan that holds the campaign; NULL: none. */
static const struct seen_file *
seen_holder(const struct campaign_files *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->v[i].here && strcmp(f->v[i].name, name) == 0)
			return &f->v[i];
	return NULL;
}

/* A path under another name is another entry: the old campaign is gone. */
static void
seen_put(struct campaign_files *f, const char *path, const char *name)
{
	struct seen_file *s = seen_find(f, path, name);

	if (s == NULL) {
		struct seen_file *v =
		    realloc(f->v, (f->count + 1) * sizeof(*v));

		if (v == NULL)
			return;
		f->v = v;
		s = &v[f->count];
		memset(s, 0, sizeof(*s));
		if ((s->path = strdup(path)) == NULL)
			return;
		f->count++;
	}
	s->here = true;
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
}

/* The name of a file that does not parse: the first line that gives one. */
static bool
guess_name(const char *text, char name[CAMPAIGN_NAME_MAX + 1])
{
	const char *p = text;

	while (p != NULL && *p != '\0') {
		size_t n;

		if (strncmp(p, "campaign:", 9) == 0) {
			p += 9;
			p += strspn(p, " \t\"'");
			n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789"
				      "-_.");
			if (n == 0 || n > CAMPAIGN_NAME_MAX)
				return false;
			memcpy(name, p, n);
			name[n] = '\0';
			return true;
		}
		if ((p = strchr(p, '\n')) != NULL)
			p++;
	}
	return false;
}

/* --- a scan: what is read, then what it means -----------------------------*/

/* One file, as it was read. */
struct found {
	char *path;
	struct campaign_spec *spec; /* NULL: it is not good */
	char name[CAMPAIGN_NAME_MAX + 1]; /* then: as it seems, or "" */
	bool ours;                  /* what failed says nothing about it */
	struct campaign_places places;
	struct sbuf diag;
};

struct files_batch {
	struct found *v;
	size_t count;
	bool ours;                  /* the directory, likewise */
	bool bad;                   /* something was not read */
	uint64_t not_read, campaign_too_large, list_too_large, list_too_long;
	struct sbuf diag;           /* of the directory */
};

void
files_batch_free(struct files_batch *b)
{
	if (b == NULL)
		return;
	assert(b->count == 0 || b->v != NULL);
	for (size_t i = 0; i < b->count; i++) {
		spec_free(b->v[i].spec);
		sbuf_done(&b->v[i].diag);
		free(b->v[i].path);
	}
	free(b->v);
	sbuf_done(&b->diag);
	free(b);
}

static void
read_one(struct files_batch *b, const struct daemon_conf *conf,
    struct found *f)
{
	struct env_arg arg = {.conf = conf, .too_large = &b->list_too_large};
	struct campaign_env env = env_of(&arg, false);
	struct errtext err = {0};
	struct sbuf missing;
	char *text = NULL;
	size_t len;

	env.lists_full = &b->list_too_long;
	env.places = &f->places;
	if (read_all(f->path, FILES_CAMPAIGN_BYTES_MAX, &text, &len, &arg,
		&b->campaign_too_large, &err) < 0) {
		sbuf_addf(&f->diag, "%s\n", err.text);
		f->ours = arg.ours;
		return;
	}
	sbuf_init(&missing, 0);
	if (campaign_parse(f->path, text, len, &env, &f->spec, &f->diag,
		&missing) != 0) {
		f->spec = NULL;
		if (!guess_name(text, f->name))
			f->name[0] = '\0';
	}
	f->ours = arg.ours;
	sbuf_done(&missing);
	free(text);
}

static int
only_yaml(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && e->d_name[0] != '.' &&
	    strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static void
read_entry(struct files_batch *b, const struct daemon_conf *conf,
    const char *entry)
{
	char path[4096];
	int len = snprintf(path, sizeof(path), "%s/%s",
	    conf->campaigns_directory, entry);
	struct found *f = &b->v[b->count];

	if (b->count >= FILES_COUNT_MAX || len < 0 ||
	    (size_t)len >= sizeof(path)) {
		sbuf_addf(&b->diag, "%s: more than %d files, or a path "
			"too long: not read\n", entry, FILES_COUNT_MAX);
		b->not_read++;
		b->bad = true;
		return;
	}
	if ((f->path = strdup(path)) == NULL) {
		sbuf_addf(&b->diag, "%s: out of memory\n", path);
		b->bad = b->ours = true;
		return;
	}
	sbuf_init(&f->diag, 0);
	b->count++;
	read_one(b, conf, f);
}

struct files_batch *
files_read(const struct daemon_conf *conf)
{
	struct files_batch *b = calloc(1, sizeof(*b));
	struct dirent **list = NULL;
	int n;

	if (b == NULL)
		return NULL;
	sbuf_init(&b->diag, 0);
	n = scandir(conf->campaigns_directory, &list, only_yaml, alphasort);
	if (n < 0) {
		/* That we cannot look does not mean that they are gone. */
		b->ours = errno_is_ours(errno);
		sbuf_addf(&b->diag, "%scampaigns.directory: %s: %s\n",
		    b->ours ? "" : "warning: ", conf->campaigns_directory,
		    strerror(errno));
		n = 0;
	}
	b->v = calloc((size_t)MIN_OF(n, FILES_COUNT_MAX) + 1, sizeof(*b->v));
	for (int i = 0; i < n; i++) {
		if (b->v != NULL)
			read_entry(b, conf, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	if (b->v == NULL) {
		files_batch_free(b);
		return NULL;
	}
	return b;
}

/* What stands first among the errors, in one line. */
static void
first_error(const struct sbuf *diag, char ret[REASON_MAX + 1])
{
	struct span rest = span_str(sbuf_str(diag)), line;

	ret[0] = '\0';
	while (text_line(&rest, &line)) {
		if (line.n == 0 || line.p[0] == ' ' ||
		    span_starts(line, "warning: "))
			continue;
		(void)snprintf(ret, REASON_MAX + 1, "%.*s",
		    (int)MIN_OF(line.n, (size_t)REASON_MAX), line.p);
		text_cut(ret);
		return;
	}
}

/* ours: nothing is known against the file, so its campaign goes on. */
static int
file_lost(struct campaign_files *f, const struct found *n,
    const struct files_sink *sink)
{
	struct seen_file *s = seen_find(f, n->path, NULL);
	char why[REASON_MAX + 1];

	if (s != NULL)
		s->here = true;
	if (sink == NULL || n->ours)
		return -1;
	first_error(&n->diag, why);
	if (s != NULL)
		sink->lost(sink->arg, s->name, PAUSE_FILE_BROKEN, why);
	else if (n->name[0] != '\0')
		sink->lost(sink->arg, n->name, PAUSE_FILE_BROKEN, why);
	return -1;
}

/* "campaign NAME: " of a message for whoever does not see the file. */
static const char *
without_name(const char *what)
{
	static const char word[] = "campaign ";
	const char *end = strchr(what, ':');

	if (strncmp(what, word, sizeof(word) - 1) != 0 || end == NULL ||
	    memchr(what + sizeof(word) - 1, ' ',
		(size_t)(end - what) - (sizeof(word) - 1)) != NULL)
		return what;
	return end + strspn(end, ": ");
}

/* What shows only beside what is there already, in the words of the file. */
static void
say(const struct found *n, const char *kind, const char *what,
    struct sbuf *diag)
{
	struct note_pos at;

	what = without_name(what);
	at = campaign_place(&n->places, what);
	sbuf_addf(diag, "%s%s:%zu:%zu: %s\n", kind, n->path, at.line, at.col,
	    what);
}

/* Takes its spec. */
static int
file_apply(struct campaign_files *f, struct found *n,
    const struct files_sink *sink, struct sbuf *diag)
{
	struct campaign_spec *spec = n->spec;
	const struct seen_file *other;
	struct errtext err = {0};

	sbuf_adds(diag, sbuf_str(&n->diag));
	if (spec == NULL)
		return file_lost(f, n, sink);
	if ((other = seen_holder(f, spec->name)) != NULL) {
		(void)errtext_set(&err, -1, "campaign: %s is the campaign of "
		    "%s; a name is given once", spec->name, other->path);
		say(n, "", err.text, diag);
		return -1;
	}
	seen_put(f, n->path, spec->name);
	if (sink == NULL)
		return 0;
	n->spec = NULL;
	if (sink->campaign(sink->arg, spec, &err) == FILE_REFUSED) {
		say(n, "", err.text, diag);
		return -1;
	}
	/* Taken, but it cannot run as it says it would. */
	if (err.text[0] != '\0')
		say(n, "warning: ", err.text, diag);
	return 0;
}

/* A file under another path is not gone. */
static void
seen_gone(struct campaign_files *f, const struct files_sink *sink)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++) {
		struct seen_file *s = &f->v[i];

		if (s->here) {
			f->v[kept++] = *s;
			continue;
		}
		if (seen_holder(f, s->name) == NULL)
			sink->lost(sink->arg, s->name, PAUSE_FILE_GONE, "");
		free(s->path);
	}
	f->count = kept;
}

int
files_apply(struct campaign_files *f, struct files_batch *b,
    const struct files_sink *sink, struct sbuf *diag)
{
	int result = b == NULL || b->bad || b->ours ? -1 : 0;

	for (size_t i = 0; i < f->count; i++)
		f->v[i].here = false;
	if (b == NULL) {
		sbuf_adds(diag, "campaigns.directory: out of memory\n");
		return -1;
	}
	f->stats.not_read += b->not_read;
	f->stats.campaign_too_large += b->campaign_too_large;
	f->stats.list_too_large += b->list_too_large;
	f->stats.list_too_long += b->list_too_long;
	sbuf_adds(diag, sbuf_str(&b->diag));
	for (size_t i = 0; i < b->count; i++)
		if (file_apply(f, &b->v[i], sink, diag) < 0)
			result = -1;
	if (sink != NULL && !b->ours)
		seen_gone(f, sink);
	files_batch_free(b);
	return result;
}

int
files_scan(struct campaign_files *f, const struct daemon_conf *conf,
    const struct files_sink *sink, struct sbuf *diag)
{
	return files_apply(f, files_read(conf), sink, diag);
}
