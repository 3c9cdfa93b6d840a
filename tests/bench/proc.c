#include "config.h"
#include "bench.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_S 60
#define STOP_S 10
#define QUIET_S 30

const char *work_dir;

static char dir_floor[PATH_MAX], dir_daemon[PATH_MAX];
static pid_t running[16];

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

void
die(const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "bench: ");
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\nbench: logs are in %s\n",
	    work_dir == NULL ? "-" : work_dir);
	for (size_t i = 0; i < ARRAY_LEN(running); i++)
		if (running[i] > 0)
			(void)kill(running[i], SIGKILL);
	exit(1);
}

static double
clock_s(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		die("a clock: %s", strerror(errno));
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

double
now_s(void)
{
	return clock_s(CLOCK_MONOTONIC);
}

void
sleep_s(double s)
{
	struct timespec ts = {.tv_sec = (time_t)s};

	ts.tv_nsec = (long)((s - (double)ts.tv_sec) * 1e9);
	(void)nanosleep(&ts, NULL);
}

/* --- the directory of this run ---------------------------------------------*/

static int
remove_one(const char *path, const struct stat *st UNUSED, int what UNUSED,
    struct FTW *ftw UNUSED)
{
	return strcmp(path, work_dir) == 0 ? 0 : remove(path);
}

void
work_clear(void)
{
	if (nftw(work_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
		die("%s: %s", work_dir, strerror(errno));
}

/* On a disk: /tmp is memory on many systems. */
void
proc_init(const char *self)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_MAX], *slash;
	struct rlimit r;
	int n;

	if (realpath(self, path) == NULL || (slash = strrchr(path, '/')) ==
	    NULL)
		die("%s: where is it?", self);
	*slash = '\0';
	n = snprintf(dir_floor, sizeof(dir_floor), "%s", path);
	if (n < 0 || (size_t)n >= sizeof(dir_floor) ||
	    realpath(path, dir_daemon) == NULL)
		die("%s: path too long", path);
	for (int i = 0; i < 2; i++)
		if ((slash = strrchr(dir_daemon, '/')) != NULL)
			*slash = '\0';
	(void)snprintf(path, sizeof(path), "%s/tu-bench-XXXXXX",
	    tmp != NULL ? tmp : "/var/tmp");
	if (mkdtemp(path) == NULL || (work_dir = strdup(path)) == NULL ||
	    chmod(path, 0755) < 0 || chdir(path) < 0)
		die("%s: %s", path, strerror(errno));
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
	(void)signal(SIGPIPE, SIG_IGN);
}

void
proc_done(void)
{
	work_clear();
	(void)rmdir(work_dir);
}

/* --- programs --------------------------------------------------------------*/

static const char *
program_find(const char *name, char *buf, size_t size)
{
	static const char *const dirs[] = {"/usr/sbin", "/usr/bin",
		"/usr/local/sbin", "/usr/local/bin"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		(void)snprintf(buf, size, "%s/%s", dirs[i], name);
		if (access(buf, X_OK) == 0)
			return buf;
	}
	return NULL;
}

static const char *
program_name(enum server_kind kind)
{
	switch (kind) {
	case SERVER_MOSQUITTO:
		return "mosquitto";
	case SERVER_MEMCACHED:
		return "memcached";
	case SERVER_NGINX:
		return "nginx";
	case SERVER_HAPROXY:
		return "haproxy";
	default:
		return NULL;
	}
}

const char *
server_missing(enum server_kind kind)
{
	const char *name = program_name(kind);
	char path[PATH_MAX];

	if (name == NULL || program_find(name, path, sizeof(path)) != NULL)
		return NULL;
	return "not installed";
}

static uint16_t
port_free(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		die("no free port: %s", strerror(errno));
	(void)close(fd);
	return ntohs(sin.sin_port);
}

static void write_file(const char *name, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static void
write_file(const char *name, const char *fmt, ...)
{
	FILE *f = fopen(name, "w");
	va_list ap;

	if (f == NULL)
		die("%s: %s", name, strerror(errno));
	va_start(ap, fmt);
	(void)vfprintf(f, fmt, ap);
	va_end(ap);
	if (fclose(f) != 0)
		die("%s: %s", name, strerror(errno));
}

void
campaign_write(const char *name, unsigned ids, const char *rest)
{
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "campaigns/%s.txt", name);
	if ((f = fopen(path, "w")) == NULL)
		die("%s: %s", path, strerror(errno));
	for (unsigned i = 0; i < ids; i++)
		(void)fprintf(f, "A%013X\n", i);
	if (fclose(f) != 0)
		die("%s: %s", path, strerror(errno));
	(void)snprintf(path, sizeof(path), "campaigns/%s.yaml", name);
	write_file(path, "campaign: %s\napproval: none\n"
	    "targets: {file: %s.txt}\nwindows: always\n%s", name, name, rest);
}

static void
config_daemon(const struct server *s, const char *name, const char *extra)
{
	char files[PATH_MAX + 128] = "";

	(void)mkdir("campaigns", 0755);
	(void)mkdir("firmware", 0755);
	/* Descriptors for downloads are taken from those for trackers. */
	if (s->kind == SERVER_DAEMON_FILES)
		(void)snprintf(files, sizeof(files), "files: {listen: "
		    "[\"127.0.0.1:%u\"], root: %s/firmware}\n",
		    s->files_port, work_dir);
	write_file(name,
	    "trackers: {listen: [\"127.0.0.1:%u\"], udp_listen: "
	    "[\"127.0.0.1:%u\"], sack: %s}\n"
	    "store: {path: %s/trackupd-%u.db}\n"
	    "campaigns: {directory: %s/campaigns}\n"
	    "http: {listen: []}\n"
	    "control: {socket: %s/ctl-%u}\n"
	    "%s%s", s->port, s->port,
	    s->kind == SERVER_DAEMON ? "all" : "heartbeat", work_dir,
	    s->kind == SERVER_DAEMON ? 0 : s->port, work_dir,
	    work_dir, s->port, files, extra);
}

/* One process that serves, as the daemon has one. */
static void
config_nginx(const struct server *s, const char *name)
{
	(void)mkdir("firmware", 0755);
	write_file(name,
	    "daemon off; master_process off; pid %s/nginx.pid;\n"
	    "error_log stderr crit; worker_rlimit_nofile 20000;\n"
	    "events { worker_connections 8000; }\n"
	    "http { access_log off; sendfile on;\n"
	    "client_body_temp_path %s/n1; proxy_temp_path %s/n2;\n"
	    "fastcgi_temp_path %s/n3; uwsgi_temp_path %s/n4;\n"
	    "scgi_temp_path %s/n5;\n"
	    "server { listen 127.0.0.1:%u backlog=4096; root %s/firmware; }\n"
	    "}\n", work_dir, work_dir, work_dir, work_dir, work_dir, work_dir,
	    s->port, work_dir);
}

/* One thread that passes bytes on, as the daemon has one. */
static void
config_haproxy(const struct server *s, const char *name, const char *backend)
{
	write_file(name,
	    "global\n\tnbthread 1\n\tmaxconn 4000\n"
	    "defaults\n\tmode tcp\n\ttimeout connect 5s\n"
	    "\ttimeout client 600s\n\ttimeout server 600s\n"
	    "listen relay\n\tbind 127.0.0.1:%u\n\tserver s %s\n", s->port,
	    backend);
}

static void
config_mosquitto(const struct server *s, const char *name)
{
	write_file(name,
	    "listener %u 127.0.0.1\nallow_anonymous true\nuser root\n"
	    "persistence false\nlog_type none\nset_tcp_nodelay true\n",
	    s->port);
}

static _Noreturn void
run(const struct server *s, const char *config)
{
	char path[PATH_MAX + 16], port[8];
	static const char *const modes[] = {"bare", "parse", "ack"};

	(void)snprintf(port, sizeof(port), "%u", s->port);
	switch (s->kind) {
	case SERVER_FLOOR_BARE:
	case SERVER_FLOOR_PARSE:
	case SERVER_FLOOR_ACK:
		(void)snprintf(path, sizeof(path), "%s/floor", dir_floor);
		(void)execl(path, "floor", modes[s->kind], port, NULL);
		break;
	case SERVER_DAEMON:
	case SERVER_DAEMON_QUIET:
	case SERVER_DAEMON_FILES:
		(void)snprintf(path, sizeof(path), "%s/trackupd", dir_daemon);
		(void)execl(path, "trackupd", "-q", "-c", config, NULL);
		break;
	case SERVER_MOSQUITTO:
		(void)program_find("mosquitto", path, sizeof(path));
		(void)execl(path, "mosquitto", "-c", config, NULL);
		break;
	case SERVER_MEMCACHED:
		(void)program_find("memcached", path, sizeof(path));
		(void)execl(path, "memcached", "-l", "127.0.0.1", "-p", port,
		    "-U", "0", "-t", "1", "-c", "19000", "-b", "4096", "-u",
		    "root", NULL);
		break;
	case SERVER_NGINX:
		(void)program_find("nginx", path, sizeof(path));
		(void)execl(path, "nginx", "-e", "stderr", "-p", work_dir,
		    "-c", config, NULL);
		break;
	case SERVER_HAPROXY:
		(void)program_find("haproxy", path, sizeof(path));
		(void)execl(path, "haproxy", "-q", "-db", "-f", config, NULL);
		break;
	}
	_exit(127);
}

void
server_fork(struct server *s, enum server_kind kind, const char *extra)
{
	char config[PATH_MAX], log[64];
	size_t slot = 0;
	int fd;

	*s = (struct server){.kind = kind, .port = port_free(),
		.files_port = port_free()};
	(void)snprintf(config, sizeof(config), "%s/config-%u", work_dir,
	    s->port);
	if (kind == SERVER_DAEMON || kind == SERVER_DAEMON_QUIET ||
	    kind == SERVER_DAEMON_FILES)
		config_daemon(s, config, extra);
	else if (kind == SERVER_NGINX)
		config_nginx(s, config);
	else if (kind == SERVER_MOSQUITTO)
		config_mosquitto(s, config);
	else if (kind == SERVER_HAPROXY)
		config_haproxy(s, config, extra);
	(void)snprintf(log, sizeof(log), "log-%u", s->port);
	if ((fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) <
	    0)
		die("%s: %s", log, strerror(errno));
	if ((s->pid = fork()) < 0)
		die("fork: %s", strerror(errno));
	if (s->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(fd, STDOUT_FILENO);
		(void)dup2(fd, STDERR_FILENO);
		run(s, config);
	}
	(void)close(fd);
	while (slot < ARRAY_LEN(running) && running[slot] != 0)
		slot++;
	if (slot < ARRAY_LEN(running))
		running[slot] = s->pid;
}

void
server_wait(const struct server *s)
{
	double deadline = now_s() + START_S;
	int fd;

	while ((fd = connect_to(s->port, 0, false)) < 0) {
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
			die("server %d ended, see log-%u", s->kind, s->port);
		if (now_s() > deadline)
			die("server %d does not accept, see log-%u", s->kind,
			    s->port);
		sleep_s(0.002);
	}
	(void)close(fd);
}

void
server_start(struct server *s, enum server_kind kind, const char *extra)
{
	server_fork(s, kind, extra);
	server_wait(s);
	server_quiet(s);
}

void
server_stop(struct server *s)
{
	double deadline = now_s() + STOP_S;

	(void)kill(s->pid, SIGTERM);
	while (waitpid(s->pid, NULL, WNOHANG) == 0) {
		if (now_s() > deadline)
			(void)kill(s->pid, SIGKILL);
		sleep_s(0.005);
	}
	for (size_t i = 0; i < ARRAY_LEN(running); i++)
		if (running[i] == s->pid)
			running[i] = 0;
	s->pid = 0;
}

/* --- what it uses ----------------------------------------------------------*/

double
server_cpu_s(const struct server *s)
{
	clockid_t id;

	if (clock_getcpuclockid(s->pid, &id) != 0)
		die("server %d is gone, see log-%u", s->kind, s->port);
	return clock_s(id);
}

double
server_memory(const struct server *s)
{
	char path[64], line[256];
	long kib = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup",
	    (int)s->pid);
	if ((f = fopen(path, "r")) == NULL)
		die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "Anonymous:", 10) == 0)
			kib = strtol(line + 10, NULL, 10);
	(void)fclose(f);
	if (kib < 0)
		die("%s: no line Anonymous", path);
	return (double)kib * 1024;
}

