#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/fleet_file.h"
#include "core/plant.h"
#include "daemon/app.h"
#include "daemon/files.h"
#include "daemon/log.h"
#include "daemon/usable.h"

#define EXIT_CONFIG 78

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check-config", no_argument, NULL, 't'},
    {"dump-config", no_argument, NULL, 'T'},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {"restored", no_argument, NULL, 'R'},
    {"time-scale", required_argument, NULL, 'S'},
    {NULL, 0, NULL, 0},
};

static void
usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: trackupd [-hqtTvV] [-c file] [--restored] "
	    "[--time-scale factor]\n"
	    "  -c, --config FILE    the configuration, default "
	    SYSCONFDIR "/trackupd/trackupd.yaml\n"
	    "  -t, --check-config   check it and every campaign file, exit 0 "
	    "or 78\n"
	    "  -T, --dump-config    print the values in effect, secrets "
	    "masked\n"
	    "  -v, --verbose        log one level more (repeatable)\n"
	    "  -q, --quiet          log warnings and errors only\n"
	    "  -V, --version        print the version\n"
	    "  -h, --help           print this\n"
	    "      --restored       after restoring a backup: everything "
	    "halted, every\n"
	    "                       device fenced before its next start\n"
	    "      --time-scale X   for trials: divide every duration by X\n"
	    "See trackupd(8).\n");
}

static int
check_config(const char *path, double time_scale)
{
	struct campaign_files *files = files_new();
	struct core_fleet fleet = {.broken = false};
	struct daemon_conf *conf;
	struct sbuf diag;
	int r = EXIT_CONFIG;
	bool bad;

	if (files == NULL) {
		(void)fputs("trackupd: out of memory\n", stderr);
		return 1;
	}
	sbuf_init(&diag, 0);
	if ((conf = daemon_conf_load(path, &diag)) != NULL) {
		conf->time_scale = time_scale;
		bad = usable_check(conf, &diag) < 0;
		bad |= fleet_load(conf, &fleet, &diag) < 0;
		bad |= files_scan(files, conf, NULL, &diag) < 0;
		r = bad ? EXIT_CONFIG : 0;
		core_fleet_free(&fleet);
	}
	(void)fputs(sbuf_str(&diag), stderr);
	if (r == 0)
		(void)printf("%s: ok\n", path);
	daemon_conf_free(conf);
	files_free(files);
	sbuf_done(&diag);
	return r;
}

static int
dump_config(const char *path)
{
	struct daemon_conf *conf;
	struct sbuf diag, out;
	int r = EXIT_CONFIG;

	sbuf_init(&diag, 0);
	sbuf_init(&out, 0);
	if ((conf = daemon_conf_load(path, &diag)) != NULL) {
		daemon_conf_dump(conf, &out);
		r = 0;
		if (fputs(sbuf_str(&out), stdout) == EOF ||
		    fflush(stdout) == EOF) {
			(void)fprintf(stderr, "trackupd: standard output: "
			    "%s\n", strerror(errno));
			r = 1;
		}
	}
	(void)fputs(sbuf_str(&diag), stderr);
	daemon_conf_free(conf);
	sbuf_done(&out);
	sbuf_done(&diag);
	return r;
}

/* Where standard error is closed, its number would go to the next descriptor,
 * and the log into a database or to a tracker. */
static void
hold_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

static int
parse_scale(const char *text, double *ret)
{
	char *end;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (errno != 0 || end == text || *end != '\0' || !(v >= 1) ||
	    v > 100000) {
		(void)fprintf(stderr,
		    "trackupd: --time-scale %s: a number from 1 to 100000\n",
		    text);
		return -1;
	}
	*ret = v;
	return 0;
}

int
main(int argc, char **argv)
{
	struct app_options opt = {
	    .config_path = SYSCONFDIR "/trackupd/trackupd.yaml",
	    .time_scale = 1,
	};
	bool check = false, dump = false;
	int c;

	hold_standard_descriptors();
	while ((c = getopt_long(argc, argv, "c:tTvqVh", long_options, NULL)) !=
	    -1) {
		switch (c) {
		case 'c':
			opt.config_path = optarg;
			break;
		case 't':
			check = true;
			break;
		case 'T':
			dump = true;
			break;
		case 'v':
			opt.verbose++;
			break;
		case 'q':
			opt.quiet = true;
			break;
		case 'V':
			(void)printf("trackupd %s\n", PACKAGE_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		case 'R':
			opt.restored = true;
			break;
		case 'S':
			if (parse_scale(optarg, &opt.time_scale) < 0)
				return 2;
			break;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "trackupd: what is \"%s\"?\n",
		    argv[optind]);
		usage(stderr);
		return 2;
	}
#ifdef PLANTED_BUGS
	plant_select(getenv("TRACKUPD_PLANT"));
#endif
	log_init();
	if (check)
		return check_config(opt.config_path, opt.time_scale);
	if (dump)
		return dump_config(opt.config_path);
	return app_run(&opt);
}
