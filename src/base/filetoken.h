#ifndef TRACKUP_BASE_FILETOKEN_H
#define TRACKUP_BASE_FILETOKEN_H
/*
 * filetoken: the component of a package's URL that ties a download to one
 * attempt: "http://fw.example.org:9622/_kq3v5m2a7dzr4xhe/full.enc".
 *
 * Pure. 80 bits of a keyed hash (SipHash-2-4) over the attempt's number, so
 * that whoever does not hold the key cannot guess it. Unreserved characters
 * only; the leading '_' tells it from the name of a file or directory, which
 * may therefore not look like one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_TOKEN_LEN 17 /* '_' and 16 of a-z, 2-7 */
#define FILE_TOKEN_TEXT (FILE_TOKEN_LEN + 1)
#define FILE_TOKEN_KEY 16

uint64_t siphash(const unsigned char key[FILE_TOKEN_KEY], const void *p,
    size_t n);
void file_token_make(const unsigned char key[FILE_TOKEN_KEY], int64_t attempt,
    char ret[FILE_TOKEN_TEXT]);
/* Whether the first component of a path (without its slash in front) is one. */
bool file_token_leads(const char *path);
/* The token of a rendered URL, "" when it has none. */
void file_token_of_url(const char *url, char ret[FILE_TOKEN_TEXT]);

#endif
