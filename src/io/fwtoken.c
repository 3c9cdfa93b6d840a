#include "config.h"
#include "io/fwtoken.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "base/idmap.h"

#define REPORTS_MAX 4096 /* two for each download: what one turn may find */

struct entry {
	char token[FILE_TOKEN_TEXT];
	int64_t attempt;
	uint64_t device;
};

struct fwtokens {
	pthread_mutex_t lock;
	struct idmap map;
	int fd;
	struct download_report ring[REPORTS_MAX];
	size_t head, count;
	uint64_t dropped;
};

struct fwtokens *
fwtokens_new(void)
{
	struct fwtokens *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (t->fd < 0 || pthread_mutex_init(&t->lock, NULL) != 0) {
		if (t->fd >= 0)
			(void)close(t->fd);
		free(t);
		return NULL;
	}
	/* The keys are random already, and chosen by nobody but us. */
	idmap_init(&t->map, 1);
	return t;
}

void
fwtokens_free(struct fwtokens *t)
{
	size_t pos = 0;
	void *e;

	if (t == NULL)
		return;
	while ((e = idmap_next(&t->map, &pos)) != NULL)
		free(e);
	idmap_done(&t->map);
	(void)pthread_mutex_destroy(&t->lock);
	(void)close(t->fd);
	free(t);
}

static void
enter(struct fwtokens *t)
{
	(void)pthread_mutex_lock(&t->lock);
}

static void
leave(struct fwtokens *t)
{
	(void)pthread_mutex_unlock(&t->lock);
}

void
fwtokens_get_stats(struct fwtokens *t, struct fwtokens_stats *ret)
{
	enter(t);
	*ret = (struct fwtokens_stats){.tokens = t->map.len,
	    .reports = t->count, .reports_max = REPORTS_MAX,
	    .dropped = t->dropped};
	leave(t);
}

/* Sixty of its bits; the text is compared all the same. */
static uint64_t
key_of(const char *token)
{
	uint64_t key = 0;

	for (int i = 1; i <= 12; i++)
		key = key << 5 | (uint64_t)((unsigned char)token[i] & 31);
	return key | UINT64_C(1) << 63;
}

static bool
entry_is(const struct entry *e, const char *token)
{
	return e != NULL && memcmp(e->token, token, FILE_TOKEN_LEN) == 0;
}

/* --- the event loop --------------------------------------------------------*/

int
fwtokens_put(struct fwtokens *t, const char *token, int64_t attempt,
    uint64_t device)
{
	struct entry *e = calloc(1, sizeof(*e)), *old;
	int r = -1;

	if (e == NULL)
		return -1;
	memcpy(e->token, token, FILE_TOKEN_LEN);
	e->attempt = attempt;
	e->device = device;
	enter(t);
	old = idmap_get(&t->map, key_of(token));
	if (idmap_put(&t->map, key_of(token), e) == 0)
		r = 0;
	leave(t);
	free(r == 0 ? old : e);
	return r;
}

void
fwtokens_drop(struct fwtokens *t, const char *token)
{
	struct entry *e;

	enter(t);
	e = idmap_get(&t->map, key_of(token));
	if (entry_is(e, token))
		(void)idmap_remove(&t->map, key_of(token));
	else
		e = NULL;
	leave(t);
	free(e);
}

int
fwtokens_fd(const struct fwtokens *t)
{
	return t->fd;
}

bool
fwtokens_next(struct fwtokens *t, struct download_report *ret)
{
	uint64_t n;
	bool some;

	enter(t);
	some = t->count > 0;
	if (some) {
		*ret = t->ring[t->head];
		t->head = (t->head + 1) % REPORTS_MAX;
		t->count--;
	}
	/* Under the lock: a report that comes now writes behind this. */
	if (t->count == 0)
		(void)!read(t->fd, &n, sizeof(n));
	leave(t);
	return some;
}

/* --- the server ------------------------------------------------------------*/

bool
fwtokens_find(struct fwtokens *t, const char *token, int64_t *ret_attempt,
    uint64_t *ret_device)
{
	const struct entry *e;
	bool found;

	enter(t);
	e = idmap_get(&t->map, key_of(token));
	found = entry_is(e, token);
	if (found) {
		*ret_attempt = e->attempt;
		*ret_device = e->device;
	}
	leave(t);
	return found;
}

void
fwtokens_report(struct fwtokens *t, const struct download_report *r)
{
	size_t room = r->kind == DOWNLOAD_PROGRESS ? REPORTS_MAX / 2
						   : REPORTS_MAX;
	uint64_t one = 1;

	enter(t);
	if (t->count < room) {
		t->ring[(t->head + t->count) % REPORTS_MAX] = *r;
		/* An eventfd is full after 2^64 of these. */
		if (t->count++ == 0)
			(void)!write(t->fd, &one, sizeof(one));
	} else {
		t->dropped++;
	}
	leave(t);
}
