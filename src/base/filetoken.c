#include "config.h"
#include "base/filetoken.h"

#include <string.h>

/* --- SipHash-2-4 (Aumasson, Bernstein 2012) --------------------------------*/

static uint64_t
rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static uint64_t
load_le(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void
sip_rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

static void
sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_rounds(v, 2);
	v[0] ^= m;
}

uint64_t
siphash(const unsigned char key[FILE_TOKEN_KEY], const void *p, size_t n)
{
	const unsigned char *in = p;
	uint64_t k0 = load_le(key, 8), k1 = load_le(key + 8, 8);
	uint64_t v[4] = {
	    k0 ^ UINT64_C(0x736f6d6570736575),
	    k1 ^ UINT64_C(0x646f72616e646f6d),
	    k0 ^ UINT64_C(0x6c7967656e657261),
	    k1 ^ UINT64_C(0x7465646279746573),
	};
	size_t whole = n / 8 * 8;

	for (size_t i = 0; i < whole; i += 8)
		sip_word(v, load_le(in + i, 8));
	sip_word(v, load_le(in + whole, n - whole) | (uint64_t)n << 56);
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- the token -------------------------------------------------------------*/

void
file_token_make(const unsigned char key[FILE_TOKEN_KEY], int64_t attempt,
    char ret[FILE_TOKEN_TEXT])
{
	static const char digit[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char in[9];
	uint64_t bits[2];

	for (int i = 0; i < 8; i++)
		in[i] = (unsigned char)((uint64_t)attempt >> (8 * i));
	for (unsigned char half = 0; half < 2; half++) {
		in[8] = half;
		bits[half] = siphash(key, in, sizeof(in));
	}
	ret[0] = '_';
	for (int i = 0; i < FILE_TOKEN_LEN - 1; i++) {
		uint64_t *from = &bits[i / 8];

		ret[i + 1] = digit[*from & 31];
		*from >>= 5;
	}
	ret[FILE_TOKEN_LEN] = '\0';
}

static bool
token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
}

bool
file_token_leads(const char *path)
{
	if (path[0] != '_')
		return false;
	for (int i = 1; i < FILE_TOKEN_LEN; i++)
		if (!token_char(path[i]))
			return false;
	return path[FILE_TOKEN_LEN] == '/' || path[FILE_TOKEN_LEN] == '\0';
}

void
file_token_of_url(const char *url, char ret[FILE_TOKEN_TEXT])
{
	const char *p = strstr(url, "://");

	ret[0] = '\0';
	/* Behind whatever path public_url has; the file's own follow. */
	for (p = p == NULL ? NULL : strchr(p + 3, '/'); p != NULL;
	    p = strchr(p + 1, '/')) {
		if (!file_token_leads(p + 1) || p[1 + FILE_TOKEN_LEN] == '\0')
			continue;
		memcpy(ret, p + 1, FILE_TOKEN_LEN);
		ret[FILE_TOKEN_LEN] = '\0';
		return;
	}
}
