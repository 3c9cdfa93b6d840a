#include "config.h"
#include "sim/options.h"

#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/span.h"
#include "base/units.h"
#include "sim/hexwire.h"

#define FIRST_ID "860000000000009"
#define PASSWORD "gv620mg"
#define FIRMWARE "0A03"
#define NEXT_FIRMWARE "0A05"
#define HEARTBEAT_MS 300000
#define SPEED_MIN 0.001
#define SPEED_MAX 100000.0
#define CONNECTS_PER_HOUR (INT64_C(1000) * 3600)

/* Everything read, before what depends on several options is judged. */
struct raw {
	struct options *o;
	const char *first_id;
	uint64_t devices; /* 0 = not given */
	bool has_connect;
};

typedef int option_set(struct raw *raw, const char *value,
    struct errtext *err);

static int
set_connect(struct raw *raw, const char *value, struct errtext *err)
{
	struct span rest = span_str(value), host, port;
	uint64_t number;

	raw->has_connect = true;
	if (!span_field_last(&rest, ':', &port) || rest.p == NULL ||
	    span_dec(port, 65535, &number) < 0 || number == 0)
		return errtext_set(err, -1, "\"%s\" is not HOST:PORT", value);
	host = rest;
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = span_of(host.p + 1, host.n - 2);
	else if (memchr(host.p, ':', host.n) != NULL)
		return errtext_set(err, -1, "\"%s\": an IPv6 address goes in "
		    "brackets", value);
	if (host.n == 0 ||
	    !span_copy(raw->o->host, sizeof(raw->o->host), host) ||
	    !span_copy(raw->o->port, sizeof(raw->o->port), port))
		return errtext_set(err, -1, "\"%s\" is not HOST:PORT", value);
	return 0;
}

static int
set_devices(struct raw *raw, const char *value, struct errtext *err)
{
	if (span_dec(span_str(value), OPTIONS_DEVICES_MAX, &raw->devices) < 0 ||
	    raw->devices == 0)
		return errtext_set(err, -1, "\"%s\" is not a number from 1 to "
		    "%d", value, OPTIONS_DEVICES_MAX);
	return 0;
}

static int
set_first_id(struct raw *raw, const char *value, struct errtext *err)
{
	(void)err;
	raw->first_id = value;
	return 0;
}

static int
check_version(const char *value, struct errtext *err)
{
	size_t n = strlen(value);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)value[i]) && value[i] != '.' &&
		    value[i] != '-' && value[i] != '_')
			n = 0;
	if (n == 0 || n > VERSION_MAX)
		return errtext_set(err, -1, "\"%s\" is no firmware version: "
		    "1 to %d letters, digits, '.', '-' and '_'", value,
		    VERSION_MAX);
	return 0;
}

static int
set_firmware(struct raw *raw, const char *value, struct errtext *err)
{
	raw->o->tracker.firmware = value;
	return check_version(value, err);
}

static int
set_next_firmware(struct raw *raw, const char *value, struct errtext *err)
{
	if (strcmp(value, "url") == 0) {
		raw->o->tracker.next_firmware = NULL;
		return 0;
	}
	raw->o->tracker.next_firmware = value;
	return check_version(value, err);
}

static int
set_password(struct raw *raw, const char *value, struct errtext *err)
{
	size_t n = strlen(value);

	raw->o->tracker.password = value;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)value[i]))
			n = 0;
	if (n < 4 || n > WIRE_PASSWORD_MAX)
		return errtext_set(err, -1, "a password has 4 to %d letters "
		    "and digits", WIRE_PASSWORD_MAX);
	return 0;
}

static int
set_protocol(struct raw *raw, const char *value, struct errtext *err)
{
	raw->o->tracker.hex = strcmp(value, "hex") == 0;
	if (!raw->o->tracker.hex && strcmp(value, "ascii") != 0)
		return errtext_set(err, -1, "\"%s\" is neither ascii nor hex",
		    value);
	return 0;
}

/* These frames have no room for anything else. */
static int
check_hex(const struct options *o, struct errtext *err)
{
	if (!o->tracker.hex)
		return 0;
	if (o->ids.form != IDENT_IMEI)
		return errtext_set(err, -1, "--protocol hex: --first-id must "
		    "be an IMEI, 15 digits");
	if (!hexwire_version_ok(o->tracker.firmware) ||
	    (o->tracker.next_firmware != NULL &&
	    !hexwire_version_ok(o->tracker.next_firmware)))
		return errtext_set(err, -1, "--protocol hex: a firmware "
		    "version is 4 hex digits");
	return 0;
}

static int
set_seed(struct raw *raw, const char *value, struct errtext *err)
{
	if (span_dec(span_str(value), UINT64_MAX, &raw->o->tracker.seed) < 0)
		return errtext_set(err, -1, "\"%s\" is not a whole number",
		    value);
	return 0;
}

static int
set_speed(struct raw *raw, const char *value, struct errtext *err)
{
	char *end;
	double speed = strtod(value, &end);

	if (end == value || *end != '\0' || !isfinite(speed) ||
	    speed < SPEED_MIN || speed > SPEED_MAX)
		return errtext_set(err, -1, "\"%s\" is not a number from %g to "
		    "%g", value, SPEED_MIN, SPEED_MAX);
	raw->o->tracker.speed = speed;
	return 0;
}

