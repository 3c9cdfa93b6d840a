#include "config.h"
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORD_MAX 32

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

/* Edits (insert, delete, replace, swap of neighbours) from a to b. */
static size_t
distance(const char *a, const char *b)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1];
	size_t n = strnlen(a, WORD_MAX), m = strnlen(b, WORD_MAX);

	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			size_t v = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			v = MIN_OF(v, d[i - 1][j] + 1);
			v = MIN_OF(v, d[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				v = MIN_OF(v, d[i - 2][j - 2] + 1);
			d[i][j] = v;
		}
	return d[n][m];
}

const char *
nearest(const char *word, const char *const *list)
{
	const char *best = NULL;
	size_t least = strlen(word) / 3 + 2, n;

	for (; *list != NULL; list++) {
		/* What was meant as an abbreviation is always near. */
		n = strlen(word) >= 2 &&
		    strncmp(*list, word, strlen(word)) == 0 ? 0 :
		    distance(word, *list);
		if (n < least) {
			least = n;
			best = *list;
		}
	}
	return best;
}

bool
confirmed(const struct ctl *c, const char *fmt, ...)
{
	char line[16];
	va_list ap;

	if (c->yes || isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0)
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
