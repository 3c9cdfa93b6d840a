#include "config.h"
#include "ctl/ctl.h"

#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/trackupd/control.sock"
#define NAMES_MAX 32

enum { LONG_JSON = 256, LONG_NO_COLOR, LONG_YES, LONG_REASON, LONG_VERB };

/* clang-format off */
static const struct option longs[] = {
	{"socket", required_argument, NULL, 's'},
	{"config", required_argument, NULL, 'c'},
	{"output", required_argument, NULL, 'o'},
	{"json", no_argument, NULL, LONG_JSON},
	{"no-color", no_argument, NULL, LONG_NO_COLOR},
	{"yes", no_argument, NULL, LONG_YES},
	{"reason", required_argument, NULL, LONG_REASON},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"state", required_argument, NULL, LONG_VERB + OPT_STATE},
	{"cause", required_argument, NULL, LONG_VERB + OPT_CAUSE},
	{"hold", required_argument, NULL, LONG_VERB + OPT_HOLD},
	{"wave", required_argument, NULL, LONG_VERB + OPT_WAVE},
	{"digest", required_argument, NULL, LONG_VERB + OPT_DIGEST},
	{"dry-run", no_argument, NULL, LONG_VERB + OPT_DRY_RUN},
	{"timeout", required_argument, NULL, LONG_VERB + OPT_TIMEOUT},
	{"force", no_argument, NULL, LONG_VERB + OPT_FORCE},
	{"for", required_argument, NULL, LONG_VERB + OPT_FOR},
	{"cancel", no_argument, NULL, LONG_VERB + OPT_CANCEL},
	{"all", no_argument, NULL, LONG_VERB + OPT_ALL},
	{"file", required_argument, NULL, LONG_VERB + OPT_FILE},
	{"seed", required_argument, NULL, LONG_VERB + OPT_SEED},
	{"devices", required_argument, NULL, LONG_VERB + OPT_DEVICES},
	{"follow", no_argument, NULL, LONG_VERB + OPT_FOLLOW},
	{"since", required_argument, NULL, LONG_VERB + OPT_SINCE},
	{"campaign", required_argument, NULL, LONG_VERB + OPT_CAMPAIGN},
	{NULL, 0, NULL, 0},
};

static const struct { const char *name, *value, *help; }
    verb_options[OPT_COUNT_] = {
	[OPT_STATE] = {"--state", " STATE", "only targets in this state"},
	[OPT_CAUSE] = {"--cause", " CAUSE", "only those that ended for this"},
	[OPT_HOLD] = {"--hold", " HOLD", "only those that wait for this"},
	[OPT_WAVE] = {"--wave", " WAVE", "only those of this wave"},
	[OPT_DIGEST] = {"--digest", " D", "only if the file has this digest"},
	[OPT_DRY_RUN] = {"--dry-run", "", "say what would happen"},
	[OPT_TIMEOUT] = {"--timeout", " D", "give up after D, such as 30m"},
	[OPT_FOR] = {"--for", " D", "for a time, such as 12h"},
	[OPT_CANCEL] = {"--cancel", "", "stop also what is under way"},
	[OPT_FILE] = {"--file", " F", "ids, one a line, # comments"},
	[OPT_SEED] = {"--seed", " S", "a number: the same one, the same run"},
	[OPT_DEVICES] = {"--devices", " N", "a made-up fleet of N"},
	[OPT_FORCE] = {"--force", "", "take over what was refused for safety"},
	[OPT_FOLLOW] = {"--follow", "", "go on with what comes, until stopped"},
	[OPT_SINCE] = {"--since", " WHEN", "from then on: 2h ago, or a time; "
	    "default 1h"},
	[OPT_ALL] = {"--all", "", "limits that nothing came near, too"},
	[OPT_CAMPAIGN] = {"--campaign", " NAME", "only what belongs to it"},
};
/* clang-format on */

