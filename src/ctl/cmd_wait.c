#include "config.h"
#include "ctl/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/units.h"

#define POLL_FIRST_MS 200
#define POLL_MAX_MS 2000
#define AWAY_MAX_MS 30000 /* a daemon that restarts is waited for */
#define ANSWER_MIN_MS INT64_C(1000)
#define ANSWER_MAX_MS INT64_C(60000)

static int64_t
mono_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
nap(int64_t ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&t, NULL);
}

/* -1 = not over yet. A pause by an operator is none of the campaign's doing,
 * and somebody is about to resume it. */
static int
verdict(const json_t *j)
{
	char state[32], reason[512];

	(void)jtext(j, "state", state, sizeof state);
	(void)jtext(j, "reason", reason, sizeof reason);
	if (strcmp(state, "finished") == 0)
		return CTL_OK;
	if (strcmp(state, "aborted") == 0)
		return CTL_WAIT_BAD;
	if (strcmp(state, "paused") == 0 &&
	    strncmp(reason, "operator", strlen("operator")) != 0)
		return CTL_WAIT_BAD;
	return -1;
}

static void
print_end(struct ctl *c, const char *name, const json_t *j)
{
	const json_t *t = json_object_get(j, "targets");
	char state[32], reason[512];

	if (c->json) {
		print_json(j);
		return;
	}
	(void)jtext(j, "reason", reason, sizeof reason);
	(void)printf("campaign %s: %s%s%s; %" PRId64 " of %" PRId64
	    " succeeded, %" PRId64 " failed\n", name,
	    jtext(j, "state", state, sizeof state),
	    reason[0] != '\0' ? ": " : "", reason, jint(t, "succeeded"),
	    jint(t, "total"), jint(t, "failed"));
}

/* A daemon that hangs must not hold us much longer than we were told to. */
static struct answer
ask(struct ctl *c, const char *path, int64_t left_ms)
{
	c->answer_timeout_ms = (long)MAX_OF(MIN_OF(left_ms, ANSWER_MAX_MS),
	    ANSWER_MIN_MS);
	return client_ask(c, path, NULL);
}

int
cmd_campaign_wait(struct ctl *c, char *const *args)
{
	int64_t start_ms = mono_ms(), timeout_ms = INT64_MAX, nap_ms, left_ms;
	int64_t heard_ms = -1;
	char path[CTL_PATH_MAX], *s = client_encode(c, args[0]);
	struct live live = {.lines = 0};
	struct answer a;
	int r = -1;

	(void)snprintf(path, sizeof path, "campaigns/%s", s);
	free(s);
	if ((c->given & OPT_BIT(OPT_TIMEOUT)) != 0 && units_duration(
	    span_str(c->value[OPT_TIMEOUT]), &timeout_ms) < 0) {
		say("--timeout %s: not a duration such as 90s, 15m or 12h",
		    c->value[OPT_TIMEOUT]);
		return CTL_USAGE;
	}
	left_ms = timeout_ms;
	for (nap_ms = POLL_FIRST_MS; r < 0;
	    nap_ms = MIN_OF(nap_ms * 3 / 2, POLL_MAX_MS)) {
		a = ask(c, path, left_ms);
		if (a.status == 200) {
			heard_ms = mono_ms();
			live_draw(&live, c, a.json, heard_ms);
			r = verdict(a.json);
			if (r >= 0) {
				live_clear(&live);
				print_end(c, args[0], a.json);
			}
		} else if (a.status != 0 || heard_ms < 0 ||
		    mono_ms() - heard_ms > AWAY_MAX_MS) {
			live_clear(&live);
			r = answer_failed(c, &a);
		}
		answer_done(&a);
		left_ms = timeout_ms - (mono_ms() - start_ms);
		if (r < 0 && left_ms <= 0) {
			live_clear(&live);
			say("campaign %s: not over within %s", args[0],
			    c->value[OPT_TIMEOUT]);
			r = CTL_FAILED;
		}
		if (r < 0)
			nap(MIN_OF(nap_ms, left_ms));
	}
	return r;
}
