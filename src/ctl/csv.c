#include "config.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>

/* What a spreadsheet would run as a formula stays text: names and versions
 * are the words of trackers. */
static bool
is_formula(const char *s)
{
	return s[0] != '\0' && strchr("=+-@\t\r", s[0]) != NULL;
}

void
csv_cell(size_t column, const char *s)
{
	bool formula = is_formula(s);

	if (column > 0)
		(void)putchar(',');
	if (!formula && strpbrk(s, ",;\"\r\n\t ") == NULL) {
		(void)fputs(s, stdout);
		return;
	}
	(void)putchar('"');
	if (formula)
		(void)putchar('\'');
	for (; *s != '\0'; s++) {
		if (*s == '"')
			(void)putchar('"');
		(void)putchar(*s);
	}
	(void)putchar('"');
}

void
csv_end(void)
{
	(void)fputs("\r\n", stdout);
}
