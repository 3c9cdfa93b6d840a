#include "config.h"
#include "daemon/usable.h"

#include <errno.h>
#include <grp.h>
#include <string.h>

#include "io/api.h"

static int
check_tokens(const struct daemon_conf *c, struct sbuf *diag)
{
	struct errtext err = {0};

	if (api_tokens_check(c->http_token_path, &err) == 0)
		return 0;
	daemon_conf_where(c, "http.token_file", diag);
	sbuf_addf(diag, "%s\n", err.text);
	return -1;
}

static int
check_group(const struct daemon_conf *c, const char *key, const char *name,
    struct sbuf *diag)
{
	errno = 0;
	if (name[0] == '\0' || getgrnam(name) != NULL)
		return 0;
	daemon_conf_where(c, key, diag);
	sbuf_addf(diag, "%s: %s\n", name, errno == 0 || errno == ENOENT
		? "no such group" : strerror(errno));
	return -1;
}

int
usable_check(const struct daemon_conf *c, struct sbuf *diag)
{
	int r = check_tokens(c, diag);

	r |= check_group(c, "control.group", c->control_group, diag);
	r |= check_group(c, "control.read_group", c->control_read_group, diag);
	return r;
}
