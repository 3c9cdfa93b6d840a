/* trackupd.yaml: defaults by hand, ranges, errors, dump. */
#include "config.h"
#include "config/daemon_conf.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "config/daemon_options.h"
#include "base/text.h"
#include "diag.h"

static struct daemon_conf *
parse(const char *text, struct sbuf *diag)
{
	sbuf_init(diag, 0);
	return daemon_conf_parse("t.yaml", text, strlen(text), diag);
}

static struct daemon_conf *
parse_good(const char *text)
{
	struct sbuf diag;
	struct daemon_conf *c = parse(text, &diag);

	if (c == NULL || diag.len > 0)
		ck_abort_msg("%s\n---\n%s", text, sbuf_str(&diag));
	sbuf_done(&diag);
	return c;
}

static void
refuse(const char *text, const char *want)
{
	struct sbuf diag;

	ck_assert_ptr_null(parse(text, &diag));
	expect_diag(text, &diag, want);
	sbuf_done(&diag);
}

static void
refuse_in(const char *text, const char *part)
{
	struct sbuf diag;

	ck_assert_ptr_null(parse(text, &diag));
	expect_in(text, &diag, part);
	sbuf_done(&diag);
}

/* contract.md, written again by hand. */
START_TEST(defaults)
{
	static const char *const empty[] = {"", "# nothing\n", "{}",
	    "trackers:\ndevices:\n", ("\xef\xbb\xbf" "log: {}\r\n")};

	for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
		struct daemon_conf *c = parse_good(empty[i]);

		ck_assert_uint_eq(c->listen_count, 1);
		ck_assert_str_eq(c->listen[0].host, "0.0.0.0");
		ck_assert_uint_eq(c->listen[0].port, 9620);
		ck_assert_str_eq(c->listen[0].text, "0.0.0.0:9620");
		ck_assert_int_eq(c->max_connections, 100000);
		ck_assert_int_eq(c->max_connections_per_address, 0);
		ck_assert_int_eq(c->max_unidentified, 2000);
		ck_assert_uint_eq(c->frame_max, 4096);
		ck_assert_int_eq(c->identify_timeout_ms, 120 * 1000);
		ck_assert_int_eq(c->idle_timeout_ms, 7 * 3600 * 1000);
		ck_assert_int_eq(c->keepalive_ms, 0);
		ck_assert_int_eq(c->bad_frames_max, 20);
		ck_assert_int_eq(c->sack, SACK_ALL);
		ck_assert(c->keep_over_restart);
		ck_assert_int_eq(c->unknown, UNKNOWN_OBSERVE);
		ck_assert_str_eq(c->password, "gv620mg");
		ck_assert_str_eq(c->password_file, "");
		ck_assert_str_eq(c->store_path,
		    "/var/lib/trackupd/trackupd.db");
		ck_assert_uint_eq(c->store_min_free, 256 * 1024 * 1024);
		ck_assert_int_eq(c->store_retain_ms,
		    INT64_C(400) * 24 * 3600 * 1000);
		ck_assert_str_eq(c->campaigns_directory,
		    "/etc/trackupd/campaigns.d");
		ck_assert_int_eq(c->limit_in_flight, 100);
		ck_assert_int_eq(c->limit_start_per_hour, 60 * 60);
		ck_assert_int_eq(c->limit_read_per_hour, 600 * 60);
		ck_assert_uint_eq(c->files_listen_count, 0);
		ck_assert_str_eq(c->files_root, "/var/lib/trackupd/firmware");
		ck_assert_str_eq(c->files_public_url, "");
		ck_assert_str_eq(c->files_user, "");
		ck_assert_str_eq(c->files_password, "");
		ck_assert_int_eq(c->files_max_downloads, 0);
		ck_assert_uint_eq(c->files_rate, 0);
		ck_assert_uint_eq(c->http_listen_count, 1);
		ck_assert_str_eq(c->http_listen[0].text, "127.0.0.1:9621");
		ck_assert_str_eq(c->control_socket,
		    "/run/trackupd/control.sock");
		ck_assert_str_eq(c->control_group, "");
		ck_assert_str_eq(c->control_read_group, "");
		ck_assert_int_eq(c->log_level, NOTE_INFO);
		daemon_conf_free(c);
	}
}
END_TEST

START_TEST(every_value)
{
	struct daemon_conf *c = parse_good(
	    "trackers:\n"
	    "  listen: [\"0.0.0.0:1\", '[::]:65535', \"127.0.0.1:0\"]\n"
	    "  max_connections: \"5\"\n" /* quotes do not matter */
	    "  frame_max: 8KiB\n"
	    "  keepalive: 90s\n"
	    "  sack: heartbeat\n"
	    "  keep_over_restart: false\n"
	    "devices: {unknown: refuse, password: Abc123}\n"
	    "store:\n  path: |-\n    a b\n"
	    "limits: {start_rate: 5/h, read_rate: 10/s, in_flight: 7}\n"
	    "files:\n"
	    "  listen: [\"[::1]:9622\"]\n"
	    "  public_url: http://fw.example.org:9622/d/\n"
	    "  user: u\n"
	    "  password: s3:/x\n"
	    "http: {listen: []}\n"
	    "control: {socket: /tmp/s, group: adm}\n"
	    "log: {level: debug}\n");

	ck_assert_uint_eq(c->listen_count, 3);
	ck_assert_str_eq(c->listen[1].host, "::");
	ck_assert_uint_eq(c->listen[1].port, 65535);
	ck_assert_uint_eq(c->listen[2].port, 0);
	ck_assert_int_eq(c->max_connections, 5);
	ck_assert_uint_eq(c->frame_max, 8192);
	ck_assert_int_eq(c->keepalive_ms, 90000);
	ck_assert_int_eq(c->sack, SACK_HEARTBEAT);
	ck_assert(!c->keep_over_restart);
	ck_assert_int_eq(c->unknown, UNKNOWN_REFUSE);
	ck_assert_str_eq(c->password, "Abc123");
	ck_assert_str_eq(c->store_path, "a b");
	ck_assert_int_eq(c->limit_start_per_hour, 5);
	ck_assert_int_eq(c->limit_read_per_hour, 36000);
	ck_assert_int_eq(c->limit_in_flight, 7);
	ck_assert_uint_eq(c->files_listen_count, 1);
	ck_assert_str_eq(c->files_public_url, "http://fw.example.org:9622/d");
	ck_assert_str_eq(c->files_user, "u");
	ck_assert_str_eq(c->files_password, "s3:/x");
	ck_assert_uint_eq(c->http_listen_count, 0);
	ck_assert_str_eq(c->control_socket, "/tmp/s");
	ck_assert_str_eq(c->control_group, "adm");
	ck_assert_int_eq(c->log_level, NOTE_DEBUG);
	daemon_conf_free(c);
}
END_TEST

