/*
 * run: the scenarios. A scenario is a text file NAME.scn that tells a story of
 * trackers, operators and crashes, and what the daemon must do; the real core
 * plays it on an injected clock (world.h), against a record in memory, once
 * with trackers of text and once with binary ones (hextalk.h), and against the
 * real store where it crashes. Without arguments all of them run, and then each
 * cell of the attempt machine that moves must have been taken; a hundred
 * stories that nobody wrote follow (story.h).
 *
 *   run [-c] [-v] [NAME.scn …]   -c: print which scenario took which cell
 *                                -v: the daemon's log on stderr
 *   run -r FIRST:COUNT           stories of that many seeds (story.h)
 *   run -l NAME.scn              a story that -r printed: no EXPECT is due
 *
 * One command a line; an indented line goes on from the one before; # begins a
 * comment. Trackers are d1, d2, …; they get an id when they are first named.
 * d1 in a command means its newest open connection, d1.2 the second one that
 * it opened. Durations: 90s, 15m, 12h, 7d, 1ms, also several ("2m -1ms").
 * A scenario begins on Monday, 2026-11-23T00:00:00Z.
 *
 * The world
 *   CONFIG in_flight= start_rate= read_rate= unknown= sack= password= user=
 *       secret= observed_max= piece= (of a list)   before anything else, or as a reload
 *   DEVICE d1 id= type= hardware= protover= count=
 *   CAMPAIGN c1 WORDS…             writes the file of c1 and reloads
 *   FILE c1 WORDS… | gone | broken | back     what a reload or start will find
 *   RELOAD
 *   ROW d1 password= timezone= country= tags=a;b networks= name= | gone
 *       its row of the inventory; NEVER d1 … (the whole of never_file)
 *   NETWORKS 10.0.0.0/8 …, MODEL C2 name= password=, FLEET broken | ok
 *   PASS 2m   AT 10m               time passes, every deadline at its time
 *   STALL 2m                       time passes, and no timer fires
 *   JUMP wall +1d                  the wall clock alone
 *   AUTO off | on                  whether batches become durable by themselves
 *   DURABLE                        what waits now is on disk
 *   STORE full | low | ok
 *   CRASH [down=5m] [reboot] [restored]   what is not durable is lost
 *   STOP  [down=5m] [reboot] [kept]  SIGTERM, then as CRASH; kept: the TCP
 *       connections are, by the service manager
 *   OPER start|pause|resume|abort c1 [dry-run|digest=…]
 *   OPER approve c1 WAVE [force]
 *   OPER halt | resume-all | drain,  OPER probe|cancel|include|
 *       release d1
 *   OPER exclude d1 [for=2h | cancel],  OPER retry-failed c1 [CAUSE]
 *   LOOP 100 … END
 *
 * Words of a campaign (key=value; all but devices may be left out)
 *   devices=d1,d2 | all  models=C2 tags= exclude=d1 membership=dynamic
 *   version=0A05 | -  package=0A03:0A05[:URL] (any:…),
 *   then of this package: bytes= disk= (what its file holds)
 *   type= hardware= update=mcu|ble downgrade=true approval=required wave=
 *   in_flight= start_rate= jitter= dark_max= retry= (max_download_retry)
 *   max_attempts= max_deferrals= priority= description= backoff= backoff_max=
 *   battery_wait= ack= confirm= start_download= download_timeout=
 *   download_margin= install= verify= probe= silent=
 *   windows=01:00-05:00,sat+sun@22:00-06:00   (always unless given)
 *   timezone=ZONE|device (UTC unless given) fallback=ZONE fit=true|false
 *   start=2026-11-24T00:00:00Z end=… at_end=stop|cancel
 *   rules=none | cause:count | cause:rate%:sample, …
 *   waves=NAME[:3 | :20% | :d1+d2][:spread=version][:success=97%]
 *       [:min_done=2][:unknown=5%][:soak=1h][:deadline=5d][:then=hold], …
 *   rules=none | cause:count | cause:rate%:sample, …, each with
 *       [@wave | @edge][#first | #NAME+NAME][!abort]
 *   Other than in a file, approval is none, jitter 0 and start_rate 100/s (the
 *   global one, too; read_rate 1000/s) unless given.
 *
 * Trackers
 *   CONNECT d1 [udp|relay] [from=10.0.0.1]   CLOSE d1
 *   ENDED d1                       it says no more there; CLOSE d1 follows
 *   PLATFORM d1 [begins | ends]    the platform behind us commands an update;
 *       a frame of it, in which no command of ours is taken
 *   RECV d1 WHAT; WHAT; …          each a frame of its own:
 *       report, late (a buffered report), heartbeat, power_on, power_off,
 *       ack [SERIAL|stop], nack [SERIAL], 100, 200,1 … (a code), buff 301,
 *       readack [SERIAL], version 0A05, buff version 0A05,
 *       answer 0A05 (acknowledgement and version), again [buff] (once more)
 *   RECV d1 +RESP:…$               any text; {id} {ver} {count} {last} {start}
 *                                  {stop} {read} are filled in
 *   KERNEL d1 full | torn          the next command is not, or half, taken
 *   BRING d1 online|sending|acked|confirmed|downloading|downloaded|updating|
 *       claimed [0A03]             an honest update up to there; its reads are
 *                                  answered with that version
 *
 * What must be
 *   EXPECT SEND d1 start | stop | read | GLOB   the oldest command not named
 *       yet. Every command must be named before anything else happens.
 *   EXPECT NOTHING                 was sent (it is so before each command)
 *   EXPECT SACK d1 [GLOB], EXPECT NO SACK d1    of its last frame
 *   EXPECT OWN d1, EXPECT PASSED d1   its last frame is kept from the platform
 *       behind us, or not
 *   EXPECT CLOSED d1
 *   EXPECT TARGET d1[/c1] active downloading | waiting offline | failed no_ack
 *       … [attempts=2 hops=1 blocked_by=c2 missing=GLOB (blanks as _)]
 *   EXPECT RETRY d1 15m..18m       retry_at, from now
 *   EXPECT UNTIL d1 3h..3h         when time alone ends its hold, from now
 *   EXPECT ATTEMPT d1 [back=1] phase= reached= result= cause= code= times=
 *       serial=                    as it is on disk
 *   EXPECT CAMPAIGN c1 running | paused rule … [in_flight= dark= attempts=
 *       total= succeeded= offline= bad_url= revision= ended:failed= (attempts
 *       since the start) text=GLOB …]
 *       [window=FROM..TO] [schedule=START..END] (globs, RFC 3339; or none)
 *   EXPECT WAVE c1 NAME open [total= done= succeeded= … offline= min_done=
 *       lacks=GLOB text=GLOB by=WHO soak=1h deadline=5d (from now)]
 *   EXPECT STATUS in_flight= dark= known= online= observed= evicted= repeats=
 *       foreign= starts= stops= reads= halted= draining= store_ok=
 *       quarantined= quarantine_refused= takeovers=
 *   EXPECT DEVICE d1 online offline observed listed registered excluded
 *       included never version= type= id= seen= next=23h..25h (from
 *       now) | next=none diagnosis=PART tags= zone=
 *       country= name=, or unknown
 *   EXPECT OPER ok | refused CODE … [in_flight= stoppable= flashing=]
 *   EXPECT FILE new | same | changed | refused [GLOB]
 *   EXPECT EVENT d1 GLOB           "kind text" in its timeline, on disk
 *   EXPECT NOTE GLOB               a recent line of the log
 */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/plant.h"
