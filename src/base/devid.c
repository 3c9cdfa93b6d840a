#include "config.h"

#include "base/devid.h"

#include <string.h>

#define IMEI_LEN 15
#define DEVID_MIN 14

static bool
char_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int
devid_parse(struct span s, struct devid *ret)
{
	struct devid id = {.key = 0};
	bool decimal = true, lower = false;

	if (s.n < DEVID_MIN || s.n > DEVID_MAX)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		unsigned digit = (unsigned)(unsigned char)c - '0';

		if (digit > 9) {
			lower = lower || c >= 'a';
			c = c >= 'a' ? (char)(c - 'a' + 'A') : c;
			if (c < 'A' || c > 'F')
				return -1;
			digit = (unsigned)(c - 'A') + 10;
			decimal = false;
		}
		id.key = id.key << 4 | digit;
	}
	/* In one go: what is written byte by byte is slow to be read again as
	 * a whole, and every frame has an id. */
	memcpy(id.text, s.p, s.n);
	for (size_t i = 0; lower && i < s.n; i++)
		if (id.text[i] >= 'a')
			id.text[i] = (char)(id.text[i] - 'a' + 'A');
	/* An IMEI loses its check digit, and with it the difference between 15
	 * digits and their first 14. */
	if (decimal && (s.n == IMEI_LEN ||
	    (s.n == DEVID_MAX && id.text[0] == '0')))
		id.key >>= 4;
	if (id.key == 0)
		return -1;
	*ret = id;
	return 0;
}

bool
devid_reads(const struct devid *id, struct span s)
{
	/* Two halves that overlap, of fixed size: no call, no loop. */
	return id->key != 0 && s.n >= DEVID_MIN && s.n <= DEVID_MAX &&
	    id->text[s.n - 1] != '\0' && id->text[s.n] == '\0' &&
	    memcmp(id->text, s.p, 8) == 0 &&
	    memcmp(id->text + s.n - 8, s.p + s.n - 8, 8) == 0;
}

bool
devid_is_damaged(struct span s)
{
	struct devid id;
	size_t i = 0;
	bool fraction = false, exponent = false;

	/* Digits around an E are also a fine hex id: that reading wins. */
	if (s.n == 0 || !char_is_digit(s.p[0]) || devid_parse(s, &id) == 0)
		return false;
	while (i < s.n && char_is_digit(s.p[i]))
		i++;
	/* Spreadsheets write the decimal sign of their locale. */
	if (i < s.n && (s.p[i] == '.' || s.p[i] == ',')) {
		fraction = true;
		i++;
		while (i < s.n && char_is_digit(s.p[i]))
			i++;
	}
	if (i < s.n && (s.p[i] == 'E' || s.p[i] == 'e')) {
		size_t first;

		i++;
		if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
			i++;
		first = i;
		while (i < s.n && char_is_digit(s.p[i]))
			i++;
		if (i == first)
			return false;
		exponent = true;
	}
	return i == s.n && (fraction || exponent);
}