static int
duration(const char *value, int64_t *ret_ms, struct errtext *err)
{
	int64_t ms;

	if (units_duration(span_str(value), &ms) < 0 || ms == 0)
		return errtext_set(err, -1, "\"%s\" is no duration; write 90s, "
		    "15m, 12h or 7d", value);
	*ret_ms = ms;
	return 0;
}

static int
set_heartbeat(struct raw *raw, const char *value, struct errtext *err)
{
	return duration(value, &raw->o->tracker.heartbeat_ms, err);
}

static int
set_report(struct raw *raw, const char *value, struct errtext *err)
{
	return duration(value, &raw->o->tracker.report_ms, err);
}

static int
set_duration(struct raw *raw, const char *value, struct errtext *err)
{
	return duration(value, &raw->o->duration_ms, err);
}

static int
set_mode(struct raw *raw, const char *value, struct errtext *err)
{
	raw->o->tracker.short_mode = strcmp(value, "short") == 0;
	if (!raw->o->tracker.short_mode && strcmp(value, "long") != 0)
		return errtext_set(err, -1, "\"%s\" is neither long nor short",
		    value);
	return 0;
}

static int
set_transport(struct raw *raw, const char *value, struct errtext *err)
{
	raw->o->udp = strcmp(value, "udp") == 0;
	if (!raw->o->udp && strcmp(value, "tcp") != 0)
		return errtext_set(err, -1, "\"%s\" is neither tcp nor udp",
		    value);
	return 0;
}

static int
set_download(struct raw *raw, const char *value, struct errtext *err)
{
	(void)value;
	(void)err;
	raw->o->tracker.download = true;
	return 0;
}

static int
set_no_sack(struct raw *raw, const char *value, struct errtext *err)
{
	(void)value;
	(void)err;
	raw->o->tracker.no_sack = true;
	return 0;
}

static int
set_ramp(struct raw *raw, const char *value, struct errtext *err)
{
	if (units_rate(span_str(value), &raw->o->connects_per_hour) < 0 ||
	    raw->o->connects_per_hour == 0)
		return errtext_set(err, -1, "\"%s\" is no rate; write 500/s",
		    value);
	return 0;
}

static int
set_truth(struct raw *raw, const char *value, struct errtext *err)
{
	raw->o->truth = value;
	return value[0] == '\0' ? errtext_set(err, -1, "needs a file") : 0;
}

static int
set_faults(struct raw *raw, const char *value, struct errtext *err)
{
	return faults_parse(&raw->o->faults, span_str(value), err);
}

static int
set_personality(struct raw *raw, const char *value, struct errtext *err)
{
	return natures_parse(&raw->o->natures, span_str(value), err);
}

static int
set_help(struct raw *raw, const char *value, struct errtext *err)
{
	(void)value;
	(void)err;
	raw->o->verb = OPTIONS_HELP;
	return 0;
}

static int
set_version(struct raw *raw, const char *value, struct errtext *err)
{
	(void)value;
	(void)err;
	raw->o->verb = OPTIONS_VERSION;
	return 0;
}

/* getopt_long() answers the index in this table, above any character. */
#define OPTION_BASE 256
static const struct {
	const char *name;
	int has_arg;
	option_set *set;
} table[] = {
	{"connect", required_argument, set_connect},
	{"devices", required_argument, set_devices},
	{"first-id", required_argument, set_first_id},
	{"firmware", required_argument, set_firmware},
	{"next-firmware", required_argument, set_next_firmware},
	{"password", required_argument, set_password},
	{"protocol", required_argument, set_protocol},
	{"seed", required_argument, set_seed},
	{"speed", required_argument, set_speed},
	{"heartbeat", required_argument, set_heartbeat},
	{"report", required_argument, set_report},
	{"mode", required_argument, set_mode},
	{"transport", required_argument, set_transport},
	{"no-sack", no_argument, set_no_sack},
	{"ramp", required_argument, set_ramp},
	{"download", no_argument, set_download},
	{"truth", required_argument, set_truth},
	{"faults", required_argument, set_faults},
	{"personality", required_argument, set_personality},
	{"duration", required_argument, set_duration},
	{"help", no_argument, set_help},
	{"version", no_argument, set_version},
};

