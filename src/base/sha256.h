#ifndef TRACKUP_BASE_SHA256_H
#define TRACKUP_BASE_SHA256_H
/*
 * sha256: SHA-256 (FIPS 180-4) of what lies in memory as a whole.
 *
 * Pure. For the one hash of trackupctl, which is linked without OpenSSL; what
 * is large or read in parts goes through io/digest.h.
 */
#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

void sha256(const void *data, size_t len, unsigned char ret[SHA256_BYTES]);

#endif