#include "cover.h"
#include "script.h"
#include "story.h"

#define SCENARIOS_MAX 900
#define SECONDS_EACH 120
#define STORIES_ALWAYS "1:100"

static int passed, failed;

static void
verdict(bool ok, const char *name, const char *how)
{
	(void)printf("%s %s%s\n", ok ? "ok    " : "FAILED", name, how);
	(void)fflush(stdout);
	if (ok)
		passed++;
	else
		failed++;
}

static void
play(const char *path, bool sqlite, bool hex)
{
	struct world *w = malloc(sizeof(*w));

	if (w == NULL)
		_exit(1);
	(void)alarm(SECONDS_EACH);
	world_init(w, path, sqlite, hex);
	script_run(w, path);
	world_done(w);
	free(w);
	exit(0);
}

/* In a process of its own: an assertion or a hang is one scenario's. */
static void
run_one(const char *path, const char *name, bool sqlite, bool hex)
{
	int status = 0;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0)
		play(path, sqlite, hex);
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("fork");
		exit(1);
	}
	if (WIFSIGNALED(status))
		(void)printf("%s: ended by signal %d (%s)\n", path,
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	verdict(WIFEXITED(status) && WEXITSTATUS(status) == 0, name,
	    sqlite ? " (store)" : hex ? " (hex)" : "");
}

