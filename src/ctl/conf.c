#include "config.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/span.h"

/* Ends the line before its comment, as YAML sees one. */
static void
cut_comment(char *s)
{
	char quote = '\0', *p;

	for (p = s; *p != '\0'; p++) {
		if (quote != '\0')
			quote = *p == quote ? '\0' : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '#' && (p == s || p[-1] == ' ' ||
		    p[-1] == '\t'))
			break;
	}
	*p = '\0';
}

/* The value of "socket:" in s, without quotes. */
static bool
find_socket(const char *s, char *ret, size_t size)
{
	const char *p = strstr(s, "socket:");
	size_t n;

	/* Not the tail of another key. */
	if (p == NULL || (p > s && strchr(" \t{,\"'", p[-1]) == NULL))
		return false;
	p += strlen("socket:");
	p += strspn(p, " \t");
	if (*p == '"' || *p == '\'') {
		n = strcspn(p + 1, *p == '"' ? "\"" : "'");
		p++;
	} else {
		n = strcspn(p, ",} \t\r\n");
	}
	return n > 0 && span_copy(ret, size, span_of(p, n));
}

int
conf_socket(const char *file, char *ret, size_t size)
{
	FILE *f = fopen(file, "re");
	bool inside = false, found = false;
	char line[4096];

	if (f == NULL) {
		say("%s: %s", file, strerror(errno));
		return -1;
	}
	while (!found && fgets(line, sizeof line, f) != NULL) {
		size_t indent;

		cut_comment(line);
		indent = strspn(line, " \t");
		if (strchr("\r\n", line[indent]) != NULL)
			continue;
		if (indent == 0)
			inside = strncmp(line, "control:", 8) == 0;
		if (inside)
			found = find_socket(line, ret, size);
	}
	(void)fclose(f);
	return 0;
}