/* True when every thread waits for something. */
static bool
threads_sleep(const struct server *s)
{
	char path[512], text[512];
	const struct dirent *e;
	bool asleep = true;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)s->pid);
	if ((d = opendir(path)) == NULL)
		die("server %d is gone, see log-%u", s->kind, s->port);
	while (asleep && (e = readdir(d)) != NULL) {
		const char *state = NULL;
		ssize_t n = -1;
		int fd;

		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%s/stat",
		    (int)s->pid, e->d_name);
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0) {
			n = read(fd, text, sizeof(text) - 1);
			(void)close(fd);
		}
		if (n <= 0)
			continue;
		text[n] = '\0';
		state = strrchr(text, ')');
		asleep = state != NULL && state[1] == ' ' && state[2] == 'S';
	}
	(void)closedir(d);
	return asleep;
}

void
server_quiet(const struct server *s)
{
	double deadline = now_s() + QUIET_S, before, after;
	int still = 0;

	before = server_cpu_s(s);
	while (still < 2) {
		if (now_s() > deadline)
			die("server %d never rests, see log-%u", s->kind,
			    s->port);
		sleep_s(0.001);
		after = server_cpu_s(s);
		still = after - before < 1e-7 && threads_sleep(s) ? still + 1
		    : 0;
		before = after;
	}
}

void
one_cpu(bool on)
{
	static cpu_set_t all;
	cpu_set_t one;
	size_t cpu = CPU_SETSIZE - 1;

	if (!on) {
		(void)sched_setaffinity(0, sizeof(all), &all);
		return;
	}
	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		die("sched_getaffinity: %s", strerror(errno));
	while (!CPU_ISSET(cpu, &all))
		cpu--;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}
