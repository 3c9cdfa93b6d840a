#include "config.h"
#include "config/daemon_options.h"

#include "config/daemon_conf.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define TIB (1024 * 1024 * MIB)
#define RATE_MAX (10000 * INT64_C(3600)) /* 10000/s */
#define FILE_MAX 4095                    /* bytes of a path */
#define SOCKET_MAX 103                   /* sun_path less ".new" and NUL */

#define AT(field) OPT_AT(struct daemon_conf, field)
#define LIST_AT(field) \
	AT(field), .count_offset = offsetof(struct daemon_conf, field##_count)

static const char *const sack_words[] = {"all", "heartbeat", NULL};
static const char *const unknown_words[] = {"register", "observe", "refuse",
    NULL};
static const char *const proxy_words[] = {"off", "v1", "v2", NULL};
static const char *const level_words[] = {"error", "warn", "info", "debug",
    NULL};

/* clang-format off */
static const struct option rows[] = {
{"trackers.listen", VALUE_ADDRESS, OPT_LIST | OPT_REQUIRED,
	"[\"0.0.0.0:9620\"]", 1, 79, LIST_AT(listen),
	.help = "addresses that trackers connect to"},
{"trackers.udp_listen", VALUE_ADDRESS, OPT_LIST, "[]", 1, 79,
	LIST_AT(udp_listen),
	.help = "the same protocol over UDP"},
{"trackers.proxy_listen", VALUE_ADDRESS, OPT_LIST, "[]", 1, 79,
	LIST_AT(proxy_listen),
	.help = "addresses that require PROXY protocol"},
{"trackers.proxy_trust", VALUE_CIDR, OPT_LIST | OPT_POINTER | OPT_VERBATIM,
	"[]", 1, 79, AT(proxy_trust_yaml),
	.help = "networks that may speak PROXY protocol"},
{"trackers.max_connections", VALUE_INT, 0, "100000", 1, 1000000,
	AT(max_connections), .help = "connections in all"},
{"trackers.max_connections_per_address", VALUE_INT, 0, "0", 0, 1000000,
	AT(max_connections_per_address),
	.help = "connections from one address, 0 = no limit"},
{"trackers.max_unidentified", VALUE_INT, 0, "2000", 1, 1000000,
	AT(max_unidentified),
	.help = "connections that have not said who they are"},
{"trackers.frame_max", VALUE_SIZE, 0, "4096", 256, 64 * KIB, AT(frame_max),
	.help = "longest message"},
{"trackers.identify_timeout", VALUE_DURATION, 0, "2m", SECOND, DAY,
	AT(identify_timeout_ms),
	.help = "a connection without one good message by then is closed"},
{"trackers.idle_timeout", VALUE_DURATION, 0, "7h", SECOND, 30 * DAY,
	AT(idle_timeout_ms),
	.help = "a silent connection is closed; not during an update"},
{"trackers.keepalive", VALUE_DURATION, OPT_OFF, "off", SECOND, 9 * HOUR,
	AT(keepalive_ms), .help = "interval of TCP keepalive"},
{"trackers.bad_frames_max", VALUE_INT, 0, "20", 1, 100000,
	AT(bad_frames_max), .help = "broken messages before a close"},
{"trackers.sack", VALUE_WORD, 0, "all", .words = sack_words, AT(sack),
	.help = "what is acknowledged"},
{"trackers.keep_over_restart", VALUE_BOOL, OPT_RESTART, "true",
	AT(keep_over_restart), .help = "connections survive a restart"},

{"devices.unknown", VALUE_WORD, 0, "observe", .words = unknown_words,
	AT(unknown), .help = "what becomes of an id in no list"},
{"devices.inventory", VALUE_STRING, OPT_POINTER, "", 0, FILE_MAX,
	AT(inventory),
	.help = "CSV file of the fleet"},
{"devices.never_file", VALUE_STRING, OPT_POINTER, "", 0, FILE_MAX,
	AT(never_file),
	.help = "ids that are never commanded"},
{"devices.networks", VALUE_CIDR, OPT_LIST | OPT_POINTER | OPT_VERBATIM,
	"[]", 1, 79, AT(networks_yaml),
	.help = "networks from which commands are allowed"},
{"devices.password", VALUE_PASSWORD, OPT_SECRET, "gv620mg", 4, 20,
	AT(password), .help = "of the AT commands"},
{"devices.password_file", VALUE_STRING, OPT_POINTER, "", 0, FILE_MAX,
	AT(password_file), .help = "its first line is the password"},

{"models", VALUE_NODE, OPT_POINTER | OPT_VERBATIM, "{C2: {name: GV620MG, "
	"update_type: {mcu: 1, ble: 2}, password: \"\", start: \"\", "
	"stop: \"\"}}", .rows = &model_options, AT(models_yaml),
	.help = "command templates per device-type code"},

{"store.path", VALUE_STRING, OPT_RESTART | OPT_POINTER,
	"/var/lib/trackupd/trackupd.db", 1, FILE_MAX, AT(store_path),
	.help = "the database"},
{"store.retain", VALUE_DURATION, 0, "400d", DAY, 3650 * DAY,
	AT(store_retain_ms), .help = "age at which history is removed"},
{"store.min_free", VALUE_SIZE, 0, "256MiB", 0, TIB,
	AT(store_min_free), .help = "disk space below which nothing starts"},
{"store.backup.directory", VALUE_STRING, OPT_POINTER, "", 0, 4000,
	AT(backup_directory), .help = "where backups go"},
{"store.backup.every", VALUE_DURATION, 0, "1h", MINUTE, 30 * DAY,
	AT(backup_every_ms), .help = "time between backups"},
{"store.backup.keep", VALUE_INT, 0, "48", 1, 10000,
	AT(backup_keep), .help = "backups that are kept"},

{"campaigns.directory", VALUE_STRING, OPT_POINTER,
	"/etc/trackupd/campaigns.d", 1, FILE_MAX, AT(campaigns_directory),
	.help = "every *.yaml in it is a campaign"},

{"limits.in_flight", VALUE_INT, 0, "100", 1, 100000, AT(limit_in_flight),
	.help = "updates under way, over all campaigns"},
{"limits.start_rate", VALUE_RATE, 0, "60/min", 1, RATE_MAX,
	AT(limit_start_per_hour), .help = "starts, over all campaigns"},
{"limits.read_rate", VALUE_RATE, 0, "600/min", 1, RATE_MAX,
	AT(limit_read_per_hour), .help = "version reads"},

{"files.listen", VALUE_ADDRESS, OPT_LIST | OPT_RESTART, "[]", 1, 79,
	LIST_AT(files_listen),
	.help = "addresses of the firmware file server; [] = off"},
{"files.root", VALUE_STRING, OPT_RESTART | OPT_POINTER,
	"/var/lib/trackupd/firmware", 1, FILE_MAX, AT(files_root),
	.help = "directory of the packages"},
{"files.public_url", VALUE_BASE_URL, OPT_POINTER, "", 0, 100,
	AT(files_public_url), .help = "how trackers reach the packages"},
{"files.user", VALUE_CREDENTIAL, OPT_RESTART, "", 0, 6, AT(files_user),
	.help = "basic authentication of downloads"},
{"files.password", VALUE_CREDENTIAL, OPT_RESTART | OPT_SECRET, "", 0, 6,
	AT(files_password), .help = "of files.user"},
{"files.password_file", VALUE_STRING, OPT_RESTART | OPT_POINTER, "", 0,
	FILE_MAX, AT(files_password_file),
	.help = "its first line is the password"},
{"files.max_downloads", VALUE_INT, 0, "0", 0, 100000,
	AT(files_max_downloads),
	.help = "downloads at a time, 0 = by rate and worst case"},
{"files.rate", VALUE_SIZE, 0, "0", 0, TIB, AT(files_rate),
	.help = "bytes a second over all downloads, 0 = no limit"},

{"http.listen", VALUE_ADDRESS, OPT_LIST | OPT_RESTART,
	"[\"127.0.0.1:9621\"]", 1, 79, LIST_AT(http_listen),
	.help = "addresses of dashboard, API and metrics"},
{"http.token_file", VALUE_STRING, OPT_POINTER, "", 0, FILE_MAX,
	AT(http_token_file), .help = "who may use the API over TCP"},

{"control.socket", VALUE_STRING, OPT_RESTART | OPT_POINTER,
	"/run/trackupd/control.sock", 1, SOCKET_MAX, AT(control_socket),
	.help = "unix socket of trackupctl"},
{"control.group", VALUE_STRING, OPT_RESTART | OPT_POINTER, "", 0, 32,
	AT(control_group), .help = "group that may use the socket"},
{"control.read_group", VALUE_STRING, OPT_RESTART | OPT_POINTER,
	"", 0, 32, AT(control_read_group), .help = "group that may read"},

{"relay.upstream", VALUE_HOSTPORT, OPT_POINTER, "", 0, 255,
	AT(relay_upstream), .help = "the tracking platform behind the daemon"},
{"relay.source", VALUE_STRING, OPT_LIST | OPT_POINTER | OPT_VERBATIM, "[]",
	1, 45, AT(relay_source_yaml), .help = "own addresses for connections to it"},
{"relay.proxy_protocol", VALUE_WORD, 0, "off", .words = proxy_words,
	AT(relay_proxy), .help = "PROXY protocol towards it"},
{"relay.hold", VALUE_SIZE, 0, "64KiB", 4 * KIB, 16 * MIB, AT(relay_hold),
	.help = "bytes kept per connection while it is away"},
{"relay.hide_own", VALUE_BOOL, 0, "true", AT(relay_hide_own),
	.help = "answers to our commands are kept from it"},
{"relay.listeners", VALUE_NODE, OPT_POINTER | OPT_VERBATIM, "{}",
	AT(relay_listeners_yaml), .help = "another platform per listening address"},

{"log.level", VALUE_WORD, 0, "info", .words = level_words, AT(log_level),
	.help = "least urgent messages that are logged"},
};

static const struct option model_rows[] = {
{"name", VALUE_TOKEN, 0, "GV620MG", 0, 24,
	.help = "name of the model"},
{"update_type.mcu", VALUE_INT, 0, "1", 0, 255,
	.help = "update type field for the main firmware"},
{"update_type.ble", VALUE_INT, 0, "2", 0, 255,
	.help = "update type field for the Bluetooth firmware"},
{"password", VALUE_PASSWORD, OPT_SECRET, "", 0, 20,
	.help = "of the AT commands of this model"},
{"start", VALUE_STRING, 0, "", 0, 256,
	.help = "template of the start command"},
{"stop", VALUE_STRING, 0, "", 0, 256,
	.help = "template of the stop command"},
};
/* clang-format on */

const struct opt_table daemon_options = {rows, ARRAY_LEN(rows)};
const struct opt_table model_options = {model_rows, ARRAY_LEN(model_rows)};