/* A text that sets one option, its maps around it. */
static void
put_option(const char *key, const char *value, struct sbuf *out)
{
	int indent = 0;

	for (; strchr(key, '.') != NULL; key = strchr(key, '.') + 1) {
		sbuf_addf(out, "%*s%.*s:\n", indent, "",
		    (int)strcspn(key, "."), key);
		indent += 2;
	}
	sbuf_addf(out, "%*s%s: %s\n", indent, "", key, value);
}

static void
try_number(const struct option *o, int64_t v, bool in_range)
{
	char buf[UNITS_TEXT], part[200];
	struct sbuf text, diag;
	struct daemon_conf *c;

	if (v < 0 || (o->type == VALUE_DURATION && v % 1000 != 0))
		return;
	sbuf_init(&text, 0);
	put_option(o->key, value_text(o->type, v, buf), &text);
	c = parse(sbuf_str(&text), &diag);
	if (in_range) {
		ck_assert_msg(c != NULL && diag.len == 0, "%s\n%s",
		    sbuf_str(&text), sbuf_str(&diag));
	} else {
		ck_assert_msg(c == NULL, "%s was accepted", sbuf_str(&text));
		(void)snprintf(part, sizeof(part), ": %s: %s %s", o->key, buf,
		    v < o->min ? "is too small, allowed "
			: "is too large, allowed ");
		expect_in(sbuf_str(&text), &diag, part);
	}
	daemon_conf_free(c);
	sbuf_done(&text);
	sbuf_done(&diag);
}

START_TEST(limits_of_each)
{
	size_t numbers = 0;

	for (size_t i = 0; i < daemon_options.count; i++) {
		const struct option *o = &daemon_options.row[i];
		int64_t one = o->type == VALUE_DURATION ? 1000 : 1;

		if (!value_is_number(o->type) || o->type == VALUE_WORD ||
		    o->type == VALUE_BOOL)
			continue;
		numbers++;
		ck_assert_int_lt(o->min, o->max);
		try_number(o, o->min - one, false);
		try_number(o, o->min, true);
		try_number(o, o->max, true);
		try_number(o, o->max + one, false);
	}
	ck_assert_uint_ge(numbers, 17);
}
END_TEST

START_TEST(lengths_of_each)
{
	for (size_t i = 0; i < daemon_options.count; i++) {
		const struct option *o = &daemon_options.row[i];
		struct sbuf text, diag;
		char *value;

		if (value_is_number(o->type) || o->type == VALUE_NODE ||
		    (o->flags & OPT_LIST) != 0)
			continue;
		ck_assert_int_gt(o->max, 0);
		value = malloc((size_t)o->max + 2);
		ck_assert_ptr_nonnull(value);
		memset(value, 'a', (size_t)o->max + 1);
		value[o->max + 1] = '\0';
		sbuf_init(&text, 0);
		put_option(o->key, value, &text);
		ck_assert_ptr_null(parse(sbuf_str(&text), &diag));
		expect_in(sbuf_str(&text), &diag, " is too long, allowed ");
		sbuf_done(&diag);
		sbuf_done(&text);
		free(value);
	}
}
END_TEST

