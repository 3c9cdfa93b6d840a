#ifndef TRACKUP_IO_DIGEST_H
#define TRACKUP_IO_DIGEST_H
/*
 * digest: SHA-256 (OpenSSL) of texts and of files below a root.
 *
 * Keeps nothing, on whatever thread. Results are hex digits and a NUL in the
 * caller's buffer.
 */
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/errtext.h"

#define DIGEST_HEX 65

/* Parts are hashed with their length before them, so that moving a byte from
 * one to the next changes the result. */
void digest_parts(const char *const *part, const size_t *len, size_t count,
    char ret[DIGEST_HEX]);
/* A regular file below root, opened without following symlinks anywhere in
 * path. 0, or -1 with err and errno. */
MUST_CHECK int digest_file(const char *root, const char *path,
    uint64_t *ret_bytes, char ret[DIGEST_HEX], struct errtext *err);

#endif
