/* bench [-o FILE.json] [NAME ...]: measures all, or what is named. */
#include "config.h"
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	void (*run)(void);
} benches[] = {
	{"frames", bench_frames},
	{"families", bench_families},
	{"paced", bench_paced},
	{"idle", bench_idle},
	{"storm", bench_storm},
	{"durable", bench_durable},
	{"dispatch", bench_dispatch},
	{"intake", bench_intake},
	{"turns", bench_turns},
	{"rows", bench_rows},
	{"start", bench_start},
	{"downloads", bench_downloads},
	{"slow", bench_slow},
	{"relay", bench_relay},
};

static bool
named(char **names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return count == 0;
}

static _Noreturn void
usage(void)
{
	(void)fprintf(stderr, "usage: bench [-o FILE.json] [NAME ...]\n"
	    "names:");
	for (size_t i = 0; i < ARRAY_LEN(benches); i++)
		(void)fprintf(stderr, " %s", benches[i].name);
	(void)fprintf(stderr, "\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	char json[4096] = "", here[2048];
	const char *path = "bench.json";
	size_t known = 0;
	int c, missed;

	while ((c = getopt(argc, argv, "o:")) != -1) {
		if (c != 'o')
			usage();
		path = optarg;
	}
	for (size_t i = 0; i < ARRAY_LEN(benches); i++)
		known += argc > optind &&
		    named(argv + optind, argc - optind, benches[i].name);
	if (known != (size_t)(argc - optind) ||
	    getcwd(here, sizeof(here)) == NULL)
		usage();
	/* proc_init() goes to a directory of its own. */
	(void)snprintf(json, sizeof(json), "%s%s%s",
	    path[0] == '/' ? "" : here, path[0] == '/' ? "" : "/", path);
	proc_init(argv[0]);
	for (size_t i = 0; i < ARRAY_LEN(benches); i++)
		if (named(argv + optind, argc - optind, benches[i].name))
			benches[i].run();
	missed = outcomes_print(json);
	proc_done();
	(void)printf("\n%d goals missed; the same as JSON: %s\n", missed,
	    path);
	/* A figure is not a test: a busy machine fails no build. */
	return 0;
}
