#include "config.h"
#include "io/api_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "base/span.h"
#include "base/text.h"

/*
 * The file holds only hashes: whoever reads it cannot come in with it. A token
 * is 128 random bits or more, so that one round of a fast hash is enough.
 */
#define TOKENS_MAX 1000
#define FILE_BYTES_MAX (TOKENS_MAX * 160)
#define HASH_BYTES 32

struct token {
	char name[API_WORD_MAX + 1];
	enum api_role role;
	unsigned char hash[HASH_BYTES];
};

struct api_tokens {
	size_t count;
	struct token token[];
};

static bool
name_good(struct span s)
{
	if (s.n == 0 || s.n > API_WORD_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789-_.", s.p[i]) == NULL || s.p[i] == '\0')
			return false;
	return true;
}

static bool
hash_read(struct span s, unsigned char ret[HASH_BYTES])
{
	uint64_t byte;

	if (s.n != HASH_BYTES * 2)
		return false;
	for (size_t i = 0; i < HASH_BYTES; i++) {
		if (span_hex(span_of(s.p + 2 * i, 2), 255, &byte) < 0)
			return false;
		ret[i] = (unsigned char)byte;
	}
	return true;
}

/* The next word of a line, blanks around it dropped. */
static struct span
word(struct span *rest)
{
	struct span w;
	size_t n = 0;

	while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t'))
		*rest = span_of(rest->p + 1, rest->n - 1);
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
		n++;
	w = span_of(rest->p, n);
	*rest = span_of(rest->p + n, rest->n - n);
	return w;
}

/* 1 = a token, 0 = nothing in it, -1 with *ret_what. */
static int
line_read(struct span line, const struct api_tokens *t, struct token *ret,
    const char **ret_what)
{
	struct span name = word(&line), role = word(&line),
	    hash = word(&line), more = word(&line);

	if (name.n == 0 || name.p[0] == '#')
		return 0;
	memset(ret, 0, sizeof *ret);
	*ret_what = "name: at most 64 of a-z A-Z 0-9 - _ .";
	if (!name_good(name))
		return -1;
	(void)span_copy(ret->name, sizeof ret->name, name);
	*ret_what = "name: stands in the file already";
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->token[i].name, ret->name) == 0)
			return -1;
	*ret_what = "role: read or operate";
	if (span_is(role, "read"))
		ret->role = API_READ;
	else if (span_is(role, "operate"))
		ret->role = API_OPERATE;
	else
		return -1;
	*ret_what = "hash: the SHA-256 of the token, 64 hex digits";
	if (!hash_read(hash, ret->hash) || more.n > 0)
		return -1;
	return 1;
}

static char *
file_read(const char *path, size_t *ret_len, struct errtext *err)
{
	FILE *f = fopen(path, "re");
	char *text = malloc(FILE_BYTES_MAX + 1);
	size_t n;

	if (f == NULL || text == NULL) {
		(void)errtext_set(err, -1, "%s: %s", path, f == NULL
			? strerror(errno) : "out of memory");
		goto bad;
	}
	n = fread(text, 1, FILE_BYTES_MAX + 1, f);
	if (ferror(f) || n > FILE_BYTES_MAX) {
		(void)errtext_set(err, -1, "%s: %s", path, ferror(f)
			? "cannot be read" : "too large");
		goto bad;
	}
	(void)fclose(f);
	*ret_len = n;
	return text;
bad:
	if (f != NULL)
		(void)fclose(f);
	free(text);
	return NULL;
}

struct api_tokens *
api_tokens_load(const char *path, struct errtext *err)
{
	struct api_tokens *t;
	struct span rest, line;
	const char *what;
	size_t len;
	char *text = file_read(path, &len, err);

	if (text == NULL)
		return NULL;
	t = malloc(sizeof *t + TOKENS_MAX * sizeof t->token[0]);
	if (t == NULL) {
		(void)errtext_set(err, -1, "%s: out of memory", path);
		free(text);
		return NULL;
	}
	t->count = 0;
	rest = span_of(text, len);
	for (int n = 1; text_line(&rest, &line); n++) {
		struct token one;
		int r = line_read(line, t, &one, &what);

		if (r > 0 && t->count == TOKENS_MAX) {
			what = "more tokens than 1000";
			r = -1;
		}
		if (r < 0) {
			(void)errtext_set(err, -1, "%s:%d: %s", path, n,
			    what);
			free(text);
			free(t);
			return NULL;
		}
		if (r > 0)
			t->token[t->count++] = one;
	}
	free(text);
	return t;
}

void
api_tokens_free(struct api_tokens *t)
{
	free(t);
}

enum api_role
api_tokens_find(const struct api_tokens *t, const char *token,
    const char **ret_name)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	enum api_role role = API_NOTHING;
	unsigned n = 0;

	if (EVP_Digest(token, strlen(token), md, &n, EVP_sha256(), NULL) != 1 ||
	    n != HASH_BYTES)
		return API_NOTHING;
	/* All of them: how long it takes tells nothing. */
	for (size_t i = 0; i < t->count; i++)
		if (CRYPTO_memcmp(md, t->token[i].hash, HASH_BYTES) == 0) {
			*ret_name = t->token[i].name;
			role = t->token[i].role;
		}
	return role;
}
