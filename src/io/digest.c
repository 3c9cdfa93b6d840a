#include "config.h"
#include "io/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/evp.h>

#include "io/beneath.h"

#define READ_BYTES (256 * 1024)

static EVP_MD_CTX *
sha256_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* Takes ctx. */
static int
sha256_end(EVP_MD_CTX *ctx, char ret[DIGEST_HEX])
{
	static const char digit[] = "0123456789abcdef";
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	int ok = EVP_DigestFinal_ex(ctx, md, &n);

	EVP_MD_CTX_free(ctx);
	if (ok != 1 || n * 2 + 1 != DIGEST_HEX)
		return -1;
	for (unsigned int i = 0; i < n; i++) {
		ret[2 * i] = digit[md[i] >> 4];
		ret[2 * i + 1] = digit[md[i] & 15];
	}
	ret[2 * n] = '\0';
	return 0;
}

void
digest_parts(const char *const *part, const size_t *len, size_t count,
    char ret[DIGEST_HEX])
{
	EVP_MD_CTX *ctx = sha256_new();
	unsigned char head[8];
	int ok = ctx != NULL;

	for (size_t i = 0; ok && i < count; i++) {
		uint64_t n = len[i];

		for (int b = 7; b >= 0; b--, n >>= 8)
			head[b] = (unsigned char)(n & 0xff);
		ok = EVP_DigestUpdate(ctx, head, sizeof(head)) == 1 &&
		    EVP_DigestUpdate(ctx, part[i], len[i]) == 1;
	}
	/* Only for want of memory, at load time: nothing sensible can be
	 * compared with a digest that is none. */
	if (!ok || sha256_end(ctx, ret) < 0)
		abort();
}

/* 0, or what went wrong as an errno. */
static int
hash_fd(int fd, EVP_MD_CTX *ctx, uint64_t *ret_bytes)
{
	char *buf = malloc(READ_BYTES);
	uint64_t bytes = 0;
	ssize_t n;
	int error = 0;

	if (buf == NULL)
		return ENOMEM;
	while ((n = read(fd, buf, READ_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error = errno;
			break;
		}
		if (EVP_DigestUpdate(ctx, buf, (size_t)n) != 1) {
			/* It says no errno: 0 would pass for success. */
			error = ENOMEM;
			break;
		}
		bytes += (uint64_t)n;
	}
	free(buf);
	*ret_bytes = bytes;
	return error;
}

/* What kind of failure it was, the caller reads from errno. */
static int
failed(int error, struct errtext *err, const char *root, const char *path,
    const char *why)
{
	/* Whoever put it somewhere else has to see where it was looked for. */
	(void)errtext_set(err, -1, "%s%s%s: %s", root,
	    path != NULL ? "/" : "", path != NULL ? path : "", why != NULL ? why : strerror(error));
	errno = error;
	return -1;
}

int
digest_file(const char *root, const char *path, uint64_t *ret_bytes,
    char ret[DIGEST_HEX], struct errtext *err)
{
	EVP_MD_CTX *ctx;
	struct stat st;
	uint64_t bytes;
	int dir, fd, r;

	if ((dir = beneath_root(root)) < 0)
		return failed(errno, err, root, NULL, NULL);
	fd = beneath_open(dir, path, &st);
	r = errno;
	(void)close(dir);
	if (fd < 0)
		return failed(r, err, root, path,
		    r == EINVAL ? "not a regular file" :
		    r == ELOOP ? "a symbolic link is in the way" :
		    r == EXDEV ? "leaves the directory" : NULL);
	if ((ctx = sha256_new()) == NULL) {
		(void)close(fd);
		return failed(ENOMEM, err, root, path, NULL);
	}
	r = hash_fd(fd, ctx, &bytes);
	(void)close(fd);
	if (r != 0) {
		EVP_MD_CTX_free(ctx);
		return failed(r, err, root, path, NULL);
	}
	if (sha256_end(ctx, ret) < 0)
		return failed(ENOMEM, err, root, path, NULL);
	*ret_bytes = bytes;
	return 0;
}
