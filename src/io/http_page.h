#ifndef TRACKUP_IO_HTTP_PAGE_H
#define TRACKUP_IO_HTTP_PAGE_H
/*
 * http_page: the files of the page at /, as they were built into the program.
 *
 * Constant data. Nothing of a file system is reached through it.
 */
#include <stddef.h>

struct http_asset {
	const char *path, *type;
	const char *etag;         /* in its quotes */
	const unsigned char *data;
	size_t len;
};

/* NULL: no such file. */
const struct http_asset *http_page_find(const char *path);

#endif
