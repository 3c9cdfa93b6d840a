#ifndef TRACKUP_TESTS_DIAG_H
#define TRACKUP_TESTS_DIAG_H
/* diag: compares what a loader said, line by line, and shows all of it when it
 * is not what was expected. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sbuf.h"

static inline void
expect_diag(const char *text, const struct sbuf *diag, const char *want)
{
	if (strcmp(sbuf_str(diag), want) != 0)
		ck_abort_msg("of this text:\n%s\n--- expected:\n%s--- got:\n%s",
		    text, want, sbuf_str(diag));
}

static inline void
expect_in(const char *text, const struct sbuf *diag, const char *part)
{
	if (strstr(sbuf_str(diag), part) == NULL)
		ck_abort_msg("of this text:\n%s\n--- expected:\n%s\n--- got:\n"
		    "%s", text, part, sbuf_str(diag));
}

/* A file of the source tree; the caller frees. */
static inline char *
read_source(const char *path)
{
	const char *top = getenv("top_srcdir");
	char full[4096];
	size_t n;
	char *text;
	FILE *f;

	(void)snprintf(full, sizeof(full), "%s/%s", top == NULL ? "." : top,
	    path);
	f = fopen(full, "r");
	if (f == NULL)
		ck_abort_msg("%s cannot be read", full);
	text = calloc(1, 1 << 20);
	ck_assert_ptr_nonnull(text);
	n = fread(text, 1, (1 << 20) - 1, f);
	ck_assert_uint_gt(n, 0);
	(void)fclose(f);
	return text;
}

#endif