static void
tell_stories(const char *which)
{
	static uint8_t bytes[512];
	unsigned long long first = 1, count = 1;

	if (sscanf(which, "%llu:%llu", &first, &count) < 1)
		exit(2);
	for (unsigned long long i = first; i < first + count; i++) {
		char name[32];
		int status = 0;
		pid_t pid;

		(void)fflush(stdout);
		if ((pid = fork()) == 0) {
			(void)alarm(SECONDS_EACH);
			story_tell(bytes, story_invent(i, bytes,
			    sizeof(bytes)), false, i % 4 == 0);
			exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) < 0) {
			perror("fork");
			exit(1);
		}
		(void)snprintf(name, sizeof(name), "story %llu", i);
		if (status == 0)
			passed++;
		else
			verdict(false, name, "");
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t
find_all(const char *directory, char **ret)
{
	DIR *dir = opendir(directory);
	struct dirent *e;
	size_t n = 0;

	if (dir == NULL) {
		perror(directory);
		exit(1);
	}
	while ((e = readdir(dir)) != NULL) {
		size_t len = strlen(e->d_name);

		if (len < 5 || strcmp(e->d_name + len - 4, ".scn") != 0)
			continue;
		if (n == SCENARIOS_MAX ||
		    (ret[n++] = strdup(e->d_name)) == NULL)
			exit(1);
	}
	(void)closedir(dir);
	qsort(ret, n, sizeof(*ret), by_name);
	return n;
}

int
main(int argc, char **argv)
{
	static char *names[SCENARIOS_MAX];
	const char *top = getenv("top_srcdir"), *stories = NULL;
	char directory[2048];
	bool table = false, all;
	size_t n = 0;
	int opt;

	while ((opt = getopt(argc, argv, "clvr:")) != -1)
		if (opt == 'c')
			table = true;
		else if (opt == 'l')
			script_lenient = true;
		else if (opt == 'r')
			stories = optarg;
		else if (opt == 'v')
			(void)setenv("SCN_VERBOSE", "1", 1);
		else
			return 2;
	(void)snprintf(directory, sizeof(directory), "%s/tests/scenario",
	    top == NULL ? "." : top);
#ifdef PLANTED_BUGS
	plant_select(getenv("TRACKUPD_PLANT"));
#endif
	cover_init();
	all = optind == argc && stories == NULL;
	if (all)
		n = find_all(directory, names);
	for (; optind < argc && n < SCENARIOS_MAX; optind++)
		if ((names[n++] = strdup(argv[optind])) == NULL)
			return 1;
	for (size_t i = 0; i < n; i++) {
		char path[4096];

		(void)snprintf(path, sizeof(path), "%s/%s", directory,
		    names[i]);
		if (access(path, R_OK) != 0)
			(void)snprintf(path, sizeof(path), "%s", names[i]);
		cover_scenario((int)i, names[i]);
		run_one(path, names[i], false, false);
		run_one(path, names[i], false, true);
		if (script_has(path, "CRASH") || script_has(path, "STOP"))
			run_one(path, names[i], true, false);
	}
	if (table)
		cover_print();
	if (all)
		verdict(cover_complete(), "every cell that moves", "");
	/* Behind that: a cell taken by chance is no test of it. */
	if (all || stories != NULL)
		tell_stories(all ? STORIES_ALWAYS : stories);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	(void)printf("%d passed, %d failed\n", passed, failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}
