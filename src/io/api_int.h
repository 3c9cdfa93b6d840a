#ifndef TRACKUP_IO_API_INT_H
#define TRACKUP_IO_API_INT_H
/*
 * api_int: what the files of the API share; for api*.c only.
 *
 * One struct api_call is one request. Its handler ends with exactly one of
 * api_answer(), api_fail(), api_fail_list(), api_wait_durable() or
 * api_park(); the first three release the call, the other two leave that to
 * whoever answers it later.
 * Invariant: every call that is not released lies in its api's parked list
 * when control goes back to the loop.
 */
#include <event2/http.h>
#include <jansson.h>
#include "base/list.h"
#include "io/api.h"

struct bufferevent;
struct evbuffer_cb_entry;
struct evconnlistener;

#define API_PREFIX "/api/v1/"
#define API_CONNECTIONS_MAX 64 /* of each door */
#define API_LISTENERS_MAX 8    /* of each door */
#define API_HEADERS_MAX 16384
#define API_BODY_MAX (64 * 1024)
#define API_UPLOAD_MAX (64 * 1024 * 1024) /* body of check */
#define API_BUFFERED_MAX (128 * 1024 * 1024) /* unread, of each door */
#define API_REQUEST_MS 30000
#define API_DURABLE_MS 10000
#define API_DEGRADED_MS 1000 /* instead, when the store is known to fail */
#define API_ARGS_MAX 2
#define API_WORD_MAX 64 /* a path segment or the value of a parameter */
#define API_LIMIT_DEFAULT 100
#define API_LIMIT_MAX 1000
#define API_FILES_MAX 1000
#define API_ALLOW_READ "GET, HEAD"
#define API_STREAMS_MAX 24 /* of each door; the rest of it is for requests */

enum api_param { /* of the query */
	API_STATE, API_CAUSE, API_HOLD, API_WAVE, API_AFTER, API_LIMIT,
	API_SINCE, API_CAMPAIGN,
	API_PARAM_COUNT_
};

enum api_field { /* of a body */
	API_REASON, API_DIGEST, API_DRY_RUN, API_FORCE, API_FILE, API_FILES,
	API_SEED, API_DEVICES,
	API_FOR, API_CANCEL, API_CAUSE_OF,
	API_FIELD_COUNT_
};

#define API_BIT(n) (1u << (n))

enum api_counter {
	API_HITS_CONNECTIONS, API_HITS_BUFFERED, API_HITS_BODY, API_HITS_SLOW,
	API_HITS_STREAMS, API_HITS_STREAM_SLOW,
	API_HITS_FORBIDDEN, /* no token, a wrong one, a foreign page */
	API_COUNTER_COUNT_
};

/* Who may come in at the unix socket. */
struct api_groups {
	bool any;            /* read_group is given: the mode keeps nobody out */
	uint32_t operate, read; /* gids; UINT32_MAX = none */
};

/* A connection. evhttp 2.1 tells nobody that one is gone, so each is held by
 * a reference of ours; its callbacks vanish when evhttp lets go of it. */
struct api_peer {
	struct api_door *door;
	struct bufferevent *bev; /* NULL = free slot */
	struct evbuffer_cb_entry *grew;
	size_t buffered;
	int64_t since_ms; /* accepted, or last answered */
	bool asking;      /* bytes of one that is not whole yet */
	bool busy;        /* a whole request is with us */
};

struct api_socket {
	char path[108];
	uint64_t dev, ino; /* of what we put there */
};

/* A way in: the unix socket, or TCP. Each has connections of its own, so that
 * a flood at one never locks the operator out of the other. */
struct api_door {
	struct api *api;
	bool tcp;
	struct evhttp *http;
	struct evconnlistener *listener[API_LISTENERS_MAX]; /* owned by http */
	size_t listener_count;
	struct api_peer peer[API_CONNECTIONS_MAX];
	size_t peer_count;
	size_t buffered;
	size_t stream_count;
};

struct api {
	struct loop *loop;
	struct api_ops ops;
	struct api_door local, tcp;
	struct api_socket socket;
	struct api_groups groups;
	struct api_tokens *tokens; /* NULL: no token_file */
	struct loop_timer *timer;
	int64_t request_timeout_ms, durable_timeout_ms;
	struct list parked;
	struct list streams; /* of events; their calls are parked */
	struct loop_timer *stream_timer;
	bool stream_armed;
	uint64_t *stream_seen; /* what was told of each campaign */
	size_t stream_seen_count;
	struct api_reports *reports; /* NULL: nobody asked yet */
	struct list looks;   /* of calls that wait for them */
	struct loop_timer *looks_timer;
	uint64_t durable; /* highest ticket known to be on disk */
	uint64_t hits[API_COUNTER_COUNT_];
};