/* --- help ------------------------------------------------------------------*/
/* path: "trackupctl campaign", the words down to cmd. */
static void
print_help(FILE *to, const struct cmd *cmd, const char *path)
{
	char left[64];

	(void)fprintf(to, "Usage: %s [OPTION]...%s%s\n", path,
	    cmd->args[0] != '\0' ? " " : "", cmd->args);
	if (cmd->sub != NULL)
		(void)fputs("\nCommands:\n", to);
	else
		(void)fprintf(to, "\n%s\n", cmd->help);
	for (const struct cmd *s = cmd->sub; s != NULL && s->word != NULL;
	    s++) {
		(void)snprintf(left, sizeof left, "%s %s", s->word, s->args);
		(void)fprintf(to, "  %-22s %s\n", left, s->help);
	}
	if ((cmd->options & ~CMD_LIST) != 0)
		(void)fputs("\nOptions of this command:\n", to);
	for (int i = 0; i < OPT_COUNT_; i++) {
		if ((cmd->options & OPT_BIT(i)) == 0)
			continue;
		(void)snprintf(left, sizeof left, "%s%s",
		    verb_options[i].name, verb_options[i].value);
		(void)fprintf(to, "  %-22s %s\n", left, verb_options[i].help);
	}
	(void)fputs("\nOptions:\n"
	    "  -s, --socket SOCKET    the daemon's control socket\n"
	    "  -c, --config FILE      take it from this trackupd.yaml\n"
	    "  -o, --output FORMAT    table (default), json, or csv of lists\n"
	    "      --json             the same as -o json\n"
	    "      --no-color         no colours; so does NO_COLOR\n"
	    "      --yes              do not ask back\n"
	    "      --reason TEXT      goes into the audit log\n"
	    "  -h, --help             this help, at every level\n"
	    "  -V, --version          the version\n", to);
}

/* --- the command -----------------------------------------------------------*/
static void
say_unknown(const struct cmd *at, const char *path, const char *word)
{
	const char *names[NAMES_MAX] = {NULL}, *best;
	size_t n = 0;

	for (const struct cmd *s = at->sub; s->word != NULL; s++) {
		assert(n < ARRAY_LEN(names) - 1);
		names[n++] = s->word;
	}
	if ((best = nearest(word, names)) != NULL)
		say("%s: no such command; did you mean %s?", word, best);
	else
		say("%s: no such command; see %s --help", word, path);
}

/* Follows the words down the tree as far as they go. path gets the words that
 * were used; *ret_words the rest. NULL: a word is wrong, and it was said. */
static const struct cmd *
find_cmd(char *const *words, char *path, size_t size, char *const **ret_words)
{
	const struct cmd *at = &cmd_root, *s;
	size_t n = (size_t)snprintf(path, size, "trackupctl");

	while (at->sub != NULL && *words != NULL) {
		for (s = at->sub; s->word != NULL; s++)
			if (strcmp(s->word, *words) == 0)
				break;
		if (s->word == NULL) {
			say_unknown(at, path, *words);
			return NULL;
		}
		n += (size_t)snprintf(path + n, size - n, " %s", s->word);
		at = s;
		words++;
	}
	*ret_words = words;
	return at;
}

static bool
usage_ok(const struct ctl *c, const struct cmd *cmd, const char *path,
    char *const *words)
{
	int n = 0;

	if (cmd->run == NULL) {
		say("which command? see %s --help", path);
		return false;
	}
	for (int i = 0; i < OPT_COUNT_; i++)
		if ((c->given & ~cmd->options & OPT_BIT(i)) != 0) {
			say("%s: not an option of %s", verb_options[i].name,
			    path);
			return false;
		}
	if (c->csv && (cmd->options & CMD_LIST) == 0) {
		say("-o csv: %s is no list; table or json", path);
		return false;
	}
	while (words[n] != NULL)
		n++;
	if (n < cmd->args_min)
		say("%s: %s is missing; see %s --help", path, cmd->args, path);
	else if (n > cmd->args_max)
		say("%s: too many arguments; see %s --help", path, path);
	return n >= cmd->args_min && n <= cmd->args_max;
}

