#include "config.h"
#include "io/fwreq.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/span.h"

/* --- path ------------------------------------------------------------------*/

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One character, escaped or not; -1: none. */
static int
char_decode(const char **p)
{
	int hi, lo;

	if (**p != '%')
		return (unsigned char)*(*p)++;
	if ((hi = hex_value((*p)[1])) < 0 || (lo = hex_value((*p)[2])) < 0)
		return -1;
	*p += 3;
	return hi << 4 | lo;
}

/* Behind the first slash of the path, or NULL. */
static const char *
target_path(const char *target)
{
	const char *p;

	if (target[0] == '/')
		return target + 1;
	/* The absolute form is for proxies, but every server must take it. */
	if (strncasecmp(target, "http://", 7) != 0)
		return NULL;
	p = strpbrk(target + 7, "/?#");
	return p != NULL && *p == '/' ? p + 1 : NULL;
}

/* A component of the decoded path is what a person would call a file name. */
static bool
component_ok(const char *p, size_t n)
{
	return n > 0 && p[0] != '.';
}

enum fw_path
fw_path_decode(const char *target, char *buf, size_t size)
{
	const char *p = target_path(target);
	size_t n = 0, begin = 0;
	bool refused = false;
	int c;

	if (p == NULL)
		return FW_PATH_MALFORMED;
	while (*p != '\0' && *p != '?') {
		/* An escaped slash would be another component to us than to
		 * whoever checked the text before. */
		bool escaped = *p == '%';

		if ((c = char_decode(&p)) < 0x20 || c == 0x7f)
			return FW_PATH_MALFORMED;
		if (c >= 0x80 || c == '\\' || c == '#' ||
		    (escaped && (c == '/' || c == '%')) || n + 1 >= size) {
			refused = true;
			continue;
		}
		if (c == '/') {
			refused = refused || !component_ok(buf + begin,
			    n - begin);
			begin = n + 1;
		}
		buf[n++] = (char)c;
	}
	buf[n] = '\0';
	if (refused || !component_ok(buf + begin, n - begin))
		return FW_PATH_REFUSED;
	return FW_PATH_OK;
}

/* --- range -----------------------------------------------------------------*/


enum fw_range
fw_range_parse(const char *header, uint64_t size, uint64_t *ret_first,
    uint64_t *ret_last)
{
	struct span s, first;
	uint64_t from, to = size - 1;

	if (header == NULL || strncasecmp(header, "bytes=", 6) != 0)
		return FW_WHOLE;
	s = span_trim(span_str(header + 6));
	if (memchr(s.p, ',', s.n) != NULL || memchr(s.p, '-', s.n) == NULL)
		return FW_WHOLE;
	if (!span_field(&s, '-', &first))
		return FW_WHOLE;
	if (first.n == 0) { /* "-500": the last 500 */
		if (span_dec(s, UINT64_MAX, &to) < 0)
			return FW_WHOLE;
		if (to == 0 || size == 0)
			return FW_UNSATISFIABLE;
		*ret_first = to < size ? size - to : 0;
		*ret_last = size - 1;
		return FW_PART;
	}
	if (span_dec(first, UINT64_MAX, &from) < 0)
		return FW_WHOLE;
	if (s.n > 0 && (span_dec(s, UINT64_MAX, &to) < 0 || to < from))
		return FW_WHOLE;
	if (from >= size)
		return FW_UNSATISFIABLE;
	*ret_first = from;
	*ret_last = MIN_OF(to, size - 1);
	return FW_PART;
}

/* --- basic authentication --------------------------------------------------*/

static int
sha256(const void *p, size_t n, unsigned char ret[32])
{
	unsigned int len = 0;

	if (EVP_Digest(p, n, ret, &len, EVP_sha256(), NULL) != 1 || len != 32)
		return -1;
	return 0;
}

int
fw_auth_init(struct fw_auth *a, const char *user, const char *password)
{
	char plain[2 * FW_AUTH_MAX + 2];
	unsigned char base64[sizeof(plain) * 2];
	int n;

	memset(a, 0, sizeof(*a));
	if (user[0] == '\0' && password[0] == '\0')
		return 0;
	if (strlen(user) > FW_AUTH_MAX || strlen(password) > FW_AUTH_MAX ||
	    strchr(user, ':') != NULL)
		return -1;
	n = snprintf(plain, sizeof(plain), "%s:%s", user, password);
	n = EVP_EncodeBlock(base64, (const unsigned char *)plain, n);
	OPENSSL_cleanse(plain, sizeof(plain));
	a->needed = true;
	return sha256(base64, (size_t)n, a->digest);
}

bool
fw_auth_ok(const struct fw_auth *a, const char *header)
{
	unsigned char digest[32];
	struct span s;

	if (!a->needed)
		return true;
	if (header == NULL || strncasecmp(header, "Basic ", 6) != 0)
		return false;
	s = span_trim(span_str(header + 6));
	/* Digests are compared, so that neither the length nor the first
	 * wrong character shows. */
	if (sha256(s.p, s.n, digest) < 0)
		return false;
	return CRYPTO_memcmp(digest, a->digest, sizeof(digest)) == 0;
}

/* --- date ------------------------------------------------------------------*/

char *
fw_date(time_t t, char buf[FW_DATE_TEXT])
{
	static const char day[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu",
	    "Fri", "Sat"};
	static const char month[12][4] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm;

	/* A file dated beyond all calendars has the date of the epoch. */
	if (gmtime_r(&t, &tm) == NULL || tm.tm_year > 8099 ||
	    tm.tm_year < 0) {
		t = 0;
		(void)gmtime_r(&t, &tm);
	}
	(void)snprintf(buf, FW_DATE_TEXT, "%s, %02u %s %04u %02u:%02u:%02u GMT",
	    day[tm.tm_wday], (unsigned)tm.tm_mday % 100, month[tm.tm_mon],
	    (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
	    (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
	return buf;
}
