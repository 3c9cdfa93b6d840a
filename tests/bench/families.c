#include "config.h"
#include "bench.h"

/*
 * What a frame costs by what it is written in and how it comes, beside the
 * text over TCP that the other figures are about. One daemon takes them all.
 */

#define TCP_CONNS 1000
/* What waits in the one socket, while the daemon stands, must fit there. */
#define UDP_SOURCES 200
#define TURNS 25

static const struct {
	const char *name;
	enum dialect dialect;
	bool udp;
} family[] = {
	{"ASCII, TCP", TALK_TRACK_ACK, false},
	{"HEX v1, TCP", TALK_HEX1_ACK, false},
	{"HEX v2, TCP", TALK_HEX2_ACK, false},
	{"ASCII, UDP", TALK_TRACK_ACK, true},
	{"HEX v1, UDP", TALK_HEX1_ACK, true},
	{"HEX v2, UDP", TALK_HEX2_ACK, true},
};

static void
measure(const char *key, const char *title, size_t k)
{
	struct outcome *r = outcome_new(key, title, "ns");
	struct fleet fleet[ARRAY_LEN(family)];
	struct series *s[ARRAY_LEN(family)];
	struct server server;
	unsigned first = 0;

	say("%s ...", title);
	r->beside = 0;
	one_cpu(true);
	server_start(&server, SERVER_DAEMON, "");
	for (size_t i = 0; i < ARRAY_LEN(family); i++) {
		size_t n = family[i].udp ? UDP_SOURCES : TCP_CONNS;

		s[i] = outcome_row(r, family[i].name);
		fleet_open_over(&fleet[i], &server, family[i].dialect,
		    family[i].udp, first, n);
		first += (unsigned)n;
	}
	for (int turn = -3; turn < TURNS; turn++)
		for (size_t i = 0; i < ARRAY_LEN(family); i++) {
			double ns = fleet_burst(&fleet[i], &server, k);

			if (turn >= 0)
				series_add(s[i], ns);
		}
	for (size_t i = 0; i < ARRAY_LEN(family); i++)
		fleet_close(&fleet[i]);
	server_stop(&server);
	work_clear();
	one_cpu(false);
}

void
bench_families(void)
{
	measure("family_1", "CPU per acknowledged frame, 1 a read or datagram, "
	    "by family", 1);
	measure("family_8", "CPU per acknowledged frame, 8 a read or datagram, "
	    "by family", 8);
}
