#include "config.h"
#include "io/relay_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * Platforms and their addresses. A name is resolved as the system does it, in
 * a thread, for getaddrinfo(3) may take long; at most one at a time runs.
 */
#define ADDRESSES_MAX 8
#define RESOLVE_AGAIN_MS 30000 /* after a connection that failed */
#define ERROR_TEXT 128

struct relay_target {
	struct relays *relays;
	struct relay_target *next;
	unsigned refs;
	char host[RELAY_HOST_MAX + 1];
	uint16_t port;
	struct relay_address address[ADDRESSES_MAX];
	size_t count, turn;
	bool wanted;           /* to be resolved */
	int64_t resolved_at;
	bool up;
	char error[ERROR_TEXT];
	size_t connected, waiting;
};

/* What the thread works on; the loop does not touch it while it runs. */
struct job {
	char host[RELAY_HOST_MAX + 1];
	uint16_t port;
	struct relay_address address[ADDRESSES_MAX];
	size_t count;
	char error[ERROR_TEXT];
	int done_fd;
};

struct relays {
	struct relay_config cfg;
	struct relay_target *first;
	struct relay_stats stats;
	size_t source_turn;
	struct loop_watch *watch;
	int done_fd;
	bool running;
	pthread_t thread;
	struct job job;
};

/* --- resolving -------------------------------------------------------------*/

static void *
resolve(void *arg)
{
	struct job *j = arg;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char port[8];
	uint64_t one = 1;
	int r;

	(void)snprintf(port, sizeof(port), "%u", j->port);
	r = getaddrinfo(j->host, port, &hints, &list);
	if (r != 0)
		(void)snprintf(j->error, sizeof(j->error), "%s",
		    r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
	for (struct addrinfo *a = list; a != NULL && j->count < ADDRESSES_MAX;
	    a = a->ai_next) {
		if (a->ai_addrlen > sizeof(j->address[0].ss))
			continue;
		memcpy(&j->address[j->count].ss, a->ai_addr, a->ai_addrlen);
		j->address[j->count++].len = a->ai_addrlen;
	}
	if (list != NULL)
		freeaddrinfo(list);
	(void)!write(j->done_fd, &one, sizeof(one));
	return NULL;
}

static void
resolve_next(struct relays *r)
{
	struct relay_target *t = r->first;

	while (t != NULL && !t->wanted)
		t = t->next;
	if (r->running || t == NULL)
		return;
	memset(&r->job, 0, sizeof(r->job));
	memcpy(r->job.host, t->host, sizeof(r->job.host));
	r->job.port = t->port;
	r->job.done_fd = r->done_fd;
	if (pthread_create(&r->thread, NULL, resolve, &r->job) == 0)
		r->running = true;
}

static void
on_resolved(void *arg)
{
	struct relays *r = arg;
	struct relay_target *t;
	uint64_t n;

	if (read(r->done_fd, &n, sizeof(n)) != sizeof(n) || !r->running)
		return;
	(void)pthread_join(r->thread, NULL);
	r->running = false;
	for (t = r->first; t != NULL; t = t->next) {
		if (strcmp(t->host, r->job.host) != 0 ||
		    t->port != r->job.port)
			continue;
		t->wanted = false;
		t->resolved_at = loop_mono_ms();
		/* Addresses that worked are better than none. */
		if (r->job.count > 0) {
			memcpy(t->address, r->job.address,
			    sizeof(t->address));
			t->count = r->job.count;
			t->turn = 0;
		} else {
			memcpy(t->error, r->job.error, sizeof(t->error));
		}
	}
	resolve_next(r);
}

static bool
numeric(const char *host, uint16_t port, struct relay_address *ret)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(port)};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6,
	    .sin6_port = htons(port)};

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, host, &sin.sin_addr) == 1) {
		memcpy(&ret->ss, &sin, sizeof(sin));
		ret->len = sizeof(sin);
		return true;
	}
	if (inet_pton(AF_INET6, host, &sin6.sin6_addr) == 1) {
		memcpy(&ret->ss, &sin6, sizeof(sin6));
		ret->len = sizeof(sin6);
		return true;
	}
	return false;
}

/* --- targets ---------------------------------------------------------------*/

static struct relay_target *
target_find(struct relays *r, const char *host, uint16_t port)
{
	struct relay_target *t = r->first;

	while (t != NULL && (strcmp(t->host, host) != 0 || t->port != port))
		t = t->next;
	return t;
}

static struct relay_target *
target_new(struct relays *r, const char *host, uint16_t port)
{
	struct relay_target *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->relays = r;
	(void)snprintf(t->host, sizeof(t->host), "%s", host);
	t->port = port;
	if (numeric(host, port, &t->address[0]))
		t->count = 1;
	else
		t->wanted = true;
	t->next = r->first;
	r->first = t;
	return t;
}

void
relay_target_unref(struct relay_target *t)
{
	struct relay_target **at;

	if (t == NULL || --t->refs > 0)
		return;
	for (at = &t->relays->first; *at != t; at = &(*at)->next)
		;
	*at = t->next;
	free(t);
}

