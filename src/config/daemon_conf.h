#ifndef TRACKUP_CONFIG_DAEMON_CONF_H
#define TRACKUP_CONFIG_DAEMON_CONF_H
/*
 * daemon_conf: trackupd.yaml, checked and typed (contract.md).
 *
 * Plain data, whole or not at all: a file with one error gives none of it.
 * Owner: the caller; daemon_conf_free().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/attr.h"
#include "base/sbuf.h"
#include "config/notes.h"
#include "core/core.h"

struct conf_address { /* "0.0.0.0:9620", "[::]:9620" */
	char host[64];
	uint16_t port;
	char text[80];
};

struct daemon_conf {
	double time_scale; /* of the command line, set by the shell; 0 = 1 */
	struct conf_address *listen;
	size_t listen_count;
	struct conf_address *proxy_listen;
	size_t proxy_listen_count;
	struct cidr *proxy_trust;
	size_t proxy_trust_count;
	char *proxy_trust_yaml;
	struct conf_address *udp_listen;
	size_t udp_listen_count;
	struct conf_address *all_listen; /* and those of relay.listeners */
	size_t all_listen_count;
	int max_connections, max_connections_per_address, max_unidentified;
	size_t frame_max;
	int64_t identify_timeout_ms, idle_timeout_ms, keepalive_ms; /* 0 = off */
	int bad_frames_max;
	enum sack_mode sack;
	enum unknown_mode unknown;
	char *inventory, *never_file; /* "" = none */
	char *never_path;             /* the latter, to be opened */
	struct cidr *networks;        /* devices.networks */
	size_t network_count;
	struct core_model *models;    /* as given */
	size_t model_count;
	char *networks_yaml, *models_yaml;
	char password[21];
	char *store_path;
	uint64_t store_min_free;
	int64_t store_retain_ms;
	char *backup_directory;   /* "" = none */
	int64_t backup_every_ms;
	int backup_keep;
	char *campaigns_directory;
	int limit_in_flight;
	int64_t limit_start_per_hour, limit_read_per_hour;
	struct conf_address *files_listen;
	size_t files_listen_count;
	char *files_root, *files_public_url; /* public_url without a last '/' */
	char files_user[7], files_password[7];
	int files_max_downloads;
	uint64_t files_rate;
	struct conf_address *http_listen;
	size_t http_listen_count;
	char *http_token_file;      /* as written; "" = none */
	char *http_token_path;      /* the same, to be opened */
	char *relay_upstream;       /* "host:port"; "" = no relay */
	char (*relay_source)[46];   /* numeric addresses */
	size_t relay_source_count;
	int relay_proxy;            /* off, v1, v2 */
	uint64_t relay_hold;
	bool relay_hide_own;
	struct conf_relay {
		struct conf_address listen;
		char upstream[256];
	} *relay_listener;          /* override relay_upstream */
	size_t relay_listener_count;
	char *relay_source_yaml, *relay_listeners_yaml;
	char *control_socket, *control_group, *control_read_group;
	enum note_level log_level;
	char *password_file, *files_password_file; /* as written; "" = none */
	bool keep_over_restart;
	char *name;              /* of the file */
	struct note_pos *at;     /* of each value, as daemon_options has them */
};

/* Reads and checks. Errors go to diag as lines "file:line:col: key: what",
 * each with the source line and a caret; all of the file's, at most NOTES_MAX.
 * NULL on any error. Warnings ("warning: file:line:…") go there also on
 * success. An empty text is all defaults. */
struct daemon_conf *daemon_conf_load(const char *path, struct sbuf *diag);
struct daemon_conf *daemon_conf_parse(const char *name, const char *text,
    size_t len, struct sbuf *diag);
void daemon_conf_free(struct daemon_conf *c);
/* The effective values as YAML that loads again, secrets as "********". */
void daemon_conf_dump(const struct daemon_conf *c, struct sbuf *out);
/* "file:line:col: key: ", for what only shows when a value is used. */
void daemon_conf_where(const struct daemon_conf *c, const char *key,
    struct sbuf *out);
/* An address of http.listen that other machines reach although there is no
 * http.token_file; NULL: there is none. */
const char *daemon_conf_open_door(const struct daemon_conf *c);
/* Values that only a restart changes are those of old from here on. -1: no
 * memory. */
MUST_CHECK int daemon_conf_keep(struct daemon_conf *c,
    const struct daemon_conf *old);
/* The keys whose change from a to b only a restart brings about, separated by
 * ", "; nothing when a reload does it all. */
void daemon_conf_restart_keys(const struct daemon_conf *a,
    const struct daemon_conf *b, struct sbuf *out);

#endif
