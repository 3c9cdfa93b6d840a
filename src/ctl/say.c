#include "config.h"
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"

static void vsay(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);

static void
vsay(const char *fmt, va_list ap)
{
	char buf[2048];

	(void)vsnprintf(buf, sizeof buf, fmt, ap);
	/* An error may quote what a tracker or a file said. */
	for (char *p = buf; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	(void)fprintf(stderr, "trackupctl: %s\n", buf);
}

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
}

void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	exit(CTL_FAILED);
}

void *
xmalloc(size_t n)
{
	void *p = malloc(n);

	if (p == NULL)
		die("out of memory");
	return p;
}

char *
xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(xmalloc(n), s, n);
}

const char *
nearest(const char *word, const char *const *list)
{
	const char *best = NULL;
	size_t least = SIZE_MAX, n;

	for (; *list != NULL; list++) {
		/* What was meant as an abbreviation is always near. */
		n = strlen(word) >= 2 &&
		    strncmp(*list, word, strlen(word)) == 0 ? 0 :
		    text_distance(word, *list);
		if (n < least) {
			least = n;
			best = *list;
		}
	}
	return best;
}

bool
asks_back(const struct ctl *c)
{
	return !c->yes && isatty(STDIN_FILENO) != 0 &&
	    isatty(STDERR_FILENO) != 0;
}

bool
confirmed(const struct ctl *c, const char *fmt, ...)
{
	char line[16];
	va_list ap;

	if (!asks_back(c))
		return true;
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputs(" [y/N] ", stderr);
	if (fgets(line, sizeof line, stdin) != NULL &&
	    (line[0] == 'y' || line[0] == 'Y'))
		return true;
	say("not confirmed, nothing was done");
	return false;
}

bool
may_stop(const struct ctl *c)
{
	if (c->yes || asks_back(c))
		return true;
	say("%s: cannot be undone, and there is nobody to ask; add --yes",
	    c->cmd->word);
	return false;
}