const char *
options_help(void)
{
	return "usage: tracksim --connect HOST:PORT --devices N [option ...]\n"
	    "\n"
	    "Plays N GV620MG trackers against a firmware-update server.\n"
	    "\n"
	    "  --connect HOST:PORT    the server; [ADDRESS]:PORT for IPv6\n"
	    "  --devices N            how many trackers\n"
	    "  --first-id ID          of the first one: 15 digits or 14 hex"
	    " digits (" FIRST_ID ")\n"
	    "  --firmware VERSION     what they run (" FIRMWARE ")\n"
	    "  --next-firmware VERSION\n"
	    "                         what an update makes of it ("
	    NEXT_FIRMWARE "), or\n"
	    "                         url: what the package's name says\n"
	    "  --password TEXT        of the commands (" PASSWORD ")\n"
	    "  --protocol ascii|hex   what their frames are (ascii)\n"
	    "  --seed N               same seed, same chances (1)\n"
	    "  --speed X              divides every wait of a device (1)\n"
	    "  --heartbeat DURATION   between heartbeats, in short mode"
	    " between polls (5m)\n"
	    "  --report DURATION      between position reports (none)\n"
	    "  --mode long|short      TCP mode (long)\n"
	    "  --transport tcp|udp    how they reach the server (tcp)\n"
	    "  --no-sack              trackers that expect no SACK\n"
	    "  --ramp RATE            of new connections, at most (1000/s)\n"
	    "  --download             fetch the package over HTTP\n"
	    "  --truth FILE           what really happened, a JSON line each\n"
	    "  --faults KIND=RATE,... or KIND=ID[:ID...]; see tracksim(1)\n"
	    "  --personality NAME=SHARE,... or NAME=ID[:ID...]; see"
	    " tracksim(1)\n"
	    "  --duration DURATION    end after this much wall time\n"
	    "  -h, --help             this text\n"
	    "  -V, --version          the version\n";
}

void
options_done(struct options *o)
{
	faults_done(&o->faults);
	natures_done(&o->natures);
}

static void
defaults(struct options *o)
{
	*o = (struct options){
		.connects_per_hour = CONNECTS_PER_HOUR,
		.tracker = {
			.password = PASSWORD,
			.firmware = FIRMWARE,
			.next_firmware = NEXT_FIRMWARE,
			.seed = 1,
			.speed = 1,
			.heartbeat_ms = HEARTBEAT_MS,
		},
	};
	faults_init(&o->faults);
	o->tracker.faults = &o->faults;
	o->tracker.natures = &o->natures;
}

static int
read_all(struct raw *raw, int argc, char **argv, struct errtext *err)
{
	struct option longs[ARRAY_LEN(table) + 1] = {0};
	struct errtext why = {0};
	int c;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		longs[i] = (struct option){table[i].name, table[i].has_arg,
			NULL, OPTION_BASE + (int)i};
	optind = 0; /* glibc: begin anew, for the tests parse many times */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":hV", longs, NULL)) != -1) {
		size_t i = (size_t)c - OPTION_BASE;

		if (c == 'h') {
			raw->o->verb = OPTIONS_HELP;
		} else if (c == 'V') {
			raw->o->verb = OPTIONS_VERSION;
		} else if (c == ':') {
			return errtext_set(err, -1, "%s needs a value",
			    argv[optind - 1]);
		} else if (c < OPTION_BASE) {
			return errtext_set(err, -1, "no option is called %s, "
			    "or it is ambiguous or takes no value",
			    argv[optind - 1]);
		} else if (table[i].set(raw, optarg, &why) < 0) {
			return errtext_set(err, -1, "--%s: %s", table[i].name,
			    why.text);
		}
	}
	if (optind < argc)
		return errtext_set(err, -1, "\"%s\" is no option",
		    argv[optind]);
	return 0;
}

static void
note_tracker(struct options *o, uint64_t key)
{
	faults_note_tracker(&o->faults, key);
	natures_note_tracker(&o->natures, key);
}

/* Named trackers must be in the fleet: a typing error would go unnoticed. */
static int
check_named(struct options *o, struct errtext *err)
{
	const char *stranger, *option = "--faults";

	if (o->faults.rule_count == 0 && o->natures.rule_count == 0)
		return 0;
	for (uint64_t i = 0; i < o->ids.count; i++) {
		char id[IDENT_MAX];
		struct devid devid;

		ident_make(&o->ids, i, id);
		if (devid_parse(span_str(id), &devid) == 0)
			note_tracker(o, devid.key);
	}
	stranger = faults_stranger(&o->faults);
	if (stranger == NULL) {
		option = "--personality";
		stranger = natures_stranger(&o->natures);
	}
	if (stranger != NULL)
		return errtext_set(err, -1, "%s: %s is none of the %" PRIu64
		    " trackers of this fleet", option, stranger, o->ids.count);
	return 0;
}

int
options_parse(struct options *o, int argc, char **argv, struct errtext *err)
{
	struct raw raw = {.o = o, .first_id = FIRST_ID};
	struct errtext why = {0};

	defaults(o);
	if (read_all(&raw, argc, argv, err) < 0)
		goto bad;
	if (o->verb != OPTIONS_RUN)
		return 0;
	if (!raw.has_connect || raw.devices == 0) {
		(void)errtext_set(err, -1, "%s is needed",
		    raw.has_connect ? "--devices N" : "--connect HOST:PORT");
		goto bad;
	}
	if (ident_range_parse(span_str(raw.first_id), raw.devices, &o->ids,
		&why) < 0) {
		(void)errtext_set(err, -1, "--first-id: %s", why.text);
		goto bad;
	}
	if (check_hex(o, err) < 0 || check_named(o, err) < 0)
		goto bad;
	return 0;
bad:
	options_done(o);
	return -1;
}