START_TEST(whole_message)
{
	refuse("trackers:\n  sack: al\n",
	    "t.yaml:2:9: trackers.sack: \"al\" is not one of all, heartbeat "
	    "(did you mean \"all\"?)\n"
	    "    sack: al\n"
	    "          ^\n");
	refuse("log: {levle: info}\n",
	    "t.yaml:1:7: \"levle\": unknown key in log, did you mean "
	    "\"level\"?\n"
	    "  log: {levle: info}\n"
	    "        ^\n");
	refuse("max_connections: 3\n",
	    "t.yaml:1:1: \"max_connections\": unknown key, did you mean "
	    "\"trackers.max_connections\"?\n"
	    "  max_connections: 3\n"
	    "  ^\n");
	refuse("trackers.sack: all\n",
	    "t.yaml:1:1: \"trackers.sack\": unknown key; keys are nested, not "
	    "dotted\n"
	    "  trackers.sack: all\n"
	    "  ^\n");
	refuse("log:\n  level: info\n  level: warn\n",
	    "t.yaml:3:3: log.level: given twice, first on line 2\n"
	    "    level: warn\n"
	    "    ^\n");
	refuse("log: {}\nlog: {}\n",
	    "t.yaml:2:1: log: given twice, first on line 1\n"
	    "  log: {}\n"
	    "  ^\n");
	refuse("log: info\n",
	    "t.yaml:1:6: log: is no map\n"
	    "  log: info\n"
	    "       ^\n");
	refuse("[]\n",
	    "t.yaml:1:1: is no map (key: value)\n"
	    "  []\n"
	    "  ^\n");
	refuse("trackers: {listen: 1.2.3.4:5}\n",
	    "t.yaml:1:20: trackers.listen: is no list, allowed is a list in "
	    "[ ]; [] is the empty one\n"
	    "  trackers: {listen: 1.2.3.4:5}\n"
	    "                     ^\n");
	refuse("trackers: {listen: []}\n",
	    "t.yaml:1:20: trackers.listen: is empty, allowed is at least one "
	    "entry\n"
	    "  trackers: {listen: []}\n"
	    "                     ^\n");
	refuse("trackers: {sack: [all]}\n",
	    "t.yaml:1:18: trackers.sack: is a list, allowed is a word\n"
	    "  trackers: {sack: [all]}\n"
	    "                   ^\n");
	refuse("store:\n  path:\n",
	    "t.yaml:2:8: store.path: has no value\n"
	    "    path:\n"
	    "         ^\n");
}
END_TEST

/* Scalars are text, typed by the option and by nothing else. */
START_TEST(never_converted)
{
	refuse_in("trackers: {frame_max: 010}", ":1:23: trackers.frame_max: "
	    "\"010\" is not a size such as 4096, 256KiB or 10MiB, allowed "
	    "256..64KiB\n");
	refuse_in("trackers: {bad_frames_max: 1e3}", "\"1e3\" is not a whole "
	    "number in decimal digits, allowed 1..100000\n");
	refuse_in("trackers: {bad_frames_max: 0x10}", "\"0x10\" is not");
	refuse_in("trackers: {bad_frames_max: 1_000}", "\"1_000\" is not");
	refuse_in("trackers: {bad_frames_max: -1}", "\"-1\" is not");
	refuse_in("trackers: {bad_frames_max: 5.0}", "\"5.0\" is not");
	refuse_in("trackers: {bad_frames_max: ' 5'}", "\" 5\" is not");
	refuse_in("trackers: {bad_frames_max: 99999999999999999999}",
	    "\"99999999999999999999\" is not");
	refuse_in("trackers: {keep_over_restart: no}",
	    "\"no\" is not true or false");
	refuse_in("trackers: {keep_over_restart: True}",
	    "\"True\" is not true or false");
	refuse_in("trackers: {idle_timeout: 10}", "\"10\" is not a duration "
	    "such as 90s, 15m, 12h or 7d, allowed 1s..30d\n");
	refuse_in("trackers: {keepalive: 0s}", ": trackers.keepalive: 0s is "
	    "too small, allowed off, or 1s..9h\n");
	refuse_in("limits: {start_rate: 60}", "\"60\" is not a rate such as");
	refuse_in("limits: {start_rate: 0/min}", "is too small, allowed "
	    "1/h..10000/s\n");
	refuse_in("devices: {unknown: no}", "\"no\" is not one of register, "
	    "observe, refuse\n");

	struct daemon_conf *c = parse_good("store: {path: no}\n"
	    "control: {group: 010, socket: 1e3}\n");

	ck_assert_str_eq(c->store_path, "no");
	ck_assert_str_eq(c->control_group, "010");
	ck_assert_str_eq(c->control_socket, "1e3");
	daemon_conf_free(c);
}
END_TEST

START_TEST(addresses)
{
	static const char *const bad[] = {"9620", "0.0.0.0", ":9620",
	    "0.0.0.0:", "0.0.0.0:65536", "0.0.0.0:09620", "localhost:9620",
	    "::1:9620", "[::1]", "[127.0.0.1]:1", "[]:1", "1.2.3:4",
	    "1.2.3.4:5 ", "[::1%lo]:5"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[100];

		(void)snprintf(text, sizeof(text), "trackers: {listen: "
		    "['%s']}", bad[i]);
		refuse_in(text, "t.yaml:1:21: trackers.listen[0]: ");
		refuse_in(text, " is not an address to listen on, allowed a "
		    "numeric address with port, such as");
	}
	refuse("trackers: {listen: ['[::]:1', '0.0.0.0:1', '[::]:1']}\n",
	    "t.yaml:1:44: trackers.listen: [::]:1 is there twice\n"
	    "  trackers: {listen: ['[::]:1', '0.0.0.0:1', '[::]:1']}\n"
	    "                                             ^\n");
}
END_TEST

