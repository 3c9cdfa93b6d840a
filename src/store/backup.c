#include "config.h"
#include "store/internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/copy.h"
#include "store/db.h"

int
store_backup(struct store *s, const char *path, bool force, unsigned keep,
    store_backup_fn *fn, void *arg, struct errtext *err)
{
	struct backup *b = &s->shared.backup;
	char *copy = strdup(path);

	if (copy == NULL)
		return errtext_set(err, STORE_ERR_MEMORY, "no memory");
	(void)pthread_mutex_lock(&s->lock);
	if (b->stage != BACKUP_NONE ||
	    s->shared.stats.state == STORE_BROKEN) {
		(void)pthread_mutex_unlock(&s->lock);
		free(copy);
		return errtext_set(err, STORE_ERR_BUSY,
		    "another backup is under way");
	}
	b->stage = BACKUP_WAITING;
	b->path = copy;
	b->force = force;
	b->keep = keep;
	b->fn = fn;
	b->arg = arg;
	b->status = 0;
	b->text[0] = '\0';
	b->began_ms = store_now_ms();
	atomic_store(&b->cancel, false);
	(void)pthread_cond_signal(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
}

void
store_backup_forget(struct store *s, void *arg)
{
	(void)pthread_mutex_lock(&s->lock);
	if (s->shared.backup.arg == arg)
		s->shared.backup.fn = NULL;
	(void)pthread_mutex_unlock(&s->lock);
}

/* --- the writer's thread ---------------------------------------------------*/

bool
backup_due_locked(const struct store *s)
{
	return s->shared.backup.stage == BACKUP_WAITING ||
	    s->shared.backup.stage == BACKUP_COPYING;
}

static enum backup_stage
get_stage(struct store *s)
{
	enum backup_stage stage;

	(void)pthread_mutex_lock(&s->lock);
	stage = s->shared.backup.stage;
	(void)pthread_mutex_unlock(&s->lock);
	return stage;
}

static void
set_stage(struct store *s, enum backup_stage stage)
{
	(void)pthread_mutex_lock(&s->lock);
	s->shared.backup.stage = stage;
	(void)pthread_mutex_unlock(&s->lock);
}

static void
ended(struct store *s, int code, const char *why)
{
	struct backup *b = &s->shared.backup;

	b->status = code;
	(void)snprintf(b->text, sizeof(b->text), "%.*s", (int)sizeof(b->text) - 1,
	    why);
	set_stage(s, BACKUP_DONE);
	store_notify(s);
}

void
backup_break(struct store *s, int code, const char *why)
{
	struct backup *b = &s->shared.backup;
	enum backup_stage stage = get_stage(s);

	/* No other thread moves it out of these two. */
	if (stage != BACKUP_WAITING && stage != BACKUP_COPYING)
		return;
	copy_free(b->copy);
	b->copy = NULL;
	ended(s, code, why);
}

/* Checking and syncing a large file takes seconds, and no group may wait for
 * them. */
static void *
publish_main(void *arg)
{
	struct store *s = arg;
	struct backup *b = &s->shared.backup;
	struct errtext err = {0};
	int r = copy_publish(b->copy, &b->cancel, &b->bytes, &err);
	char *slash;

	copy_free(b->copy);
	b->copy = NULL;
	if (r == 0 && b->keep > 0 && (slash = strrchr(b->path, '/')) != NULL) {
		*slash = '\0';
		copy_trim(b->path, b->keep);
		*slash = '/';
	}
	if (r < 0 && atomic_load(&b->cancel))
		r = errtext_set(&err, STORE_ERR_STOPPED, "trackupd ends");
	ended(s, r, err.text);
	return NULL;
}

void
backup_work(struct store *s)
{
	struct backup *b = &s->shared.backup;
	enum backup_stage stage = get_stage(s);
	struct errtext err = {0};
	bool runs;
	int r;

	if (stage != BACKUP_WAITING && stage != BACKUP_COPYING)
		return;
	if (stage == BACKUP_WAITING) {
		if ((r = copy_begin(&b->copy, s->db, b->path, b->force,
		    &err)) < 0) {
			ended(s, r, err.text);
			return;
		}
		set_stage(s, BACKUP_COPYING);
	}
	if ((r = copy_step(b->copy, &err)) > 0)
		return;
	if (r < 0) {
		backup_break(s, r, err.text);
		return;
	}
	set_stage(s, BACKUP_PUBLISHING);
	/* Signals are blocked already, as in this thread. It cannot end, and
	 * be joined, before it is known to run: for that it needs the lock. */
	(void)pthread_mutex_lock(&s->lock);
	runs = pthread_create(&b->thread, NULL, publish_main, s) == 0;
	b->thread_runs = runs;
	(void)pthread_mutex_unlock(&s->lock);
	if (!runs)
		(void)publish_main(s);
}

/* --- the caller's thread ---------------------------------------------------*/

static void
thread_join(struct backup *b)
{
	if (b->thread_runs)
		(void)pthread_join(b->thread, NULL);
	b->thread_runs = false;
}

void
backup_answer(struct store *s)
{
	struct backup *b = &s->shared.backup;
	struct store_backup answer;
	store_backup_fn *fn;
	char text[sizeof(b->text)];
	char *path;
	void *arg;

	(void)pthread_mutex_lock(&s->lock);
	if (b->stage != BACKUP_DONE) {
		(void)pthread_mutex_unlock(&s->lock);
		return;
	}
	(void)pthread_mutex_unlock(&s->lock);
	thread_join(b);
	(void)memcpy(text, b->text, sizeof(text));
	path = b->path;
	answer = (struct store_backup){
	    .status = b->status,
	    .path = path,
	    .text = text,
	    .bytes = b->bytes,
	    .took_ms = store_now_ms() - b->began_ms,
	};
	(void)pthread_mutex_lock(&s->lock);
	fn = b->fn;
	arg = b->arg;
	b->path = NULL;
	b->fn = NULL;
	b->arg = NULL;
	/* The callback may ask for the next one. */
	b->stage = BACKUP_NONE;
	(void)pthread_mutex_unlock(&s->lock);
	if (fn != NULL)
		fn(arg, &answer);
	free(path);
}

void
backup_done(struct store *s)
{
	struct backup *b = &s->shared.backup;

	atomic_store(&b->cancel, true);
	thread_join(b);
	free(b->path);
	b->path = NULL;
}