static void
rules_unref(struct relays *r)
{
	for (size_t i = 0; i < r->cfg.rule_count; i++)
		relay_target_unref(target_find(r, r->cfg.rule[i].host,
		    r->cfg.rule[i].port));
	r->cfg.rule_count = 0;
}

int
relays_configure(struct relays *r, const struct relay_config *cfg)
{
	size_t i;

	/* References of the new rules first: what both have is kept. */
	for (i = 0; i < cfg->rule_count; i++) {
		const struct relay_rule *rule = &cfg->rule[i];
		struct relay_target *t =
		    target_find(r, rule->host, rule->port);

		if (t == NULL && (t = target_new(r, rule->host,
			rule->port)) == NULL)
			goto bad;
		t->refs++;
	}
	rules_unref(r);
	r->cfg = *cfg;
	r->source_turn = 0;
	r->stats.hold_max = cfg->hold;
	r->stats.upstreams = cfg->rule_count;
	resolve_next(r);
	return 0;
bad:
	while (i-- > 0)
		relay_target_unref(target_find(r, cfg->rule[i].host,
		    cfg->rule[i].port));
	return -1;
}

struct relays *
relays_new(struct loop *l)
{
	struct relays *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->done_fd < 0 || (r->watch = loop_readable(l, r->done_fd,
		on_resolved, r)) == NULL) {
		relays_free(r);
		return NULL;
	}
	return r;
}

/* After the connections: they hold references. */
void
relays_free(struct relays *r)
{
	if (r == NULL)
		return;
	/* getaddrinfo() cannot be called off; it ends by itself. */
	if (r->running)
		(void)pthread_join(r->thread, NULL);
	rules_unref(r);
	assert(r->first == NULL);
	loop_watch_free(r->watch);
	if (r->done_fd >= 0)
		(void)close(r->done_fd);
	free(r);
}

const struct relay_config *
relays_config(const struct relays *r)
{
	return &r->cfg;
}

struct relay_stats *
relays_stats(struct relays *r)
{
	return &r->stats;
}

struct relay_target *
relays_find(struct relays *r, const char *listen)
{
	const struct relay_rule *found = NULL;
	struct relay_target *t;

	for (size_t i = 0; i < r->cfg.rule_count; i++) {
		const struct relay_rule *rule = &r->cfg.rule[i];

		if (strcmp(rule->listen, listen) == 0) {
			found = rule;
			break;
		}
		if (rule->listen[0] == '\0')
			found = rule;
	}
	if (found == NULL)
		return NULL;
	t = target_find(r, found->host, found->port);
	assert(t != NULL);
	t->refs++;
	return t;
}

struct relay_target *
relays_find_named(struct relays *r, const char *host, uint16_t port)
{
	struct relay_target *t = target_find(r, host, port);

	if (t != NULL)
		t->refs++;
	return t;
}

void
relay_target_name(const struct relay_target *t, char host[RELAY_HOST_MAX + 1],
    uint16_t *ret_port)
{
	memcpy(host, t->host, sizeof(t->host));
	*ret_port = t->port;
}

bool
relay_target_address(struct relay_target *t, struct relay_address *ret)
{
	if (t->count == 0) {
		t->wanted = true;
		resolve_next(t->relays);
		return false;
	}
	*ret = t->address[t->turn % t->count];
	return true;
}

bool
relay_source(struct relays *r, sa_family_t family, struct relay_address *ret)
{
	for (size_t i = 0; i < r->cfg.source_count; i++) {
		const char *s =
		    r->cfg.source[r->source_turn++ % r->cfg.source_count];

		if (numeric(s, 0, ret) && ret->ss.ss_family == family)
			return true;
	}
	return false;
}

void
relay_target_told(struct relay_target *t, int error)
{
	int64_t now = loop_mono_ms();

	t->up = error == 0;
	if (error == 0) {
		t->error[0] = '\0';
		t->relays->stats.connects++;
		return;
	}
	(void)snprintf(t->error, sizeof(t->error), "%s", strerror(error));
	t->relays->stats.connect_failed++;
	t->turn++;
	/* It may have moved. */
	if (numeric(t->host, t->port, &(struct relay_address){{0}, 0}) ||
	    now - t->resolved_at < RESOLVE_AGAIN_MS)
		return;
	t->wanted = true;
	resolve_next(t->relays);
}

void
relay_target_count(struct relay_target *t, int connected, int waiting)
{
	t->connected += (size_t)connected;
	t->waiting += (size_t)waiting;
	t->relays->stats.connected += (size_t)connected;
	t->relays->stats.waiting += (size_t)waiting;
}

size_t
relays_view(const struct relays *r, struct relay_view *ret, size_t max)
{
	size_t n = 0;

	for (const struct relay_target *t = r->first; t != NULL && n < max;
	    t = t->next)
		ret[n++] = (struct relay_view){
		    .host = t->host,
		    .port = t->port,
		    .up = t->up,
		    .error = t->error,
		    .connected = t->connected,
		    .waiting = t->waiting,
		};
	return n;
}
