#include "config.h"
#include "sim/url.h"

#include <ctype.h>

static bool
host_is_good(struct span host, bool v6)
{
	if (host.n == 0)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		unsigned char c = (unsigned char)host.p[i];
		bool ok = v6 ? isxdigit(c) || c == ':' || c == '.'
		             : isalnum(c) || c == '-' || c == '.' || c == '_';

		if (!ok)
			return false;
	}
	return true;
}

int
url_parse(struct span text, struct url *ret)
{
	struct url u = {.port = 80};
	struct span authority, host;
	const char *slash;
	uint64_t port;
	size_t skip = sizeof("http://") - 1;

	if (text.n > URL_MAX || !span_starts(text, "http://"))
		return -1;
	for (size_t i = 0; i < text.n; i++)
		if (!isgraph((unsigned char)text.p[i]))
			return -1;
	text = span_of(text.p + skip, text.n - skip);
	if (text.n == 0 || (slash = memchr(text.p, '/', text.n)) == NULL)
		return -1;
	authority = span_of(text.p, (size_t)(slash - text.p));
	host = authority;
	if (span_starts(authority, "[")) {
		const char *end = memchr(authority.p, ']', authority.n);

		if (end == NULL)
			return -1;
		u.host_is_v6 = true;
		host = span_of(authority.p + 1,
		    (size_t)(end - authority.p) - 1);
		authority = span_of(end + 1, authority.n - host.n - 2);
	} else {
		const char *colon = memchr(authority.p, ':', authority.n);

		if (colon != NULL)
			host.n = (size_t)(colon - authority.p);
		authority = span_of(host.p + host.n, authority.n - host.n);
	}
	if (!host_is_good(host, u.host_is_v6))
		return -1;
	if (authority.n > 0) {
		if (authority.p[0] != ':' ||
		    span_dec(span_of(authority.p + 1, authority.n - 1), 65535,
			&port) < 0 || port == 0)
			return -1;
		u.port = (uint16_t)port;
	}
	(void)span_copy(u.host, sizeof(u.host), host);
	(void)span_copy(u.path, sizeof(u.path),
	    span_of(slash, text.n - (size_t)(slash - text.p)));
	*ret = u;
	return 0;
}

static bool
token_is_version(struct span s)
{
	uint64_t value;

	return s.n == 4 && span_hex(s, 0xFFFF, &value) == 0;
}

void
url_versions(struct span text, char ret_from[VERSION_MAX + 1],
    char ret_to[VERSION_MAX + 1])
{
	struct span name = text, rest, token;
	const char *query = text.n > 0 ? memchr(text.p, '?', text.n) : NULL;

	ret_from[0] = ret_to[0] = '\0';
	if (query != NULL)
		text.n = (size_t)(query - text.p);
	rest = text;
	if (!span_field_last(&rest, '/', &name) || name.n == 0)
		return;
	if (memchr(name.p, '.', name.n) != NULL)
		name.n = (size_t)((const char *)memchr(name.p, '.', name.n) -
		    name.p);
	rest = name;
	if (!span_field_last(&rest, '_', &token) || !token_is_version(token))
		return;
	(void)span_copy(ret_to, VERSION_MAX + 1, token);
	if (span_field_last(&rest, '_', &token) && token_is_version(token))
		(void)span_copy(ret_from, VERSION_MAX + 1, token);
}