/* What the kernel would not let be bound beside each other. */
START_TEST(addresses_beside_each_other)
{
	struct daemon_conf *c;

	refuse("trackers:\n  listen: ['[::1]:1', '[0:0::1]:1']\n",
	    "t.yaml:2:23: trackers.listen: [::1]:1 is there twice\n"
	    "    listen: ['[::1]:1', '[0:0::1]:1']\n"
	    "                        ^\n");
	refuse_in("trackers: {listen: ['0.0.0.0:1', '127.0.0.1:1']}",
	    ":1:34: trackers.listen: 127.0.0.1:1 cannot be bound beside "
	    "0.0.0.0:1 of trackers.listen\n");
	refuse_in("trackers: {listen: ['127.0.0.1:9622']}\n"
	    "files: {listen: ['127.0.0.1:9622'], public_url: 'http://a'}\n",
	    ":2:18: files.listen: 127.0.0.1:9622 is in trackers.listen as "
	    "well\n");
	/* Nobody looks for the mistake at a default. */
	refuse_in("trackers: {listen: ['0.0.0.0:9621']}", ":1:21: "
	    "trackers.listen: 0.0.0.0:9621 cannot be bound beside "
	    "127.0.0.1:9621 of http.listen\n");
	refuse_in("trackers: {udp_listen: ['0.0.0.0:1', '0.0.0.0:1']}",
	    "trackers.udp_listen: 0.0.0.0:1 is there twice\n");
	refuse_in("relay: {listeners: {'0.0.0.0:1': 'a:1', '0.0.0.0:1': "
	    "'b:1'}}", ":1:41: relay.listeners: 0.0.0.0:1 is there twice\n");
	refuse_in("relay: {listeners: {'127.0.0.1:9620': 'a:1'}}",
	    ":1:21: relay.listeners: 127.0.0.1:9620 cannot be bound beside "
	    "0.0.0.0:9620 of trackers.listen\n");

	/* Families, protocols and any port do not meet. */
	c = parse_good("trackers: {listen: ['0.0.0.0:1', '[::]:1', "
	    "'127.0.0.1:0', '127.0.0.1:0'], udp_listen: ['0.0.0.0:1'], "
	    "proxy_listen: ['0.0.0.0:2'], proxy_trust: [10.0.0.0/8]}\n"
	    "relay: {listeners: {'[0::0]:1': 'a:1', '0.0.0.0:2': 'b:1'}}");
	ck_assert_uint_eq(c->all_listen_count, 4);
	ck_assert_str_eq(c->relay_listener[0].listen.text, "[::]:1");
	daemon_conf_free(c);
}
END_TEST

static void
many_addresses(const char *key, int count, struct sbuf *text)
{
	sbuf_init(text, 0);
	sbuf_addf(text, "%s: [", key);
	for (int i = 0; i < count; i++)
		sbuf_addf(text, "'127.0.0.1:%d', ", 1000 + i);
	sbuf_adds(text, "], proxy_trust: [10.0.0.0/8]}");
}

START_TEST(addresses_have_a_limit)
{
	static const struct {
		const char *key;
		int max;
	} v[] = {
		{"trackers: {listen", 64},
		{"trackers: {proxy_listen", 64},
		{"trackers: {udp_listen", 16},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct sbuf text;
		char want[64];

		many_addresses(v[i].key, v[i].max, &text);
		daemon_conf_free(parse_good(sbuf_str(&text)));
		sbuf_done(&text);
		many_addresses(v[i].key, v[i].max + 1, &text);
		(void)snprintf(want, sizeof(want), "allowed are at most %d "
		    "addresses\n", v[i].max);
		refuse_in(sbuf_str(&text), want);
		sbuf_done(&text);
	}
}
END_TEST

START_TEST(urls)
{
	refuse_in("files: {public_url: 'https://a'}", "\"https://a\" is "
	    "https, which these trackers do not speak, allowed http://");
	refuse_in("files: {public_url: 'ftp://a'}",
	    "does not begin with http://");
	refuse_in("files: {public_url: 'http://'}", "names no host");
	refuse_in("files: {public_url: 'http:///x'}", "names no host");
	refuse_in("files: {public_url: 'http://a b'}", "has a blank");
	refuse_in("files: {public_url: 'http://a,b'}", "has a comma or $");
	refuse_in("files: {public_url: 'http://a$b'}", "has a comma or $");
	refuse_in("files: {public_url: 'http://\xc3\xa4'}",
	    "has a control or non-ASCII character");
	refuse_in("files: {public_url: 'http://a?x='}", "has a ? or #");
}
END_TEST

/* What only makes sense beside something else. */
START_TEST(combinations)
{
	refuse_in("http: {listen: ['0.0.0.0:9621']}", ":1:16: http.listen: "
	    "0.0.0.0:9621 can be reached from other machines: "
	    "http.token_file must be given with it");
	/* In a file that has other errors, too. */
	refuse_in("http: {listen: ['0.0.0.0:9621']}\nlog: {level: loud}",
	    "http.token_file must be given with it");
	refuse_in("http: {listen: ['0.0.0.0:9621'], token_file: t}\n"
	    "log: {level: loud}", "log.level: ");
	refuse("http: {listen: [x]}",
	    "t.yaml:1:17: http.listen[0]: \"x\" is not an address to listen "
	    "on, allowed a numeric address with port, such as "
	    "\"0.0.0.0:9620\" or \"[::]:9620\"\n"
	    "  http: {listen: [x]}\n"
	    "                  ^\n");
	refuse_in("http: {listen: ['127.0.0.1:1', '127.0.0.1:2', "
	    "'127.0.0.1:3', '127.0.0.1:4', '127.0.0.1:5', '127.0.0.1:6', "
	    "'127.0.0.1:7', '127.0.0.1:8', '127.0.0.1:9']}",
	    "allowed are at most 8 addresses");
	refuse_in("trackers: {proxy_trust: [10.0.0.0/33]}",
	    "is not a network, allowed a network such as 10.0.0.0/8");
	refuse_in("trackers: {proxy_listen: ['0.0.0.0:9619']}",
	    "trackers.proxy_listen: needs trackers.proxy_trust");
	refuse_in("trackers: {proxy_listen: ['0.0.0.0:9620'], "
	    "proxy_trust: [10.0.0.0/8]}", "is in trackers.listen as well");
	refuse_in("relay: {upstream: a}", "is not host:port");
	refuse_in("relay: {source: [10.0.0.1, host]}",
	    "relay.source: \"host\" is no IP address");
	refuse_in("relay: {hold: 1KiB}", "allowed 4KiB..16MiB");
	refuse_in("relay: {listeners: {'0.0.0.0': 'a:1'}}",
	    ":1:21: relay.listeners: \"0.0.0.0\" is not an address");
	refuse_in("models: {X: {}}", "is no device-type code");
	refuse_in("models: {C2: {update_type: {mcu: 256}}}",
	    "models.C2.update_type.mcu: 256 is too large, allowed 0..255");
	refuse_in("models: {C2: {}, C2: {}}", ":1:18: models.C2: given twice");
}
END_TEST