struct api_looks;
struct api_route;
struct api_timeline;
struct api_reports;
struct api_stream;

/* What a caller may, and what a route asks for. */
enum api_role {
	API_NOTHING,
	API_READ,
	API_OPERATE, /* changes something */
};

struct api_call {
	struct list in_parked;
	struct api *api;
	struct api_door *door;
	struct evhttp_request *req;
	struct bufferevent *bev;
	const struct api_route *route; /* NULL: none yet, or a plain path */
	char arg[API_ARGS_MAX][API_WORD_MAX + 1];
	unsigned given; /* bits of enum api_param */
	char param[API_PARAM_COUNT_][API_WORD_MAX + 1];
	json_t *body;   /* an object, or NULL */
	char who[65];   /* "uid:0", a token's name, "loopback"; "" = nobody
			 * that we know */
	enum api_role role;
	bool asset;     /* it may be kept, and asked for again */
	bool close;     /* the framing is doubtful: nothing may follow */
	/* while parked */
	uint64_t ticket; /* 0 = it waits for something else */
	int64_t until_ms;
	json_t *answer;
	struct api_timeline *timeline;
	bool backup, reload, trial; /* one is under way for it */
	uint64_t trial_seed;
	bool firmware;   /* files are looked at for it */
	struct api_stream *stream;
	struct api_looks *looks;
};

typedef void api_handler(struct api_call *c);

/* Targets are looked at for it, a piece in each turn. */
struct api_looks {
	struct list node;    /* of those that wait */
	struct api_call *call;
	bool (*on)(struct api_looks *l, size_t *room);
	struct view_looks at;      /* of the campaign in work */
	struct report_campaign *report;
	/* of a page of campaigns */
	json_t *items;
	size_t next, limit;
	uint64_t after, last;
};
struct api_route {
	enum evhttp_cmd_type method;
	const char *path;      /* below API_PREFIX; * stands for one segment */
	api_handler *handle;
	enum api_role role;
	unsigned params, fields;
	size_t body_max;
	enum oper_kind oper;   /* of the handlers that operate */
};

/* --- api_socket.c ----------------------------------------------------------*/
/* A listening descriptor, or -1 with err. */
MUST_CHECK int api_socket_open(struct api_socket *s, struct api_groups *g,
    const struct api_config *cfg, struct errtext *err);
/* Removes the socket when it is still the one that was put there. */
void api_socket_remove(const struct api_socket *s);
/* "uid:N" of the peer, or "", and what it may. */
enum api_role api_socket_who(int fd, const struct api_groups *g, char *ret,
    size_t size);

/* --- api_http.c ------------------------------------------------------------*/
/* Sets who asks and what he may; on TCP keeps foreign pages out. False:
 * already answered. */
bool api_admit(struct api_call *c);
/* Pages beside the API: true when the path is one, which is then answered. */
bool api_plain(struct api_call *c);
/* By GET, or by HEAD, which wants the same without a body. */
bool api_reads(const struct api_call *c);

/* --- api_token.c -----------------------------------------------------------*/
struct api_tokens;
/* NULL with err (file:line: what): whole or not at all. */
struct api_tokens *api_tokens_load(const char *path, struct errtext *err);
void api_tokens_free(struct api_tokens *t);
/* The role of whoever shows this token; *ret_name is borrowed. */
enum api_role api_tokens_find(const struct api_tokens *t, const char *token,
    const char **ret_name);

/* --- api_peer.c ------------------------------------------------------------*/
struct bufferevent *api_peer_new(struct event_base *base, void *door);
void api_peer_sweep(struct api_door *d, int64_t now_ms);
void api_peer_busy(struct api_door *d, const struct bufferevent *bev,
    bool busy);
void api_peer_free_all(struct api_door *d);

/* --- api_route.c -----------------------------------------------------------*/
/* Finds the route, reads query and body, calls the handler. Takes c. */
void api_dispatch(struct api_call *c);
/* How often a header came; *ret_value: its last value, or NULL. */
size_t api_header(const struct api_call *c, const char *name,
    const char **ret_value);
/* Given text fields of the body, or NULL; checked for type already. */
const char *api_field_text(const struct api_call *c, enum api_field f);
bool api_field_true(const struct api_call *c, enum api_field f);
/* limit and after of a list. mark: the letter that its cursors begin with.
 * False: already answered. */
bool api_page(struct api_call *c, char mark, size_t *ret_limit,
    uint64_t *ret_after);

