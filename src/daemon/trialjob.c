#include "config.h"
#include "daemon/trialjob.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct trialjob {
	struct loop_watch *watch;
	int done_fd;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	int64_t until_ms;
	struct trial_config cfg;
	struct campaign_spec *spec;
	struct plan_device *v;
	size_t n;
	trialjob_fn *fn;         /* NULL: nobody waits for it any more */
	void *fn_arg;
	/* the thread's, until it wrote to done_fd */
	struct trial_result *result;
	struct errtext err;
	int r;
};

static bool
job_stop(void *arg)
{
	struct trialjob *j = arg;

	return atomic_load(&j->stop) || loop_mono_ms() > j->until_ms;
}

static void *
job_main(void *arg)
{
	struct trialjob *j = arg;
	uint64_t one = 1;

	j->r = trial_run(&j->cfg, j->spec, j->v, j->n, &j->result, &j->err);
	j->spec = NULL;
	while (write(j->done_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
	return NULL;
}

static void
job_end(struct trialjob *j)
{
	(void)pthread_join(j->thread, NULL);
	j->running = false;
	free(j->v);
	j->v = NULL;
}

static void
job_done(void *arg)
{
	struct trialjob *j = arg;
	trialjob_fn *fn = j->fn;
	uint64_t n;

	if (read(j->done_fd, &n, sizeof(n)) != (ssize_t)sizeof(n) ||
	    !j->running)
		return;
	job_end(j);
	j->fn = NULL;
	if (fn != NULL)
		fn(j->fn_arg, j->r == 0 ? j->result : NULL, j->err.text);
	trial_free(j->result);
	j->result = NULL;
}

struct trialjob *
trialjob_new(struct loop *l)
{
	struct trialjob *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	j->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->done_fd >= 0)
		j->watch = loop_readable(l, j->done_fd, job_done, j);
	if (j->watch == NULL) {
		trialjob_free(j);
		return NULL;
	}
	return j;
}

void
trialjob_free(struct trialjob *j)
{
	if (j == NULL)
		return;
	if (j->running) {
		atomic_store(&j->stop, true);
		job_end(j);
		trial_free(j->result);
	}
	if (j->watch != NULL)
		loop_watch_free(j->watch);
	if (j->done_fd >= 0)
		(void)close(j->done_fd);
	free(j);
}

bool
trialjob_busy(const struct trialjob *j)
{
	return j->running;
}

int
trialjob_start(struct trialjob *j, const struct trial_config *cfg,
    struct campaign_spec *spec, struct plan_device *v, size_t n,
    trialjob_fn *fn, void *fn_arg, struct errtext *err)
{
	sigset_t all, old;
	int r;

	j->cfg = *cfg;
	j->cfg.stop = job_stop;
	j->cfg.stop_arg = j;
	atomic_store(&j->stop, false);
	j->until_ms = loop_mono_ms() + TRIALJOB_MS;
	j->spec = spec;
	j->v = v;
	j->n = n;
	j->fn = fn;
	j->fn_arg = fn_arg;
	j->err.text[0] = '\0';
	/* Signals are the loop's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&j->thread, NULL, job_main, j);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0) {
		spec_free(spec);
		free(v);
		j->spec = NULL;
		j->v = NULL;
		return errtext_set(err, -1, "no thread: %s", strerror(r));
	}
	j->running = true;
	return 0;
}

void
trialjob_forget(struct trialjob *j, const void *fn_arg)
{
	if (!j->running || j->fn == NULL || j->fn_arg != fn_arg)
		return;
	j->fn = NULL;
	atomic_store(&j->stop, true);
}