START_TEST(store_keys)
{
	struct daemon_conf *c = parse_good(
	    "store: {retain: 10d, min_free: 1GiB, backup: {directory: /b, "
	    "every: 2h, keep: 7}}\n");

	ck_assert_int_eq(c->store_retain_ms, INT64_C(10) * 86400000);
	ck_assert_uint_eq(c->store_min_free, UINT64_C(1) << 30);
	ck_assert_str_eq(c->backup_directory, "/b");
	ck_assert_int_eq(c->backup_every_ms, 7200000);
	ck_assert_int_eq(c->backup_keep, 7);
	daemon_conf_free(c);
	refuse_in("store: {retain: 12h}", "allowed 1d..");
	refuse_in("store: {backup: {every: 5s}}", "allowed 1m..30d");
	refuse_in("store: {backup: {keep: 0}}", "allowed 1..10000");
}
END_TEST

/* What the relay is told, as it is shown and as it is read again. */
START_TEST(proxy_keys)
{
	struct daemon_conf *c = parse_good("trackers: {"
	    "proxy_listen: ['0.0.0.0:9619', '[::]:9619'], "
	    "proxy_trust: [10.0.0.0/8, '2001:db8::/32']}\n");
	struct sbuf dump;

	ck_assert_uint_eq(c->proxy_listen_count, 2);
	ck_assert_uint_eq(c->proxy_trust_count, 2);
	ck_assert_uint_eq(c->proxy_trust[0].bits, 96 + 8);
	ck_assert_uint_eq(c->proxy_trust[1].bits, 32);
	sbuf_init(&dump, 0);
	daemon_conf_dump(c, &dump);
	ck_assert_ptr_nonnull(strstr(sbuf_str(&dump),
	    "proxy_trust: [\"10.0.0.0/8\", \"2001:db8::/32\"]\n"));
	sbuf_done(&dump);
	daemon_conf_free(c);
}
END_TEST

START_TEST(relay_keys)
{
	struct daemon_conf *c = parse_good(
	    "trackers: {listen: ['0.0.0.0:1', '0.0.0.0:2']}\n"
	    "relay:\n"
	    "  upstream: platform.example.org:7000\n"
	    "  source: [192.0.2.1, '2001:db8::1']\n"
	    "  proxy_protocol: v2\n"
	    "  hold: 32KiB\n"
	    "  hide_own: false\n"
	    "  listeners: {'0.0.0.0:2': 'a:1', '0.0.0.0:3': '[::1]:5'}\n");
	struct daemon_conf *again;
	struct sbuf dump, diag;

	for (int round = 0; round < 2; round++) {
		ck_assert_str_eq(c->relay_upstream,
		    "platform.example.org:7000");
		ck_assert_uint_eq(c->relay_source_count, 2);
		ck_assert_str_eq(c->relay_source[1], "2001:db8::1");
		ck_assert_int_eq(c->relay_proxy, 2);
		ck_assert_uint_eq(c->relay_hold, 32768);
		ck_assert(!c->relay_hide_own);
		ck_assert_uint_eq(c->relay_listener_count, 2);
		ck_assert_str_eq(c->relay_listener[1].listen.text,
		    "0.0.0.0:3");
		ck_assert_str_eq(c->relay_listener[1].upstream, "[::1]:5");
		/* One that only the relay names is listened at too. */
		ck_assert_uint_eq(c->all_listen_count, 3);
		ck_assert_str_eq(c->all_listen[2].text, "0.0.0.0:3");
		sbuf_init(&dump, 0);
		daemon_conf_dump(c, &dump);
		sbuf_init(&diag, 0);
		again = daemon_conf_parse("dump", sbuf_str(&dump), dump.len,
		    &diag);
		ck_assert_msg(again != NULL, "%s", sbuf_str(&diag));
		sbuf_done(&diag);
		sbuf_done(&dump);
		daemon_conf_free(c);
		c = again;
	}
	daemon_conf_free(c);
}
END_TEST

START_TEST(default_always_accepted)
{
	struct daemon_conf *c = parse_good(
	    "models:\n"
	    "  C2: {name: GV620MG, update_type: {mcu: 1, ble: 2}, "
	    "password: \"\", start: \"\", stop: \"\"}\n"
	    "store: {retain: 9600h, min_free: 268435456}\n"
	    "http: {listen: [\"127.0.0.1:9621\"]}\n"
	    "relay: {listeners: {}, hold: 65536}\n");

	daemon_conf_free(c);
}
END_TEST