/* --- options ---------------------------------------------------------------*/
static void
say_bad_option(char *const *argv, int ch)
{
	const char *names[ARRAY_LEN(longs)] = {NULL}, *best = NULL;
	const char *arg = argv[optind - 1];

	if (ch == ':') {
		say("%s: needs a value", arg);
		return;
	}
	if (optopt != 0 && optopt < 256) {
		say("-%c: no such option; see trackupctl --help", optopt);
		return;
	}
	for (size_t i = 0; longs[i].name != NULL; i++)
		names[i] = longs[i].name;
	if (strncmp(arg, "--", 2) == 0)
		best = nearest(arg + 2, names);
	if (best != NULL)
		say("%s: no such option; did you mean --%s?", arg, best);
	else
		say("%s: no such option; see trackupctl --help", arg);
}

static int
set_output(struct ctl *c, const char *format)
{
	c->json = strcmp(format, "json") == 0;
	c->csv = strcmp(format, "csv") == 0;
	if (c->json || c->csv || strcmp(format, "table") == 0)
		return CTL_OK;
	say("-o %s: table, json or csv", format);
	return CTL_USAGE;
}

struct asked {
	bool help, version;
	const char *config, *socket;
};

static int
read_options(struct ctl *c, int argc, char **argv, struct asked *ret)
{
	int ch;

	opterr = 0;
	while ((ch = getopt_long(argc, argv, ":s:c:o:hV", longs, NULL)) != -1) {
		switch (ch) {
		case 's': ret->socket = optarg; break;
		case 'c': ret->config = optarg; break;
		case 'o':
			if (set_output(c, optarg) != CTL_OK)
				return CTL_USAGE;
			break;
		case LONG_JSON: (void)set_output(c, "json"); break;
		case LONG_NO_COLOR: c->color = false; break;
		case LONG_YES: c->yes = true; break;
		case LONG_REASON: c->reason = optarg; break;
		case 'h': ret->help = true; break;
		case 'V': ret->version = true; break;
		default:
			if (ch < LONG_VERB || ch >= LONG_VERB + OPT_COUNT_) {
				say_bad_option(argv, ch);
				return CTL_USAGE;
			}
			c->given |= OPT_BIT(ch - LONG_VERB);
			c->value[ch - LONG_VERB] = optarg;
		}
	}
	return CTL_OK;
}

static int
find_socket(struct ctl *c, const struct asked *asked)
{
	(void)snprintf(c->socket, sizeof c->socket, "%s", DEFAULT_SOCKET);
	if (asked->socket != NULL) {
		(void)snprintf(c->socket, sizeof c->socket, "%s",
		    asked->socket);
		return CTL_OK;
	}
	if (asked->config != NULL &&
	    conf_socket(asked->config, c->socket, sizeof c->socket) < 0)
		return CTL_USAGE;
	return CTL_OK;
}

static bool
want_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) != 0 && (no == NULL || no[0] == '\0') &&
	    term != NULL && strcmp(term, "dumb") != 0;
}

int
main(int argc, char **argv)
{
	struct ctl c = {.color = want_color()};
	struct asked asked = {0};
	const struct cmd *cmd;
	char *const *words;
	char path[128];
	int r;

	(void)setlocale(LC_ALL, "");
	/* A pager that was left early is no crash. */
	(void)signal(SIGPIPE, SIG_DFL);
	if ((r = read_options(&c, argc, argv, &asked)) != CTL_OK)
		return r;
	if (asked.version) {
		(void)puts("trackupctl " PACKAGE_VERSION);
		return CTL_OK;
	}
	words = argv + optind;
	/* What everybody tries first. */
	if (*words != NULL && strcmp(*words, "help") == 0) {
		asked.help = true;
		words++;
	}
	cmd = find_cmd(words, path, sizeof path, &words);
	if (cmd == NULL)
		return CTL_USAGE;
	if (asked.help) {
		print_help(stdout, cmd, path);
		return CTL_OK;
	}
	if (!usage_ok(&c, cmd, path, words))
		return CTL_USAGE;
	c.cmd = cmd;
	if ((r = find_socket(&c, &asked)) != CTL_OK)
		return r;
	r = cmd->run(&c, words);
	if (r == CTL_NOT_FOUND && strncmp(cmd->args, "NAME", 4) == 0)
		suggest(&c, words[0], words[1]);
	client_close(&c);
	return r;
}
