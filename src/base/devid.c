#include "config.h"

#include "base/devid.h"

#define IMEI_LEN 15
#define DEVID_MIN 14

static bool
char_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
text_is_decimal(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!char_is_digit(text[i]))
			return false;
	return true;
}

/* The key of an upper-case id. An IMEI loses its check digit here, and with
 * it the difference between 15 digits and their first 14. */
static uint64_t
key_of_text(const char *text, size_t n)
{
	uint64_t key;

	if (n == DEVID_MAX && text[0] == '0') {
		text++;
		n--;
	}
	if (n == IMEI_LEN && text_is_decimal(text, n))
		n--;
	if (span_hex(span_of(text, n), UINT64_MAX, &key) < 0)
		return 0;
	return key;
}

int
devid_parse(struct span s, struct devid *ret)
{
	struct devid id;

	if (s.n < DEVID_MIN || s.n > DEVID_MAX)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c >= 'a' && c <= 'f')
			c = (char)(c - 'a' + 'A');
		id.text[i] = c;
	}
	id.text[s.n] = '\0';
	/* Refuses foreign characters too: it reads every digit but the check
	 * digit, and that one is decimal when it is left out. */
	id.key = key_of_text(id.text, s.n);
	if (id.key == 0)
		return -1;
	*ret = id;
	return 0;
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
