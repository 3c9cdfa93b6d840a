#include "config.h"
#include "bench.h"

#include <string.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/store.h"

#define DEVICES 1000000

/* Rows as the daemon would have written them after a version read. Columns by
 * name: those that a migration adds have their defaults. */
static void
database_fill(void)
{
	static const char sql[] =
	    "PRAGMA synchronous = OFF;"
	    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n"
	    " WHERE i < 999999)"
	    "INSERT INTO device (key, id, protover, name, device_type,"
	    " hardware, mcu, version_wall, last_seen_wall, registered,"
	    " serial_reserved, fence_seq, fence_at, fence_wall, fence_version,"
	    " stale_seq, power_seq, start_attempt, start_serial, start_seq,"
	    " start_w_end_at, start_w_over_seq, start_ack_seq,"
	    " start_final_seq, start_dropped_seq, stop_seq, stop_w_end_at,"
	    " stop_udp, foreign_until_at, foreign_seq)"
	    " SELECT 86000000000000 + i * 7,"
	    " printf('%014d', 86000000000000 + i * 7), 'C20100', 'GV620MG',"
	    " 'GV620MG', '0102', '0A03', 1700000000000, 1700000000000, 1, 16,"
	    " 9, 9, 1700000000000, '0A03',"
	    " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM n;";
	struct store_config cfg = {.path = "trackupd-0.db"};
	struct errtext err = {0};
	struct store *st;
	char *message = NULL;
	sqlite3 *db;

	if (store_open(&st, &cfg, &err) < 0)
		die("store: %s", err.text);
	store_close(st);
	if (sqlite3_open(cfg.path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		die("a million devices: %s", message == NULL ? "?" : message);
	if (sqlite3_close(db) != SQLITE_OK)
		die("sqlite3_close");
}

/* Until it answers a tracker: by then it knows all. */
static void
first_answer(const struct server *s)
{
	char buf[MESSAGE_MAX];
	size_t reply, n = wire_probe(TALK_TRACK, 0, buf, &reply);
	int fd;

	server_wait(s);
	fd = connect_to(s->port, 0, false);
	if (fd < 0 || send(fd, buf, n, MSG_NOSIGNAL) != (ssize_t)n ||
	    recv(fd, buf, sizeof(buf), 0) != (ssize_t)reply)
		die("the daemon did not answer after its start");
	(void)close(fd);
}

void
bench_start(void)
{
	struct outcome *r = outcome_new("start", "From the start of the process "
	    "to the first answer, 1,000,000 devices", "s");
	struct outcome *m = outcome_new("start_memory",
	    "Own memory of a known device", "bytes");
	struct series *wall = outcome_row(r, "trackupd");
	struct series *cpu = outcome_row(r, "trackupd, CPU");
	struct series *memory = outcome_row(m, "trackupd");
	struct server s;

	say("%s ...", r->title);
	r->goal = GOAL_AT_MOST;
	r->limit = 2;
	database_fill();
	for (int i = 0; i < 3; i++) {
		double start = now_s();

		server_fork(&s, SERVER_DAEMON, "");
		first_answer(&s);
		series_add(wall, now_s() - start);
		series_add(cpu, server_cpu_s(&s));
		series_add(memory, server_memory(&s) / DEVICES);
		server_stop(&s);
	}
	work_clear();
}