START_TEST(passwords)
{
	refuse("devices:\n  unknown: refus\n  password: hunter2!\n",
	    "t.yaml:2:12: devices.unknown: \"refus\" is not one of register, "
	    "observe, refuse (did you mean \"refuse\"?)\n"
	    "    unknown: refus\n"
	    "             ^\n"
	    "t.yaml:3:13: devices.password: the value has a character other "
	    "than letters and digits, allowed letters and digits\n"
	    "    password: ********\n"
	    "              ^\n");
	/* Its neighbours on the line are still shown, and what follows a
	 * secret in two lines stays under its caret. */
	refuse("devices: {unknown: n, password: \"x y\n z\", x: 1}\n",
	    "t.yaml:1:20: devices.unknown: \"n\" is not one of register, "
	    "observe, refuse\n"
	    "  devices: {unknown: n, password: ****\n"
	    "                     ^\n"
	    "t.yaml:1:33: devices.password: the value has a character other "
	    "than letters and digits, allowed letters and digits\n"
	    "  devices: {unknown: n, password: ****\n"
	    "                                  ^\n"
	    "t.yaml:2:6: \"x\": unknown key in devices\n"
	    "  ***, x: 1}\n"
	    "       ^\n");
	refuse_in("devices: {password: abc}", ": the value is too short, "
	    "allowed 4 to 20 characters\n");
	refuse_in("devices: {password: abcdefghijabcdefghijk}",
	    ": the value is too long, allowed 4 to 20 characters\n");
	refuse_in("files: {user: a}", "files.user: needs files.password or "
	    "files.password_file");
	refuse_in("files: {password: a}", "files.password: needs files.user");
	/* A key that is misspelt is no reason to show its value. */
	refuse("devices: {pasword: hunter2, passwort: hunter2}\n",
	    "t.yaml:1:11: \"pasword\": unknown key in devices, did you mean "
	    "\"password\"?\n"
	    "  devices: {pasword: *******, passwort: *******}\n"
	    "            ^\n"
	    "t.yaml:1:29: \"passwort\": unknown key in devices, did you mean "
	    "\"password\"?\n"
	    "  devices: {pasword: *******, passwort: *******}\n"
	    "                              ^\n");
}
END_TEST

