#ifndef TRACKUP_IO_BENEATH_H
#define TRACKUP_IO_BENEATH_H
/*
 * beneath: opens regular files below a directory, and nothing else.
 *
 * No symbolic link is followed anywhere in path, no "..", no absolute path, no
 * device or pipe is opened. The kernel checks it (openat2); where it cannot,
 * each component is walked by hand.
 */
#include <stdbool.h>
#include <sys/stat.h>
#include "base/attr.h"

#define BENEATH_PATH_MAX 512

/* An open descriptor of the directory, close-on-exec; -1 with errno. */
MUST_CHECK int beneath_root(const char *root);
/* The descriptor and *ret_st of the file; -1 with errno: ENOENT, ELOOP or
 * EXDEV for an escape, EISDIR and EINVAL for what is no regular file. */
MUST_CHECK int beneath_open(int root, const char *path, struct stat *ret_st);
/* The same without openat2, for kernels before 5.6. */
MUST_CHECK int beneath_open_walk(int root, const char *path,
    struct stat *ret_st);

#endif
