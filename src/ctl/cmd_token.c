#include "config.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "base/sha256.h"

#define TOKEN_BYTES 24 /* 192 bits: one round of a fast hash is enough */
#define NAME_BYTES_MAX 64

static bool
name_good(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= NAME_BYTES_MAX && n ==
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_.");
}

static void
hex(const unsigned char *p, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", p[i]);
}

/* Nothing of it goes to the daemon: the line is for http.token_file, which
 * holds the hash alone, and the token is shown once. */
int
cmd_token_new(struct ctl *c, char *const *args)
{
	unsigned char raw[TOKEN_BYTES], md[SHA256_BYTES];
	char token[3 + 2 * TOKEN_BYTES + 1], hash[2 * SHA256_BYTES + 1];
	json_t *j;

	if (!name_good(args[0])) {
		say("%s: a name has at most %d of a-z A-Z 0-9 - _ .", args[0],
		    NAME_BYTES_MAX);
		return CTL_USAGE;
	}
	if (strcmp(args[1], "read") != 0 && strcmp(args[1], "operate") != 0) {
		say("%s: a role is read or operate", args[1]);
		return CTL_USAGE;
	}
	if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
		die("no random numbers: %s", strerror(errno));
	memcpy(token, "tu_", sizeof "tu_");
	hex(raw, sizeof raw, token + 3);
	sha256(token, strlen(token), md);
	hex(md, sizeof md, hash);
	if (c->json) {
		j = json_pack("{s:s, s:s, s:s, s:s}", "name", args[0],
		    "role", args[1], "token", token, "sha256", hash);
		if (j == NULL)
			die("out of memory");
		print_json(j);
		json_decref(j);
		return CTL_OK;
	}
	(void)printf("%s %s %s\n", args[0], args[1], hash);
	(void)fflush(stdout);
	(void)fprintf(stderr, "add this line to http.token_file and reload. "
	    "The token is shown only now:\n");
	(void)printf("%s\n", token);
	return CTL_OK;
}