static void
write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(password_files)
{
	char dir[] = "/tmp/check_conf.XXXXXX", path[64], text[200];
	struct daemon_conf *c;
	struct sbuf diag;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/pw", dir);
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	write_file(path, "Secret1\r\nsecond line\n", 0600);
	c = parse_good("devices: {password_file: '${CREDENTIALS_DIRECTORY}/"
	    "pw'}");
	ck_assert_str_eq(c->password, "Secret1");
	ck_assert_str_eq(c->password_file, "${CREDENTIALS_DIRECTORY}/pw");
	sbuf_init(&diag, 0);
	daemon_conf_dump(c, &diag);
	expect_in("", &diag, "  password_file: \"${CREDENTIALS_DIRECTORY}/pw"
	    "\"\n");
	/* Both lines would exclude each other. */
	ck_assert_ptr_null(strstr(sbuf_str(&diag), OPT_MASK));
	daemon_conf_free(c);
	c = daemon_conf_parse("again", sbuf_str(&diag), diag.len, &diag);
	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(c->password, "Secret1");
	daemon_conf_free(c);
	sbuf_done(&diag);

	(void)snprintf(text, sizeof(text), "files: {user: u, password_file: "
	    "%s}", path);
	refuse_in(text, "files.password_file: the first line of ");
	refuse_in(text, "/pw is too long, allowed up to 6 characters: ");
	write_file(path, "s e\n", 0600);
	refuse_in(text, "/pw has a blank, allowed");
	write_file(path, "\n", 0600);
	refuse_in(text, "/pw is empty, allowed");
	write_file(path, "ok", 0644);
	c = parse(text, &diag);
	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(c->files_password, "ok");
	expect_in(text, &diag, "warning: t.yaml:1:33: files.password_file: ");
	expect_in(text, &diag, "/pw is open to every user of this machine\n");
	daemon_conf_free(c);
	sbuf_done(&diag);

	/* Every *_file of this file may stand there. */
	c = parse_good("devices: {never_file: '${CREDENTIALS_DIRECTORY}/n'}\n"
	    "http: {token_file: '${CREDENTIALS_DIRECTORY}/t'}\n");
	(void)snprintf(text, sizeof(text), "%s/n", dir);
	ck_assert_str_eq(c->never_path, text);
	ck_assert_str_eq(c->never_file, "${CREDENTIALS_DIRECTORY}/n");
	(void)snprintf(text, sizeof(text), "%s/t", dir);
	ck_assert_str_eq(c->http_token_path, text);
	daemon_conf_free(c);

	refuse_in("devices: {password: abcd, password_file: x}",
	    ":1:21: devices.password: stands beside devices.password_file, "
	    "allowed is one of the two");
	refuse_in("devices: {password_file: /nonexistent/x}", ":1:26: "
	    "devices.password_file: /nonexistent/x cannot be read: No such "
	    "file or directory\n");
	refuse_in("devices: {password_file: /dev/null}",
	    "/dev/null is not a regular file");
	refuse_in("devices: {password_file: '${HOME}/x'}", "allowed in a path "
	    "is one variable, ${CREDENTIALS_DIRECTORY}");
	ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	refuse_in("devices: {password_file: '${CREDENTIALS_DIRECTORY}/x'}",
	    "is not in the environment: the unit needs LoadCredential=");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

static void
dump(const struct daemon_conf *c, struct sbuf *out)
{
	sbuf_init(out, 0);
	daemon_conf_dump(c, out);
	ck_assert(!out->failed);
}

START_TEST(dump_loads_again)
{
	static const char text[] =
	    "trackers: {listen: ['127.0.0.1:1', '[::1]:2'], keepalive: 5m,\n"
	    "  max_connections: 9, sack: heartbeat, keep_over_restart: false}\n"
	    "devices: {unknown: register, password: hunter22}\n"
	    "store: {path: 'a \"quoted\" \\ path: # x'}\n"
	    "limits: {start_rate: 90/h}\n"
	    "files: {public_url: 'http://h/', listen: ['0.0.0.0:3']}\n"
	    "log: {level: error}\n";
	struct daemon_conf *a = parse_good(text), *b;
	struct sbuf first, second, diag;

	dump(a, &first);
	ck_assert_ptr_null(strstr(sbuf_str(&first), "hunter22"));
	expect_in(text, &first, "  password: \"********\"\n");
	expect_in(text, &first, "  start_rate: 90/h\n");
	expect_in(text, &first, "  keepalive: 5m\n");
	sbuf_init(&diag, 0);
	b = daemon_conf_parse("d", sbuf_str(&first), first.len, &diag);
	ck_assert_msg(b != NULL, "%s", sbuf_str(&diag));
	expect_in(sbuf_str(&first), &diag, "devices.password: is the mask of "
	    "a dump, not a password: the default is taken\n");
	dump(b, &second);
	ck_assert_str_eq(sbuf_str(&first), sbuf_str(&second));
	ck_assert_str_eq(b->store_path, "a \"quoted\" \\ path: # x");
	ck_assert_int_eq(b->keepalive_ms, 300000);
	ck_assert_str_eq(b->password, "gv620mg");
	daemon_conf_free(a);
	daemon_conf_free(b);
	sbuf_done(&first);
	sbuf_done(&second);
	sbuf_done(&diag);
}
END_TEST

/* A masked password of downloads must not become none. */
START_TEST(mask_fails_closed)
{
	refuse_in("files: {user: u, password: \"********\"}",
	    "files.user: needs files.password");
}
END_TEST

START_TEST(server_without_url)
{
	static const char text[] = "files: {listen: ['0.0.0.0:9622']}\n";
	struct sbuf diag;
	struct daemon_conf *c = parse(text, &diag);

	ck_assert_ptr_nonnull(c);
	expect_diag(text, &diag, "warning: t.yaml:1:17: files.listen: is of no "
	    "use without files.public_url, which trackers are told\n"
	    "  files: {listen: ['0.0.0.0:9622']}\n"
	    "                  ^\n");
	daemon_conf_free(c);
	sbuf_done(&diag);
}
END_TEST

/* A message that does not fit is cut between two characters. */
START_TEST(long_messages)
{
	struct sbuf text, diag;

	for (int pad = 0; pad < 3; pad++) {
		sbuf_init(&text, 0);
		sbuf_adds(&text, "devices: {password_file: /");
		for (int i = 0; i < pad; i++)
			sbuf_adds(&text, "x");
		for (int i = 0; i < 500; i++)
			sbuf_adds(&text, "\xc3\xa4");
		sbuf_adds(&text, "}\n");
		ck_assert_ptr_null(parse(sbuf_str(&text), &diag));
		for (struct span s = span_str(sbuf_str(&diag)); s.n > 0;) {
			uint32_t c;
			size_t n = text_utf8(s.p, s.n, &c);

			ck_assert_uint_gt(n, 0);
			s = span_of(s.p + n, s.n - n);
		}
		sbuf_done(&text);
		sbuf_done(&diag);
	}
}
END_TEST

START_TEST(restart_keys)
{
	struct daemon_conf *a = parse_good("files: {user: u, password: p}");
	struct daemon_conf *b = parse_good("files: {user: u, password: q}\n"
	    "store: {path: x}\nlog: {level: warn}\n"
	    "trackers: {frame_max: 512}\n");
	struct sbuf out;

	sbuf_init(&out, 0);
	daemon_conf_restart_keys(a, a, &out);
	ck_assert_str_eq(sbuf_str(&out), "");
	daemon_conf_restart_keys(a, b, &out);
	ck_assert_str_eq(sbuf_str(&out), "store.path, files.password");
	sbuf_done(&out);
	daemon_conf_free(a);
	daemon_conf_free(b);
}
END_TEST

/* What a restart is needed for stays, the rest is new; both of it in use. */
START_TEST(kept_keys)
{
	struct daemon_conf *a = parse_good(
	    "store: {path: old}\n"
	    "files: {listen: ['127.0.0.1:1', '127.0.0.1:2'], root: r, "
	    "public_url: 'http://a', user: u, password: p}\n"
	    "http: {listen: ['0.0.0.0:9'], token_file: t}\n"
	    "trackers: {keep_over_restart: false}\n"
	    "log: {level: warn}\n");
	struct daemon_conf *b = parse_good("store: {path: new, retain: 9d}\n"
	    "files: {public_url: 'http://b'}\nlog: {level: debug}\n");
	struct sbuf out;

	ck_assert_ptr_null(daemon_conf_open_door(a));
	ck_assert_ptr_null(daemon_conf_open_door(b));
	ck_assert_int_eq(daemon_conf_keep(b, a), 0);
	ck_assert_str_eq(b->store_path, "old");
	ck_assert_uint_eq(b->files_listen_count, 2);
	ck_assert_str_eq(b->files_listen[1].text, "127.0.0.1:2");
	ck_assert_str_eq(b->files_root, "r");
	ck_assert_str_eq(b->files_user, "u");
	ck_assert_str_eq(b->files_password, "p");
	ck_assert(!b->keep_over_restart);
	ck_assert_str_eq(b->files_public_url, "http://b");
	ck_assert_int_eq(b->store_retain_ms, INT64_C(9) * 86400000);
	ck_assert_int_eq(b->log_level, NOTE_DEBUG);
	sbuf_init(&out, 0);
	daemon_conf_restart_keys(a, b, &out);
	ck_assert_str_eq(sbuf_str(&out), "");
	/* The tokens went, the address stayed. */
	ck_assert_str_eq(daemon_conf_open_door(b), "0.0.0.0:9");
	daemon_conf_where(b, "store.retain", &out);
	ck_assert_str_eq(sbuf_str(&out), "t.yaml:1:28: store.retain: ");
	sbuf_done(&out);
	daemon_conf_free(a);
	daemon_conf_free(b);
}
END_TEST

START_TEST(all_in_one_run)
{
	struct sbuf text, diag;
	size_t lines = 0;

	sbuf_init(&text, 0);
	for (int i = 0; i < NOTES_MAX + 5; i++)
		sbuf_addf(&text, "nonsense%d: 1\n", i);
	ck_assert_ptr_null(parse(sbuf_str(&text), &diag));
	for (const char *p = sbuf_str(&diag); (p = strstr(p, "unknown key")) !=
	    NULL; p++)
		lines++;
	ck_assert_uint_eq(lines, 100);
	expect_in(sbuf_str(&text), &diag, "t.yaml:1:1: \"nonsense0\"");
	expect_in(sbuf_str(&text), &diag, "t.yaml:100:1: \"nonsense99\"");
	expect_in(sbuf_str(&text), &diag, "t.yaml: there are more errors, "
	    "only the first 100 are shown\n");
	sbuf_done(&text);
	sbuf_done(&diag);
}
END_TEST

/* Errors of every kind beside each other: none keeps another from being seen,
 * and none is told twice. */
START_TEST(kinds_in_one_run)
{
	static const struct {
		const char *line, *want;
	} v[] = {
		{"log: {level: *x}", "aliases (*) are not allowed"},
		{"log: {}", "log: given twice"},
		{"lgo: {}", "unknown key, did you mean \"log\""},
		{"store: {retain: !!str 10d, min_free: &a 1x}",
		    "tags (!) are not allowed"},
		{"campaigns: {directory: &a b, x: [[[[[[[[1]]]]]]]]}",
		    "nested too deep"},
		{"limits: {in_flight: 0}", "limits.in_flight: 0 is too small"},
		{"trackers: {listen: [a], proxy_listen: ['0.0.0.0:1']}",
		    "needs trackers.proxy_trust"},
		{"http: {listen: ['0.0.0.0:2'], token_file: '${X}'}",
		    "http.token_file: allowed in a path is one variable"},
		{"devices: {password_file: /nonexistent/p, never_file: '${Y}'}",
		    "/nonexistent/p cannot be read"},
		{"files: {user: u, listen: ['0.0.0.0:1']}",
		    "files.user: needs files.password"},
		{"relay: {source: ['::1', h], listeners: {'0.0.0.0:2': 'a:1'}}",
		    "relay.source: \"h\" is no IP address"},
		{"models: {C2: {password: abc}}", "models.C2.password: the value is too short"},
	};
	static const char *const more[] = {
	    ":4:38: anchors (&) are not allowed",
	    ":4:38: store.min_free: \"1x\" is not a size",
	    ":5:24: anchors (&) are not allowed",
	    ":5:30: \"x\": unknown key in campaigns",
	    ":7:21: trackers.listen[0]: \"a\" is not an address",
	    ":9:54: devices.never_file: allowed in a path is one variable",
	    ":10:27: files.listen: 0.0.0.0:1 is in trackers.proxy_listen",
	    ":10:26: files.listen: is of no use",
	    ":11:41: relay.listeners: 0.0.0.0:2 is in http.listen as well",
	};
	struct sbuf text, diag;
	size_t errors = 0;

	sbuf_init(&text, 0);
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		sbuf_addf(&text, "%s\n", v[i].line);
	ck_assert_ptr_null(parse(sbuf_str(&text), &diag));
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		expect_in(v[i].line, &diag, v[i].want);
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		expect_in(more[i], &diag, more[i]);
	for (const char *p = sbuf_str(&diag); (p = strstr(p, "t.yaml:")) !=
	    NULL; p++)
		errors++;
	ck_assert_msg(errors == ARRAY_LEN(v) + ARRAY_LEN(more), "%zu:\n%s",
	    errors, sbuf_str(&diag));
	sbuf_done(&text);
	sbuf_done(&diag);
}
END_TEST

START_TEST(files_of_the_system)
{
	struct sbuf diag;

	sbuf_init(&diag, 0);
	ck_assert_ptr_null(daemon_conf_load("/nonexistent/t.yaml", &diag));
	ck_assert_str_eq(sbuf_str(&diag), "/nonexistent/t.yaml: cannot be "
	    "read: No such file or directory\n");
	sbuf_clear(&diag);
	ck_assert_ptr_null(daemon_conf_load("/", &diag));
	ck_assert_str_eq(sbuf_str(&diag), "/: cannot be read: Is a "
	    "directory\n");
	sbuf_clear(&diag);
	/* It has no end; the limit is one. */
	ck_assert_ptr_null(daemon_conf_load("/dev/zero", &diag));
	ck_assert_str_eq(sbuf_str(&diag), "/dev/zero:1:1: the file is too "
	    "large, allowed up to 1048576 bytes\n");
	sbuf_done(&diag);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {defaults, every_value,
	    limits_of_each, lengths_of_each, whole_message, never_converted,
	    addresses, addresses_beside_each_other, addresses_have_a_limit,
	    urls, combinations, store_keys,
	    proxy_keys, relay_keys, default_always_accepted, passwords,
	    password_files, dump_loads_again, mask_fails_closed,
	    server_without_url,
	    long_messages, restart_keys, kept_keys,
	    all_in_one_run, kinds_in_one_run, files_of_the_system};
	Suite *s = suite_create("daemon_conf");
	TCase *t = tcase_create("daemon_conf");
	SRunner *r = srunner_create(s);
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