/* --- api.c -----------------------------------------------------------------*/
/* Takes body; NULL answers 500. */
void api_answer(struct api_call *c, int status, json_t *body);
void api_fail(struct api_call *c, int status, const char *code,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Anything but JSON. */
void api_answer_text(struct api_call *c, int status, const char *type,
    const void *text, size_t len);
/* The same that a client may keep: with an ETag, and 304 when it has it. */
void api_answer_asset(struct api_call *c, const char *type, const char *etag,
    const void *data, size_t len);
/* 405, with the methods that are allowed. */
void api_fail_method(struct api_call *c, const char *allow);
/* The same with a list beside the error. Takes items. */
void api_fail_list(struct api_call *c, int status, const char *code,
    const char *message, const char *key, json_t *items);
/* Answers 200 with answer (taken) and "durable" when ticket is on disk. */
void api_wait_durable(struct api_call *c, uint64_t ticket, json_t *answer);
void api_park(struct api_call *c, int64_t wait_ms);
/* The headers of an answer of that type. */
void api_head(struct api_call *c, const char *type);
/* Releases c, whose answer somebody else brings to its end. */
void api_call_free(struct api_call *c);

/* --- api_json.c ------------------------------------------------------------*/
/* Text made safe: valid UTF-8 stays, but for control and formatting
 * characters; those and stray bytes become \xNN. NULL gives null. */
json_t *api_text(const char *s);
json_t *api_text_or_null(const char *s); /* "" gives null too */
json_t *api_time(int64_t wall_ms);       /* 0 gives null */
json_t *api_int_or_null(int64_t v, int64_t none);
json_t *api_lines(const char *text);     /* array, one a line */
/* {"items":…,"next":…}; takes items. next is NULL at the end. */
json_t *api_list(json_t *items, char mark, uint64_t next, bool more);

/* --- api_campaign.c, api_wave.c --------------------------------------------*/
/* Of the first argument, without holds. False: already answered. */
bool api_view_campaign(struct api_call *c, struct view_campaign *ret);
json_t *api_waves(struct api_call *c, const struct view_campaign *v,
    const struct view_looks *looks);
bool api_has_wave(struct api_call *c, const struct view_campaign *v,
    const char *name, enum wave_state *ret);

/* --- api_events.c ----------------------------------------------------------*/
/* Something may be new. */
void api_streams_poke(struct api *a);
/* Once a second: who is gone, what campaigns have changed, signs of life. */
void api_streams_sweep(struct api *a, int64_t now_ms);
/* The call of a stream is over. */
void api_stream_drop(struct api_call *c);
/* "timeline" of an event as in devices/ID/timeline. */
json_t *api_event(const struct event_rec *e, const char *campaign);
/* What a stream tells of a campaign. */
json_t *api_campaign_brief(const struct api *a, const struct view_campaign *v);

/* --- api_looks.c -----------------------------------------------------------*/
/* For c, zeroed and owned by it. NULL: no memory, and that was answered. */
struct api_looks *api_looks_new(struct api_call *c);
/* Has on() look at *room targets at a time, now and in turns to come, until it
 * has answered and says true. */
void api_looks_begin(struct api_looks *l,
    bool (*on)(struct api_looks *l, size_t *room));
void api_looks_timer(void *api);
void api_looks_drop(struct api_call *c);

/* --- api_report.c ----------------------------------------------------------*/
/* Once a second. */
void api_reports_sweep(struct api *a);
void api_reports_free(struct api *a);

/* --- resources -------------------------------------------------------------*/
api_handler api_get_status;
api_handler api_get_campaigns, api_get_campaign, api_get_targets;
api_handler api_post_campaign, api_post_wave;
api_handler api_get_devices, api_get_device, api_get_timeline;
api_handler api_post_device, api_post_exclude;
api_handler api_post_check, api_post_plan;
api_handler api_post_reload, api_post_fleet;
api_handler api_post_backup, api_post_simulate;
api_handler api_get_firmware;
void api_firmware_drop(struct api_call *c);
api_handler api_get_events, api_get_audit;
api_handler api_get_fleet, api_get_report;
/* The call of a pending timeline is over without its answer. */
void api_timeline_drop(struct api_call *c);
/* The same of a backup, which goes on. */
void api_backup_drop(struct api_call *c);
void api_reload_drop(struct api_call *c);
/* The same of a trial, which ends. */
void api_trial_drop(struct api_call *c);
/* Posted texts, which stay in the body. False: already answered. */
bool api_files_read(struct api_call *c, struct api_files *ret);
void api_files_done(struct api_files *f);
/* What a question about a file came to; false: answered here. */
bool api_files_good(struct api_call *c, int r, const struct sbuf *diag,
    const struct sbuf *missing);
/* Carries out c->route->oper; false: already answered. The rest is the
 * caller's: it adds to *ret_answer and passes it to api_wait_durable(). */
bool api_operate(struct api_call *c, struct oper *op,
    struct oper_result *ret, uint64_t *ret_ticket);

#endif
